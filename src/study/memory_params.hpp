// SPDX-License-Identifier: MIT
// Which parameters of a study decide how much memory a trial needs, and in which products. What the user says
// (Study::set_resource_hint) comes first, then names ("batch_size", "n_layers"), then the type.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"

namespace bluefin {

// Name of a product to its parameters; one that stands twice is squared.
using ResourceHints = std::map<std::string, std::vector<std::string>>;

enum class MemoryRole {
  kNone,       // does not matter: a learning rate, a seed
  kBatch,      // samples at a time
  kWidth,      // units, channels, dimensions of a layer
  kDepth,      // layers
  kLength,     // of a sequence, or the side of an image
  kSize,       // some positive number, which may matter
  kCondition,  // may matter in ways that cannot be told: only equal values can be compared
};

// What a parameter is by its name and its type, without a hint.
MemoryRole memory_role(const ParamSpec& spec);

// The size that a value stands for: itself, of a categorical its choice. None where the distribution has values that
// are no sizes (negative ones, texts).
std::optional<double> memory_size(const ParamSpec& spec, double value);
// The smallest of the distribution; none as above.
std::optional<double> least_memory_size(const ParamSpec& spec);

// A product over factors, each the sum of some parameters' sizes to a power. What a trial does not have counts 0.
struct MemoryTerm {
  struct Factor {
    std::vector<std::size_t> params;  // places in MemoryParams::sizes
    int power = 1;
  };
  std::string name;
  std::vector<Factor> factors;  // empty: the constant

  double value(std::span<const double> sizes) const;
};

// What matters among the parameters of a study.
struct MemoryParams {
  std::vector<std::string> sizes;       // memory does not fall where one of these grows
  std::vector<std::string> conditions;  // what has to be the same for two trials to be compared
  std::vector<MemoryTerm> terms;        // the constant first

  std::optional<std::size_t> find_size(std::string_view name) const;
  bool matters(std::string_view name) const;          // one of either
  std::string formula(const MemoryTerm& term) const;  // "batch * width^2", by name
};
MemoryParams memory_params(const ResourceHints& hints, std::span<const ParamSpecPtr> specs);

}  // namespace bluefin
