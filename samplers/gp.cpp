// SPDX-License-Identifier: MIT
#include "bluefin/samplers/gp.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/samplers/gp_explanation.hpp"
#include "core/history.hpp"
#include "core/join.hpp"
#include "core/options_io.hpp"
#include "math/sobol.hpp"
#include "samplers/gp/explain.hpp"
#include "samplers/gp/model.hpp"
#include "samplers/prior.hpp"
#include "samplers/relative_params.hpp"

namespace bluefin {
namespace {

class GpModel final : public SamplerModel {
 public:
  GpModel(const GpOptions& options, std::size_t n_objectives, const StudyInfo& study)
      : options_(options), seed_(study.seed), tells_others_(study.shared), model_(options, n_objectives, study.seed) {}

  std::vector<SearchSpace> joint_spaces(const HistoryView& history) override {
    const std::lock_guard lock(mutex_);
    learn(history);
    SearchSpace space = union_.follow(history_);
    if (space.empty()) return {};
    return {std::move(space)};
  }

  JointSuggestion suggest_joint(const SuggestRequest& request, std::span<const SearchSpace> spaces) override {
    SearchSpace specs;
    for (const SearchSpace& space : spaces) specs.insert(specs.end(), space.begin(), space.end());
    const std::lock_guard lock(mutex_);
    learn(request.history);
    model_.follow(history_, specs);
    JointSuggestion suggestion;
    if (model_.n_complete() < static_cast<std::size_t>(std::max(options_.n_startup_trials, 1))) {
      if (options_.sobol_startup) suggestion.params = start_point(request, specs);
    } else {
      suggestion.params = suggest(request, specs);
    }
    if (tells_others_) suggestion.system_attrs = relative_params_attributes("gp", suggestion.params);
    return suggestion;
  }

  GpExplanation explain(const SuggestRequest& request, const std::vector<Direction>& directions,
                        const std::vector<GpParams>& at) {
    const std::lock_guard lock(mutex_);
    learn(request.history);
    const auto states = history_.states();
    if (std::find(states.begin(), states.end(), TrialState::kComplete) == states.end()) {
      throw Error(ErrorCode::kInvalidArgument, "gp: there is no complete trial: nothing to fit");
    }
    const SearchSpace specs = union_.follow(history_);
    if (specs.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "gp: no trial has a parameter with more than one value: nothing to fit");
    }
    model_.follow(history_, specs);
    gp::Explainer explainer(model_, history_, directions, options_);
    for (const GpParams& params : at) explainer.add_point(params);
    suggest(request, specs, [&](const gp::Acquisition& acquisition, const std::vector<double>& chosen) {
      explainer.observe(acquisition, chosen);
    });
    if (!model_.usable()) {
      throw Error(ErrorCode::kNumerical,
                  "gp: the kernel matrix could not be factorised, not even with typical hyperparameters");
    }
    GpExplanation explanation = explainer.explain();
    explanation.options = write_options(options_);
    explanation.n_failed = History::failed(history_).size();
    for (const PendingTrial& trial : history_.pending())
      explanation.n_running += trial.number != request.number ? 1 : 0;
    return explanation;
  }

  double suggest_parameter(const SuggestRequest& request, const ParamSpecPtr& spec) override {
    if (is_single(spec->distribution)) return only_value(spec->distribution);
    if (options_.warn_independent_sampling && is_late(request.history)) {
      log(LogLevel::kWarning,
          fmt::format("parameter '{}' of trial {} is sampled independently of the others: no trial before had it with "
                      "this range, or it was not expected to be in this one",
                      spec->name, request.number));
    }
    return draw_prior(request, spec);
  }

 private:
  using Passes = std::function<bool(std::span<const double>)>;

  // mutex_ held, as in all that follows. Another thread may have brought a later view before.
  void learn(const HistoryView& history) {
    if (history.size() >= history_.size()) history_ = history;
  }

  bool is_late(const HistoryView& history) const {
    const auto states = history.states();
    return std::count(states.begin(), states.end(), TrialState::kComplete) >= std::max(options_.n_startup_trials, 1);
  }

  // Canonical values to parameters; those that are infinite are left out.
  static std::vector<TrialParam> params_of(const SearchSpace& specs, std::span<const double> values) {
    std::vector<TrialParam> params;
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (std::isfinite(values[j])) params.push_back({specs[j], values[j]});
    }
    return params;
  }

  static Passes filter_of(const SuggestRequest& request, const SearchSpace& specs) {
    if (request.feasible == nullptr) return {};
    return [&request, &specs](std::span<const double> values) { return (*request.feasible)(params_of(specs, values)); };
  }

  // One sequence for the whole study: the point of a trial is the one of its number, whichever process asks. Where that
  // has been, or does not pass, a random one.
  std::vector<TrialParam> start_point(const SuggestRequest& request, const SearchSpace& specs) {
    Rng scrambling(seed_, 0, 0, "gp start");
    math::Sobol sobol(specs.size(), scrambling);
    sobol.skip_to(static_cast<std::uint32_t>(request.number));
    std::vector<double> u(specs.size());
    sobol.next(u.data());
    for (std::size_t j = 0; j < u.size(); ++j) {
      const gp::Axis& axis = model_.space().axis(j);
      u[j] = axis.categorical() ? std::floor(u[j] * axis.n_values()) : axis.snap(u[j]);
    }
    return params_of(specs,
                     model_.start(u, running_points(request), failed_points(), request.rng, filter_of(request, specs)));
  }

  using Points = std::vector<std::vector<double>>;

  Points points_of(const std::vector<std::vector<TrialParam>>& trials) const {
    Points points;
    for (const auto& params : trials) {
      if (auto point = model_.trials().point_of(params)) points.push_back(std::move(*point));
    }
    return points;
  }

  Points failed_points() const {
    std::vector<std::vector<TrialParam>> failed;
    for (const auto& trial : History::failed(history_)) failed.push_back(trial->unpack().params);
    return points_of(failed);
  }

  Points running_points(const SuggestRequest& request) const {
    std::vector<std::vector<TrialParam>> running;
    for (const PendingTrial& trial : request.history.pending()) {
      if (trial.number != request.number) running.push_back(trial.params);
    }
    return points_of(running);
  }

  std::vector<TrialParam> suggest(const SuggestRequest& request, const SearchSpace& specs,
                                  const gp::Model::Observer& observe = {}) {
    return params_of(specs, model_.suggest(running_points(request), failed_points(), request.rng,
                                           filter_of(request, specs), observe));
  }

  const GpOptions options_;
  const std::uint64_t seed_;
  const bool tells_others_;  // the point of a running trial, by an attribute: for processes that cannot see it

  std::mutex mutex_;     // guards what follows
  HistoryView history_;  // the longest that was seen
  gp::UnionSpace union_;
  gp::Model model_;
};

void check_name(const char* option, const std::string& value, std::initializer_list<std::string_view> names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("gp: {} = '{}', expected one of: {}", option, value, join(names, ", ")));
}

class GpSampler final : public Sampler {
 public:
  explicit GpSampler(const GpOptions& options) : options_(options) {
    check_options("gp", options_);
    check_name("prior", options_.prior, {"lognormal", "optuna"});
    check_name("input_warp", options_.input_warp, {"auto", "kumaraswamy", "none"});
    check_name("output_transform", options_.output_transform, {"auto", "yeo-johnson", "none"});
  }
  std::string_view name() const override { return "gp"; }
  OptionMap options() const override { return write_options(options_); }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo& study) const override {
    return std::make_unique<GpModel>(options_, std::max<std::size_t>(study.directions.size(), 1), study);
  }

 private:
  GpOptions options_;
};

}  // namespace

GpExplanation explain_gp(const GpOptions& options, const StudyInfo& study, const SuggestRequest& request,
                         const std::vector<GpParams>& at) {
  make_sampler(options);  // checks them
  return GpModel(options, std::max<std::size_t>(study.directions.size(), 1), study)
      .explain(request, study.directions, at);
}

std::shared_ptr<const Sampler> make_sampler(const GpOptions& options) { return std::make_shared<GpSampler>(options); }

}  // namespace bluefin
