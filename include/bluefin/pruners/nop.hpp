// SPDX-License-Identifier: MIT
// Never prunes.
#pragma once

#include <memory>

#include "bluefin/pruner.hpp"

namespace bluefin {

struct NopOptions {
  template <class V>
  static void describe(V&&) {}
};
std::shared_ptr<const Pruner> make_pruner(const NopOptions& options);

}  // namespace bluefin
