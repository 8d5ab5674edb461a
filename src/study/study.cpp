// SPDX-License-Identifier: MIT
#include "bluefin/study.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/choice_json.hpp"
#include "math/pareto.hpp"
#include "study/joint_point.hpp"
#include "study/study_impl.hpp"
#include "study/study_trial.hpp"

namespace bluefin {
namespace {

constexpr const char* kMetricNamesKey = "study:metric_names";

using Params = std::vector<std::pair<std::string, Choice>>;

// Optuna's rule for "the same configuration": same names and kinds, numbers within 1e-5 relative; True is 1.
bool same_value(const Choice& a, const Choice& b) {
  const auto is_whole = [](const Choice& c) {
    return std::holds_alternative<bool>(c) || std::holds_alternative<std::int64_t>(c);
  };
  if (is_whole(a) && is_whole(b)) return choices_equal(a, b);
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<double>(&a)) {
    const double y = std::get<double>(b);
    return *x == y || std::abs(*x - y) <= 1e-5 * std::abs(y) || (std::isnan(*x) && std::isnan(y));
  }
  return a == b;
}

bool same_params(const Params& a, const Params& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const auto& p) {
    return std::any_of(b.begin(), b.end(),
                       [&](const auto& q) { return p.first == q.first && same_value(p.second, q.second); });
  });
}

Params external_params(const FrozenTrial& trial) {
  Params params;
  for (const auto& param : trial.params) {
    params.emplace_back(param.spec->name, to_external(param.spec->distribution, param.value));
  }
  return params;
}

StudyTrial& backend_of(Trial& trial, const StudyImpl& study) {
  auto* backend = dynamic_cast<StudyTrial*>(&trial.backend());
  if (backend == nullptr || backend->study() != &study) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("tell: trial {} is not of study '{}'", trial.number(), study.name));
  }
  return *backend;
}

}  // namespace

ExceptionFilter catch_all() {
  return [](const std::exception_ptr&) { return true; };
}

const std::string& Study::name() const { return impl_->name; }
const std::vector<Direction>& Study::directions() const { return impl_->directions; }
Storage& Study::storage() const { return *impl_->storage; }
StudyId Study::id() const { return impl_->id; }
const Sampler& Study::sampler() const { return *impl_->sampler; }
const Pruner& Study::pruner() const { return *impl_->pruner; }
std::uint64_t Study::seed() const { return impl_->seed; }
void Study::stop() { impl_->stop_requested = true; }
void Study::flush() { impl_->flush(); }
void Study::flush(Trial& trial) { impl_->write(*backend_of(trial, *impl_).live()); }

Direction Study::direction() const {
  if (impl_->directions.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "a single direction cannot be retrieved from a multi-objective study; use directions()");
  }
  return impl_->directions.front();
}

Trial Study::ask(const std::map<std::string, Distribution>& fixed_distributions) {
  // Checked before a trial is made: a bad bound must not leave one behind.
  std::vector<std::pair<std::string, Distribution>> checked;
  for (const auto& [name, distribution] : fixed_distributions) checked.emplace_back(name, normalize(distribution));
  Trial trial(std::make_unique<StudyTrial>(impl_, impl_->ask(false)));
  for (const auto& [name, distribution] : checked) trial.suggest(name, distribution);
  return trial;
}

Trial Study::ask_to_run() { return Trial(std::make_unique<StudyTrial>(impl_, impl_->ask(true))); }

std::vector<FrozenTrial> Study::fail_lost_trials(int retry, std::optional<std::chrono::seconds> grace) {
  if (retry < 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("fail_lost_trials: retry = {}, must be >= 0", retry));
  }
  return impl_->fail_lost(retry, grace);
}

void Study::keep_failing_lost_trials(int retry) { impl_->keep_looking_for_lost(retry); }

Trial Study::resume(int number) { return Trial(std::make_unique<StudyTrial>(impl_, impl_->resume(number))); }

FrozenTrial Study::tell(Trial& trial, const Outcome& outcome) {
  return impl_->tell(backend_of(trial, *impl_).live(), outcome);
}

FrozenTrial Study::tell(int number, const Outcome& outcome, bool skip_if_finished) {
  return impl_->tell(number, outcome, skip_if_finished);
}

std::pair<FrozenTrial, Trial> Study::tell_and_ask(Trial& trial, const Outcome& outcome) {
  auto [told, next] = impl_->tell_and_ask(backend_of(trial, *impl_).live(), outcome);
  return {std::move(told), Trial(std::make_unique<StudyTrial>(impl_, std::move(next)))};
}

bool Study::enqueue_trial(const Params& params, const std::vector<Attribute>& user_attrs, bool skip_if_exists) {
  if (skip_if_exists) {
    for (const auto& trial : trials()) {
      const bool queued = find_attribute(trial->system_attrs, "fixed_params") != nullptr;
      if (same_params(params, queued ? fixed_params(*trial) : external_params(*trial))) {
        log(LogLevel::kInfo, fmt::format("a trial with these parameters exists already (number {})", trial->number));
        return false;
      }
    }
  }
  std::string fixed;
  std::set<std::string_view> names;
  for (const auto& [name, value] : params) {
    if (!names.insert(name).second) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("enqueue_trial: parameter '{}' is given twice", name));
    }
    fixed += fmt::format("{}{}: {}", fixed.empty() ? "" : ", ", Json(name).text(), to_json(value));
  }
  TrialSpec spec;
  spec.state = TrialState::kWaiting;
  spec.user_attrs = user_attrs;
  spec.system_attrs = {{"fixed_params", Json::trusted("{" + fixed + "}")}};
  add_trial(create_trial(spec));
  return true;
}

void Study::add_trial(const FrozenTrial& trial) { add_trials({trial}); }

void Study::add_trials(const std::vector<FrozenTrial>& trials) {
  std::map<std::string, ParamSpecPtr> first;  // of the trials in this call
  for (const auto& trial : trials) {
    if ((trial.state == TrialState::kComplete || !trial.values.empty()) &&
        trial.values.size() != impl_->directions.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the added trial has {} values, which is different from the number of objectives {} in "
                              "the study (determined by directions)",
                              trial.values.size(), impl_->directions.size()));
    }
    for (const auto& param : trial.params) {
      const auto it = first.emplace(param.spec->name, param.spec).first;
      check_compatible(param.spec->name, it->second->distribution, param.spec->distribution);
    }
  }
  for (const auto& stored : impl_->storage->add_trials(impl_->id, trials)) impl_->note_own(stored.number);
  impl_->refresh();
}

std::vector<std::shared_ptr<const FrozenTrial>> Study::trials() const { return impl_->trials(); }

std::vector<std::shared_ptr<const FrozenTrial>> Study::trials(const std::vector<TrialState>& states) const {
  return impl_->trials(
      [&](TrialState state) { return std::find(states.begin(), states.end(), state) != states.end(); });
}

FrozenTrial Study::best_trial() const {
  if (impl_->directions.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "a single best trial cannot be retrieved from a multi-objective study; it has several: best_trials(), "
                "in the command best-trials");
  }
  if (auto best = impl_->best_trial()) return *best;
  throw Error(ErrorCode::kNotFound,
              impl_->has_complete_trial() ? "no feasible trials are completed yet" : "no trials are completed yet");
}

double Study::best_value() const { return best_trial().value(); }
Params Study::best_params() const { return external_params(best_trial()); }

std::vector<FrozenTrial> Study::best_trials() const {
  std::vector<std::shared_ptr<const FrozenTrial>> feasible;
  std::vector<double> losses;  // [n, k]
  const std::size_t k = impl_->directions.size();
  for (const auto& trial : trials({TrialState::kComplete})) {
    if (total_violation(*trial) > 0.0 || trial->values.size() != k) continue;
    for (std::size_t j = 0; j < k; ++j) {
      losses.push_back(impl_->directions[j] == Direction::kMaximize ? -trial->values[j] : trial->values[j]);
    }
    feasible.push_back(trial);
  }
  const std::vector<int> ranks = math::nondomination_ranks({losses, k}, 1);
  std::vector<FrozenTrial> front;
  for (std::size_t i = 0; i < feasible.size(); ++i) {
    if (ranks[i] == 0) front.push_back(*feasible[i]);
  }
  return front;
}

bool Study::update_running(const TrialUpdate& update) { return impl_->update_running(update); }

void Study::set_resource_hint(std::string_view name, const std::vector<std::string>& params) {
  impl_->set_resource_hint(name, params);
}

void Study::use_memory_model(const MemoryModelOptions& options) { impl_->use_memory_model(options); }

HistoryView Study::history() const {
  impl_->refresh();
  return impl_->view();
}

std::vector<Attribute> Study::user_attrs() const { return impl_->storage->get_study(impl_->id).user_attrs; }
std::vector<Attribute> Study::system_attrs() const { return impl_->storage->get_study(impl_->id).system_attrs; }

void Study::set_user_attr(std::string_view key, Json value) {
  const Attribute attribute{std::string(key), std::move(value)};
  impl_->storage->set_study_attributes(impl_->id, AttributeKind::kUser, std::span(&attribute, 1));
}

void Study::set_system_attr(std::string_view key, Json value) {
  const Attribute attribute{std::string(key), std::move(value)};
  impl_->storage->set_study_attributes(impl_->id, AttributeKind::kSystem, std::span(&attribute, 1));
}

void Study::set_metric_names(const std::vector<std::string>& names) {
  if (names.size() != impl_->directions.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} metric names were given, but the study has {} objectives",
                                                         names.size(), impl_->directions.size()));
  }
  set_system_attr(kMetricNamesKey, names);
}

std::vector<std::string> Study::metric_names() const {
  const auto attributes = system_attrs();
  const Json* names = find_attribute(attributes, kMetricNamesKey);
  return names == nullptr ? std::vector<std::string>{} : names->as_strings().value_or(std::vector<std::string>{});
}

}  // namespace bluefin
