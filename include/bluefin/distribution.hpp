// SPDX-License-Identifier: MIT
// What a parameter may be. Rules, JSON and errors follow optuna/distributions.py (5.0.0).
//
// Inside bluefin a parameter's value is one double, its canonical form: a float is itself (not its logarithm), an
// integer is that integer (exact up to 2^53), a categorical is the index of its choice.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bluefin/json.hpp"

namespace bluefin {

// A choice that is none of C++'s plain values: a list, a dictionary, an integer beyond 64 bits. Kept as its JSON text.
struct JsonChoice {
  explicit JsonChoice(Json value) : json(std::move(value)) {}
  Json json;
  friend bool operator==(const JsonChoice&, const JsonChoice&) = default;
};

// One choice of a categorical, and the form in which people see any parameter's value.
// monostate is None (null).
using Choice = std::variant<std::monostate, bool, std::int64_t, double, std::string, JsonChoice>;

// Python's rule: True == 1 == 1.0, nothing else crosses kinds. A JsonChoice is known by its text.
bool choices_equal(const Choice& a, const Choice& b);
// For people: `adam`, `0.1`, `None`, `[64, 32]`.
std::string to_string(const Choice& choice);

struct FloatDistribution {
  double low = 0.0;   // included
  double high = 1.0;  // included; normalize() rounds it down to low + k * step
  double step = 0.0;  // 0: continuous
  bool log = false;   // uniform in the logarithm; needs low > 0 and no step
  friend bool operator==(const FloatDistribution&, const FloatDistribution&) = default;
};

struct IntDistribution {
  std::int64_t low = 0;   // included
  std::int64_t high = 1;  // included; normalize() rounds it down to low + k * step
  std::int64_t step = 1;
  bool log = false;  // needs low >= 1 and step 1
  friend bool operator==(const IntDistribution&, const IntDistribution&) = default;
};

struct CategoricalDistribution {
  std::vector<Choice> choices;  // not empty
  friend bool operator==(const CategoricalDistribution& a, const CategoricalDistribution& b);
};

using Distribution = std::variant<FloatDistribution, IntDistribution, CategoricalDistribution>;

// For people, as Python shows it: `FloatDistribution(high=1.0, log=False, low=0.0, step=None)`.
std::string to_string(const Distribution& distribution);

// Checks the bounds, rounds `high` down to the grid. Throws Error(kInvalidArgument) that names the value.
Distribution normalize(Distribution distribution);
// Whether only one value is possible.
bool is_single(const Distribution& distribution);
// Whether a canonical value belongs to the distribution. As in Optuna a value off the grid of a step counts as outside.
bool contains(const Distribution& distribution, double value);
// Throws Error(kInvalidArgument) when `value` cannot be a value of this kind of distribution. A number that lies
// outside of [low, high] is converted all the same (Optuna warns about it and goes on).
double to_canonical(const Distribution& distribution, const Choice& value);
Choice to_external(const Distribution& distribution, double value);
// Whether a study may use both under one name: same kind, same log, and equal choices for categoricals.
// Throws Error(kConflict) that names what differs. Source: check_distribution_compatibility.
void check_compatible(std::string_view name, const Distribution& known, const Distribution& other);

// {"name": "FloatDistribution", "attributes": {...}}, text as Optuna writes it.
std::string to_json(const Distribution& distribution);
// Also reads the class names of Optuna 2.x (UniformDistribution, ...). Throws Error(kCorrupt), also for what Optuna
// takes and normalize() does not.
Distribution distribution_from_json(std::string_view text);

// A parameter of a search space.
struct ParamSpec {
  std::string name;
  Distribution distribution;
  friend bool operator==(const ParamSpec&, const ParamSpec&) = default;
};
using ParamSpecPtr = std::shared_ptr<const ParamSpec>;

// A parameter of a trial: canonical value.
struct TrialParam {
  ParamSpecPtr spec;
  double value;
};

}  // namespace bluefin
