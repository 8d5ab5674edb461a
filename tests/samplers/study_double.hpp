// SPDX-License-Identifier: MIT
// A study reduced to what a sampler sees of it: a history that grows, a model, and a stream per trial.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/sampler.hpp"
#include "core/history.hpp"

namespace bluefin::testing {

class StudyDouble {
 public:
  explicit StudyDouble(std::shared_ptr<const Sampler> sampler, std::size_t n_objectives = 1, std::uint64_t seed = 7)
      : sampler_(std::move(sampler)),
        seed_(seed),
        history_(std::vector<Direction>(n_objectives, Direction::kMinimize)) {
    model_ = sampler_->make_model({"double", std::vector<Direction>(n_objectives, Direction::kMinimize), seed});
  }

  // Asked for one parameter after the other, as an objective does.
  class Asker {
   public:
    Asker(StudyDouble& study, int number) : study_(study), number_(number) {
      Rng rng(study.seed_, static_cast<std::uint64_t>(number), 0);
      const HistoryView view = study.history_.view();
      const auto spaces = study.model_->joint_spaces(view);
      if (!spaces.empty()) joint = study.model_->suggest_joint({view, number, rng, {}, study.feasible}, spaces);
    }
    double suggest(const std::string& name, const Distribution& distribution) {
      const ParamSpecPtr spec = study_.history_.intern(name, distribution);
      double value = 0.0;
      const auto known = std::find_if(joint.params.begin(), joint.params.end(), [&](const TrialParam& param) {
        return param.spec->name == name && contains(distribution, param.value);
      });
      if (known != joint.params.end()) {
        value = known->value;
      } else {
        Rng rng(study_.seed_, static_cast<std::uint64_t>(number_), 0, name);
        const HistoryView view = study_.history_.view();
        value = study_.model_->suggest_parameter({view, number_, rng, params, study_.feasible}, spec);
      }
      params.push_back({spec, value});
      return value;
    }
    JointSuggestion joint;
    std::vector<TrialParam> params;

   private:
    StudyDouble& study_;
    int number_;
  };

  using Objective = std::function<std::vector<double>(Asker&)>;

  // Runs one trial to its end and returns its parameters.
  std::vector<TrialParam> run(const Objective& objective) {
    Asker asker(*this, n_);
    auto trial = std::make_shared<FrozenTrial>();
    trial->values = objective(asker);
    trial->params = asker.params;
    add(trial);
    return asker.params;
  }
  void run(const Objective& objective, int n) {
    for (int i = 0; i < n; ++i) run(objective);
  }

  // Appends a COMPLETE trial unless the trial says otherwise; numbers are given here.
  void add(const std::shared_ptr<FrozenTrial>& trial) {
    trial->number = n_++;
    if (trial->state == TrialState::kRunning) trial->state = TrialState::kComplete;
    history_.append(*trial);
  }

  Asker ask() { return Asker(*this, n_); }
  History& history() { return history_; }
  SamplerModel& model() { return *model_; }
  int n() const { return n_; }

  const FeasibilityFilter* feasible = nullptr;

 private:
  std::shared_ptr<const Sampler> sampler_;
  std::uint64_t seed_;
  History history_;
  std::unique_ptr<SamplerModel> model_;
  int n_ = 0;
};

}  // namespace bluefin::testing
