// SPDX-License-Identifier: MIT
// What a sampler is. To add one: include/bluefin/samplers/x.hpp, samplers/x.cpp, tests/samplers/x_test.cpp and a line
// in samplers/registry.cpp.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/history.hpp"
#include "bluefin/json.hpp"
#include "bluefin/options.hpp"
#include "bluefin/rng.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

// What a model may know of its study for good.
struct StudyInfo {
  std::string name;
  std::vector<Direction> directions;  // for information: losses are already minimised
  std::uint64_t seed = 0;
  bool shared = true;  // other processes may read it while it runs; not so in the memory of one
};

// Whether a candidate (a joint point, or what the trial has and one more parameter) may be run at all. Samplers draw
// again, or take the best candidate that passes; when none does they return the best of all. From several threads.
using FeasibilityFilter = std::function<bool(std::span<const TrialParam>)>;

struct SuggestRequest {
  const HistoryView& history;
  int number;                          // of the trial that asks; its own entry in history.pending() is to be ignored
  Rng& rng;                            // the only source of randomness
  std::span<const TrialParam> params;  // what this trial has already
  const FeasibilityFilter* feasible = nullptr;
};

// Parameters that are drawn together.
using SearchSpace = std::vector<ParamSpecPtr>;

struct JointSuggestion {
  std::vector<TrialParam> params;       // may be empty: nothing is known yet
  std::vector<Attribute> system_attrs;  // written with the trial's first transaction (tpe:relative_params:0, ...)
};

// The state that a sampler keeps for one study. Owned by the study; advanced by itself, row by row, from the history
// that comes with each request. Any method from any thread: a model locks its own state. A history only ever grows, so
// a model to which another thread has shown a later view may answer with what it knows from there.
class SamplerModel {
 public:
  virtual ~SamplerModel() = default;
  // The parameters that can be chosen before the objective runs, apart from each other where there are several spaces
  // (Optuna: infer_relative_search_space).
  virtual std::vector<SearchSpace> joint_spaces(const HistoryView&) { return {}; }
  // One point of all `spaces`, which are those of joint_spaces() or a caller's own (Optuna: sample_relative). Values
  // are canonical and inside their distributions. Not called without spaces.
  virtual JointSuggestion suggest_joint(const SuggestRequest&, std::span<const SearchSpace> /*spaces*/) { return {}; }
  // A parameter that was not in the joint point: first met in the objective (Optuna: sample_independent).
  virtual double suggest_parameter(const SuggestRequest& request, const ParamSpecPtr& spec) = 0;
};

// Immutable and re-entrant; does no I/O. Serves any number of studies.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual std::string_view name() const = 0;  // as in the registry; a user's own sampler takes any other name
  virtual OptionMap options() const = 0;      // what the study's config stores
  virtual std::unique_ptr<SamplerModel> make_model(const StudyInfo& study) const = 0;
};

// By name and options, from the registry. Throws Error(kInvalidArgument) that names a wrong name, option or value.
std::shared_ptr<const Sampler> make_sampler(std::string_view name, const OptionMap& options = {});

struct RegistryEntry {
  std::string name;
  std::string description;
  std::vector<OptionHelp> options;
};
std::vector<RegistryEntry> list_samplers();

}  // namespace bluefin
