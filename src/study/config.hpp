// SPDX-License-Identifier: MIT
// What a study remembers of its sampler, pruner and seed: the system attribute `bluefin:config`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bluefin/json.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"

namespace bluefin {

inline constexpr const char* kConfigKey = "bluefin:config";

struct Config {
  std::string sampler;  // empty: not said
  OptionMap sampler_options;
  std::string pruner;
  OptionMap pruner_options;
  std::optional<std::uint64_t> seed;
};

// {"sampler": "tpe", "sampler_options": {...}, "pruner": "median", "pruner_options": {...}, "seed": 1}
Json write_config(const Sampler& sampler, const Pruner& pruner, std::uint64_t seed);
// Reads what it can; text that is no configuration is logged and left empty.
Config read_config(const std::vector<Attribute>& system_attrs);
// What the configuration names, or null: nothing, or something that this process cannot make (which is logged).
std::shared_ptr<const Sampler> stored_sampler(const Config& config);
std::shared_ptr<const Pruner> stored_pruner(const Config& config);

}  // namespace bluefin
