// SPDX-License-Identifier: MIT
// What the words mean that options are given: durations, sizes, resource hints, parameters; and what the environment
// says where they are not given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"

namespace bluefin::cli {

// Its name and the parameters that are multiplied.
using ResourceHint = std::pair<std::string, std::vector<std::string>>;
using Configuration = std::vector<std::pair<std::string, Choice>>;

// "90", "90s", "5m", "2h", "1.5h": seconds. nullopt for anything else, also for negative ones.
std::optional<double> parse_duration(std::string_view text);
// "8GiB", "8G", "500MB", "1.5k", "1048576": bytes; of units that end with a plain B 1000 make the next one. nullopt for
// anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "activations=batch*width*depth". Throws UsageError.
ResourceHint parse_resource_hint(const std::string& text, std::string_view name = "--resource-hint");
// {"lr": 0.001, "optimizer": "adam"}. Throws UsageError.
Configuration parse_configuration(const std::string& text);
// Of this process; empty: it is not set.
std::string environment_variable(const char* name);

}  // namespace bluefin::cli
