// SPDX-License-Identifier: MIT
#include "bluefin/samplers/tpe.hpp"

#include <memory>
#include <mutex>
#include <utility>

#include "bluefin/error.hpp"
#include "core/options_io.hpp"
#include "samplers/prior.hpp"
#include "samplers/tpe/acquisition.hpp"
#include "samplers/tpe/relative_params.hpp"

namespace bluefin {
namespace {

class TpeModel final : public SamplerModel {
 public:
  TpeModel(const TpeOptions& options, bool multivariate) : options_(options), multivariate_(multivariate) {}

  std::vector<SearchSpace> joint_spaces(const HistoryView& history) override {
    if (!multivariate_) return {};
    const std::lock_guard lock(mutex_);
    if (options_.group) {
      grouped_.advance(history);
      if (grouped_.seen() == history.size()) return grouped_.spaces(history);
      // Another thread brought a later view first; this one's partition is coarser.
      tpe::GroupedSpace earlier;
      earlier.advance(history);
      return earlier.spaces(history);
    }
    intersection_.advance(history);
    tpe::Space space = intersection_.space(history);
    if (space.empty()) return {};
    return {std::move(space)};
  }

  JointSuggestion suggest_joint(const SuggestRequest& request, std::span<const SearchSpace> spaces) override {
    // Before the model starts Optuna's joint sample is empty, and every parameter is drawn by itself.
    if (request.history.size() < n_startup()) return {};
    JointSuggestion suggestion;
    for (const tpe::Space& space : spaces) suggest(request, space, suggestion.params);
    if (options_.constant_liar) suggestion.system_attrs = tpe::relative_params_attributes(suggestion.params);
    return suggestion;
  }

  double suggest_parameter(const SuggestRequest& request, const ParamSpecPtr& spec) override {
    if (is_single(spec->distribution)) return only_value(spec->distribution);
    if (request.history.size() < n_startup()) return draw_prior(request, spec);
    std::vector<TrialParam> point;
    suggest(request, {spec}, point);
    return point.front().value;
  }

 private:
  std::size_t n_startup() const { return static_cast<std::size_t>(options_.n_startup_trials); }

  // One split serves every group of a joint suggestion and, drawn one by one, every parameter of a trial.
  std::shared_ptr<const tpe::Split> split_of(const HistoryView& history) {
    {
      const std::lock_guard lock(mutex_);
      if (split_ && split_size_ == history.size()) return split_;
    }
    auto split = std::make_shared<const tpe::Split>(tpe::split(history));
    const std::lock_guard lock(mutex_);
    split_ = split;
    split_size_ = history.size();
    return split;
  }

  // Appends one point of the space to `params`.
  void suggest(const SuggestRequest& request, const tpe::Space& space, std::vector<TrialParam>& params) {
    const HistoryView& history = request.history;
    const auto split = split_of(history);
    const bool several = history.n_objectives() > 1;
    const tpe::ParzenEstimator l(space, tpe::gather(history, space, split->below),
                                 several ? tpe::Weighting::kEqual : tpe::Weighting::kRecent);
    const tpe::ParzenEstimator g(space,
                                 options_.constant_liar
                                     ? tpe::gather_with_running(history, space, split->above, request.number)
                                     : tpe::gather(history, space, split->above),
                                 tpe::Weighting::kRecent);
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
    fill(tpe::best_candidate(l, g, n, request.rng, passes));
    params = std::move(candidate);
  }

  const TpeOptions options_;
  const bool multivariate_;
  std::mutex mutex_;  // guards what follows; never held while a model is fitted
  tpe::IntersectionSpace intersection_;
  tpe::GroupedSpace grouped_;
  std::shared_ptr<const tpe::Split> split_;
  std::size_t split_size_ = 0;  // rows that split_ knows
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
    return std::make_unique<TpeModel>(options_, multivariate);
  }

 private:
  TpeOptions options_;
};

}  // namespace

std::shared_ptr<const Sampler> make_sampler(const TpeOptions& options) { return std::make_shared<TpeSampler>(options); }

}  // namespace bluefin
