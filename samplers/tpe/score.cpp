// SPDX-License-Identifier: MIT
#include "samplers/tpe/score.hpp"

#include "math/instruction_set.hpp"

namespace bluefin::tpe {

const ScoreKernel& score_kernel(std::string_view name) {
  return math::choose_version<ScoreKernel>({kScoreAvx512, kScoreAvx2, kScoreBaseline}, name);
}

const ScoreKernel& score_kernel() {
  static const ScoreKernel& kernel = score_kernel(math::forced_instruction_set());
  return kernel;
}

}  // namespace bluefin::tpe
