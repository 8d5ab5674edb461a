// SPDX-License-Identifier: MIT
#include "math/dense.hpp"

#include "math/instruction_set.hpp"

namespace bluefin::math {

const Dense& dense(std::string_view name) {
  return choose_version<Dense>({kDenseAvx512, kDenseAvx2, kDenseBaseline}, name);
}

const Dense& dense() {
  static const Dense& version = dense(forced_instruction_set());
  return version;
}

}  // namespace bluefin::math
