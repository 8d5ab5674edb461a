// SPDX-License-Identifier: MIT
// The handle that an objective gets.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/error.hpp"
#include "bluefin/frozen_trial.hpp"
#include "bluefin/json.hpp"

namespace bluefin {

class TrialBackend;  // private: a trial of a study, of a supervisor at the other end of a socket, or a fixed one

struct FloatOptions {
  double step = 0.0;  // 0: continuous
  bool log = false;
};
struct IntOptions {
  std::int64_t step = 1;
  bool log = false;
};

// Move-only; belongs to one thread. Made by Study::ask() and Study::optimize(), by a supervisor's child (attached.hpp)
// or by fixed_trial(). A trial that is dropped without tell() stays RUNNING and can still be told by its number.
class Trial {
 public:
  explicit Trial(std::unique_ptr<TrialBackend> backend);
  Trial(Trial&&) noexcept;
  Trial& operator=(Trial&&) noexcept;
  ~Trial();

  // Suggest a value; both bounds are included. The same name again gives the same value; with another kind of
  // distribution it is an Error(kConflict). Bad bounds are an Error(kInvalidArgument).
  double suggest_float(std::string_view name, double low, double high, const FloatOptions& options = {});
  std::int64_t suggest_int(std::string_view name, std::int64_t low, std::int64_t high, const IntOptions& options = {});
  // Any mixture of None (monostate), bool, int, float, string and JSON.
  Choice suggest_categorical(std::string_view name, const std::vector<Choice>& choices);
  // One kind: gives that kind back (std::string for string literals).
  template <class T>
  requires(std::is_arithmetic_v<T> ||
           std::convertible_to<T, std::string>) auto suggest_categorical(std::string_view name,
                                                                         std::initializer_list<T> choices) {
    return suggest_same_kind(name, std::vector<T>(choices));
  }
  template <class T>
  requires(std::is_arithmetic_v<T> ||
           std::convertible_to<T, std::string>) auto suggest_categorical(std::string_view name,
                                                                         const std::vector<T>& choices) {
    return suggest_same_kind(name, choices);
  }
  // The general form: canonical value. `chosen` is what a sampler outside of the engine has drawn; it is taken as it is
  // where the study would ask its own sampler: not for a queued value, a single-valued parameter or one that the trial
  // has already.
  double suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen = {});

  // An intermediate value. A second report of a step is ignored with a warning. NaN is allowed.
  // Throws Error(kInvalidArgument) when step < 0.
  void report(double value, std::int64_t step);
  // Whether the study's pruner would stop the trial now. False before the first report and for several objectives
  // (Error(kInvalidArgument), as in Optuna).
  bool should_prune();

  void set_user_attr(std::string_view key, Json value);
  void set_system_attr(std::string_view key, Json value);
  // A constraint is satisfied when value <= 0. Throws Error(kInvalidArgument) for NaN.
  void set_constraint(std::string_view key, double value);

  // See Study::set_resource_hint(). To be called in every trial: once it is known it costs nothing.
  void set_resource_hint(std::string_view name, const std::vector<std::string>& params);

  // What the sampler has chosen before the objective asked, canonical; empty where it chooses one parameter at a time.
  std::vector<TrialParam> joint_params() const;
  int number() const;
  // The GPU that the trial runs on, as cudaSetDevice() counts in this process: always 0 in a process of its own, which
  // sees no other. Empty for a trial without one.
  std::optional<int> device() const;
  std::vector<int> devices() const;  // all of them, with several GPUs for each trial
  FrozenTrial frozen() const;        // what is known now
  std::vector<std::pair<std::string, Choice>> params() const;

  // Throws Error(kInvalidArgument) when the trial was moved from, as every function here does.
  TrialBackend& backend() const;

 private:
  template <class T>
  auto suggest_same_kind(std::string_view name, const std::vector<T>& choices) {
    std::vector<Choice> converted;
    for (const auto& choice : choices) {
      if constexpr (std::is_same_v<T, bool>) {
        converted.emplace_back(static_cast<bool>(choice));
      } else if constexpr (std::integral<T>) {
        converted.emplace_back(static_cast<std::int64_t>(choice));
      } else if constexpr (std::floating_point<T>) {
        converted.emplace_back(static_cast<double>(choice));
      } else {
        converted.emplace_back(std::string(choice));
      }
    }
    const auto index = static_cast<std::size_t>(suggest(name, CategoricalDistribution{converted}));
    if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<T>(choices[index]);
    } else {
      return std::string(choices[index]);
    }
  }

  std::unique_ptr<TrialBackend> backend_;
};

// A trial whose parameters are given: to run an objective once with known values, without a study.
// A parameter that is missing is an Error(kInvalidArgument); should_prune() is always false.
Trial fixed_trial(std::vector<std::pair<std::string, Choice>> params, int number = 0);

}  // namespace bluefin
