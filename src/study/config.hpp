// SPDX-License-Identifier: MIT
// What a study remembers of its sampler, pruner and seed: the system attribute `bluefin:config`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bluefin/json.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"

namespace bluefin {

inline constexpr const char* kConfigKey = "bluefin:config";

struct Config {
  std::shared_ptr<const Sampler> sampler;  // null: not said, or not one that this build knows
  std::shared_ptr<const Pruner> pruner;
  std::optional<std::uint64_t> seed;
};

// {"sampler": "tpe", "sampler_options": {...}, "pruner": "median", "pruner_options": {...}, "seed": 1}
Json write_config(const Sampler& sampler, const Pruner& pruner, std::uint64_t seed);
// Reads what it can; what it cannot read is logged and left empty.
Config read_config(const std::vector<Attribute>& system_attrs);

}  // namespace bluefin
