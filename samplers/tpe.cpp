// SPDX-License-Identifier: MIT
#include "bluefin/samplers/tpe.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/options_io.hpp"
#include "samplers/prior.hpp"
#include "samplers/relative_params.hpp"
#include "samplers/tpe/acquisition.hpp"
#include "samplers/tpe/space_model.hpp"
#include "samplers/tpe/unseen.hpp"

namespace bluefin {
namespace {

class TpeModel final : public SamplerModel {
 public:
  TpeModel(const TpeOptions& options, std::size_t n_objectives, bool multivariate, bool shared)
      : options_(options),
        multivariate_(multivariate),
        tells_others_(options.constant_liar && shared),
        warns_of_group_(options.group && !options.multivariate && n_objectives > 1),
        split_(gamma(options, n_objectives)) {
    above_.weights = options.weights;
    above_.prior_weight = options.prior_weight;
    above_.bandwidths = {options.consider_magic_clip, options.consider_endpoints};
    below_ = above_;
    if (n_objectives > 1) below_.weights = [](std::size_t m) { return std::vector<double>(m, 1.0); };
  }

  std::vector<SearchSpace> joint_spaces(const HistoryView& history) override {
    if (!multivariate_) return {};
    const std::lock_guard lock(mutex_);
    if (std::exchange(warns_of_group_, false)) {
      log(LogLevel::kWarning,
          "tpe: multivariate is off by default with several objectives, but group needs it and turns it on; set "
          "multivariate = true to say so");
    }
    learn(history);
    if (options_.group) {
      grouped_.advance(history_);
      return grouped_.spaces(history_);
    }
    intersection_.advance(history_);
    tpe::Space space = intersection_.space(history_);
    if (space.empty()) return {};
    return {std::move(space)};
  }

  JointSuggestion suggest_joint(const SuggestRequest& request, std::span<const SearchSpace> spaces) override {
    // Before the model starts Optuna's joint sample is empty, and every parameter is drawn by itself.
    if (request.history.size() < n_startup()) return {};
    JointSuggestion suggestion;
    const bool whole = options_.avoid_duplicates && spaces.size() == 1 && tpe::is_whole(spaces[0], request.history);
    for (const tpe::Space& space : spaces) suggest(request, space, suggestion.params, whole);
    if (tells_others_) suggestion.system_attrs = relative_params_attributes("tpe", suggestion.params);
    return suggestion;
  }

  double suggest_parameter(const SuggestRequest& request, const ParamSpecPtr& spec) override {
    if (is_single(spec->distribution)) return only_value(spec->distribution);
    if (request.history.size() < n_startup()) return draw_prior(request, spec);
    if (options_.warn_independent_sampling && multivariate_ && seen_before(request.history, spec->name)) {
      log(LogLevel::kWarning, fmt::format("parameter '{}' of trial {} is sampled independently of the others: it is "
                                          "not in every finished trial with the same range",
                                          spec->name, request.number));
    }
    std::vector<TrialParam> point;
    suggest(request, {spec}, point, false);
    return point.front().value;
  }

 private:
  // More spaces than a study has in turn; the one that was not asked for longest is forgotten.
  static constexpr std::size_t kMaxSpaces = 256;

  static bool seen_before(const HistoryView& history, const std::string& name) {
    const auto param = history.find_param(name);
    if (!param) return false;
    const auto values = history.values(*param);
    return std::any_of(values.begin(), values.end(), [](double value) { return !std::isnan(value); });
  }

  static tpe::Gamma gamma(const TpeOptions& options, std::size_t n_objectives) {
    return options.gamma ? options.gamma
                         : tpe::default_gamma(n_objectives, static_cast<std::size_t>(options.gamma_limit));
  }

  std::size_t n_startup() const { return static_cast<std::size_t>(options_.n_startup_trials); }

  // mutex_ held, as in all that follows. Another thread may have brought a later view before.
  void learn(const HistoryView& history) {
    if (history.size() > history_.size()) history_ = history;
  }

  tpe::SpaceModel& model_of(const tpe::Space& space) {
    const auto known = std::find_if(spaces_.begin(), spaces_.end(), [&](const auto& m) { return m.space() == space; });
    if (known != spaces_.end()) {
      spaces_.splice(spaces_.begin(), spaces_, known);
    } else {
      spaces_.emplace_front(space, below_, above_);
      if (spaces_.size() > kMaxSpaces) spaces_.pop_back();
    }
    return spaces_.front();
  }

  // Null: the space has continuous parameters.
  const tpe::Visited* visited_of(const tpe::Space& space, int number) {
    if (!visited_ || visited_->space().space() != space) {
      visited_.reset();
      if (auto discrete = tpe::DiscreteSpace::of(space)) visited_.emplace(std::move(*discrete));
    }
    if (!visited_) return nullptr;
    visited_->advance(history_, number);
    return &*visited_;
  }

  // Appends one point of the space to `params`. unseen: one that no trial has had.
  void suggest(const SuggestRequest& request, const tpe::Space& space, std::vector<TrialParam>& params, bool unseen) {
    std::vector<TrialParam> candidate = params;
    for (const auto& spec : space) candidate.push_back({spec, 0.0});
    const auto fill = [&](std::span<const double> values) {
      for (std::size_t j = 0; j < values.size(); ++j) candidate[params.size() + j].value = values[j];
    };
    std::function<bool(std::span<const double>)> passes;
    if (request.feasible != nullptr) {
      passes = [&](std::span<const double> values) {
        fill(values);
        return (*request.feasible)(candidate);
      };
    }
    const auto n = static_cast<std::size_t>(options_.n_ei_candidates);

    const std::lock_guard lock(mutex_);
    learn(request.history);
    split_.advance(history_);
    tpe::SpaceModel& model = model_of(space);
    model.follow(split_, history_);
    if (options_.constant_liar) model.set_running(request.history.pending(), split_, request.number);
    const tpe::Visited* visited = unseen ? visited_of(space, request.number) : nullptr;
    fill(visited != nullptr ? tpe::best_unseen_candidate(model.l(), model.g(), n, request.rng, passes, *visited)
                            : tpe::best_candidate(model.l(), model.g(), n, request.rng, passes));
    params = std::move(candidate);
  }

  const TpeOptions options_;
  const bool multivariate_;
  const bool tells_others_;  // the joint point of a running trial, by an attribute: for processes that cannot see it
  tpe::ParzenOptions below_;
  tpe::ParzenOptions above_;

  std::mutex mutex_;  // guards what follows
  bool warns_of_group_;
  HistoryView history_;  // the longest that was seen
  tpe::IntersectionSpace intersection_;
  tpe::GroupedSpace grouped_;
  tpe::Split split_;
  std::list<tpe::SpaceModel> spaces_;    // the last one asked for first
  std::optional<tpe::Visited> visited_;  // of the last discrete space
};

class TpeSampler final : public Sampler {
 public:
  explicit TpeSampler(const TpeOptions& options) : options_(options) {
    check_options("tpe", options_);
    if (options_.group && options_.multivariate == false) {
      throw Error(ErrorCode::kInvalidArgument,
                  "tpe: group = true needs multivariate = true, but got multivariate = false");
    }
  }
  std::string_view name() const override { return "tpe"; }
  OptionMap options() const override { return write_options(options_); }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo& study) const override {
    const bool multivariate = options_.multivariate.value_or(options_.group || study.directions.size() <= 1);
    return std::make_unique<TpeModel>(options_, std::max<std::size_t>(study.directions.size(), 1), multivariate,
                                      study.shared);
  }

 private:
  TpeOptions options_;
};

}  // namespace

std::shared_ptr<const Sampler> make_sampler(const TpeOptions& options) { return std::make_shared<TpeSampler>(options); }

}  // namespace bluefin
