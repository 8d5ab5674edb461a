// SPDX-License-Identifier: MIT
// Independent draws from each distribution.
#pragma once

#include <memory>

#include "bluefin/sampler.hpp"

namespace bluefin {

struct RandomOptions {
  template <class V>
  static void describe(V&&) {}
};

std::shared_ptr<const Sampler> make_sampler(const RandomOptions& options);

}  // namespace bluefin
