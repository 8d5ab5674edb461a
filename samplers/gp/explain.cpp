// SPDX-License-Identifier: MIT
#include "samplers/gp/explain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "bluefin/error.hpp"
#include "core/invalid.hpp"
#include "core/join.hpp"
#include "core/non_finite.hpp"
#include "math/normal.hpp"
#include "math/pareto.hpp"
#include "samplers/gp/in_units.hpp"
#include "samplers/gp/relevance.hpp"

namespace bluefin::gp {
namespace {

// Of two points that differ in one Hamming column.
double correlation(double theta) {
  const double s = std::sqrt(5.0 * theta);
  return (1.0 + s + s * s / 3.0) * std::exp(-s);
}

GpExplanation::Param describe(const Axis& axis, std::optional<std::size_t> group) {
  GpExplanation::Param param;
  param.name = axis.spec()->name;
  param.group = group;
  if (const auto* c = std::get_if<CategoricalDistribution>(&axis.spec()->distribution)) {
    param.kind = "categorical";
    param.choices = c->choices;
    return param;
  }
  param.kind = std::holds_alternative<IntDistribution>(axis.spec()->distribution) ? "int" : "float";
  param.log = axis.log();
  param.low = axis.low();
  param.high = axis.high();
  param.step = axis.step();
  return param;
}

}  // namespace

Explainer::Explainer(const Model& model, const HistoryView& history, const std::vector<Direction>& directions,
                     const GpOptions& options)
    : model_(model), history_(history), directions_(directions), options_(options) {
  add_best();
}

double Explainer::sign(std::size_t objective) const {
  return objective < directions_.size() && directions_[objective] == Direction::kMaximize ? -1.0 : 1.0;
}

void Explainer::add_trial(std::size_t row) {
  Point point;
  point.shown.number = history_.numbers()[row];
  for (const Axis& axis : model_.space().axes()) {
    const auto param = history_.find_param(axis.spec()->name);
    const double value = param ? history_.values(*param)[row] : kNaN;
    point.u.push_back(std::isnan(value) ? kNaN : axis.encode(value));
    if (std::isnan(value)) continue;
    const ParamSpecPtr& spec = history_.spec(history_.spec_ids(*param)[row]);
    point.shown.params.emplace_back(spec->name, to_external(spec->distribution, value));
  }
  for (std::size_t k = 0; k < history_.n_objectives(); ++k) {
    point.shown.values.push_back(sign(k) * history_.loss(k)[row]);
  }
  best_.push_back(std::move(point));
}

void Explainer::add_best() {
  const std::size_t k = history_.n_objectives();
  std::vector<std::size_t> rows;
  std::vector<double> losses;
  for (std::size_t row = 0; row < history_.size(); ++row) {
    if (history_.states()[row] != TrialState::kComplete || history_.violations()[row] > 0.0) continue;
    rows.push_back(row);
    for (std::size_t j = 0; j < k; ++j) losses.push_back(history_.loss(j)[row]);
  }
  if (rows.empty()) return;
  if (k == 1) {
    add_trial(rows[static_cast<std::size_t>(std::min_element(losses.begin(), losses.end()) - losses.begin())]);
    return;
  }
  const std::vector<int> ranks = math::nondomination_ranks({losses, k}, 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (ranks[i] == 0) add_trial(rows[i]);
  }
  std::sort(best_.begin(), best_.end(),
            [](const Point& a, const Point& b) { return *a.shown.number < *b.shown.number; });
}

void Explainer::add_point(const GpParams& params) {
  Point point;
  std::vector<std::string> names;
  for (std::size_t j = 0; j < model_.space().size(); ++j) {
    const Axis& axis = model_.space().axis(j);
    const std::string& name = axis.spec()->name;
    names.push_back(name);
    const auto given =
        std::find_if(params.begin(), params.end(), [&](const auto& param) { return param.first == name; });
    if (given == params.end()) {
      if (!model_.layout().group_of(j)) invalid(fmt::format("gp: the point has no value for parameter '{}'", name));
      point.u.push_back(kNaN);
      continue;
    }
    const Distribution& distribution = axis.spec()->distribution;
    double value = 0.0;
    try {
      value = to_canonical(distribution, given->second);
    } catch (const Error& error) {
      invalid(fmt::format("gp: parameter '{}': {}", name, error.what()));
    }
    if (!axis.categorical() && !(value >= axis.low() && value <= axis.high())) {
      invalid(fmt::format("gp: parameter '{}': {} is outside of {}", name, to_string(given->second),
                          to_string(distribution)));
    }
    point.u.push_back(axis.encode(value));
    point.shown.params.emplace_back(name, to_external(distribution, value));
  }
  for (const auto& [name, value] : params) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    invalid(fmt::format("gp: '{}' is no parameter of the model, which has: {}", name, join(names, ", ")));
  }
  at_.push_back(std::move(point));
}

void Explainer::observe(const Acquisition& acquisition, const std::vector<double>& chosen) {
  for (std::size_t j = 0; j < chosen.size(); ++j) {
    const Axis& axis = model_.space().axis(j);
    const bool there = std::isfinite(chosen[j]);
    suggestion_.u.push_back(there ? axis.encode(chosen[j]) : kNaN);
    if (there) {
      suggestion_.shown.params.emplace_back(axis.spec()->name, to_external(axis.spec()->distribution, chosen[j]));
    }
  }
  const auto look = [&](Point& point) {
    point.acquisition = acquisition.values(model_.layout().model_points(point.u))[0];
  };
  for (Point& point : best_) look(point);
  for (Point& point : at_) look(point);
  look(suggestion_);
  improve_on_ = acquisition.best();
  improves_ = acquisition.improves();
}

void Explainer::describe_columns(const Surrogate& surrogate, GpProcess& process) const {
  const Space& space = model_.space();
  const Layout& layout = model_.layout();
  const auto& [log_theta, log_scale, log_noise, log_warp] = surrogate.regression().hyper();
  const std::vector<double> effects = total_effects(space, layout, surrogate.regression());
  for (std::size_t j = 0; j < space.size(); ++j) {
    const Axis& axis = space.axis(j);
    GpProcess::Param& param = process.params.emplace_back();
    param.relevance = effects[j];
    if (axis.categorical()) {
      param.correlation = correlation(std::exp(log_theta[layout.column(j)]));
      continue;
    }
    param.lengthscale = std::exp(-0.5 * log_theta[layout.column(j)]);
    if (!log_warp.empty()) {
      const std::size_t column = layout.column(j);
      param.warp = {std::exp(log_warp[column]), std::exp(log_warp[layout.n_numeric() + column])};
      continue;
    }
    const double distance = *param.lengthscale * axis.span();
    param.distance = axis.log() ? std::exp(distance) : distance;
  }
  for (std::size_t g = 0; g < layout.n_groups(); ++g) {
    process.groups.emplace_back().correlation = correlation(std::exp(log_theta[layout.group_column(g)]));
  }
}

void Explainer::describe_fit(const Surrogate& surrogate, std::span<const double> values, double sign,
                             GpProcess& process) const {
  const OutputTransform& transform = surrogate.transform();
  process.transform = transform.linear() ? "none" : transform.lambda() == 1.0 ? "logarithm" : "yeo-johnson";
  process.lambda = transform.lambda();
  for (const std::size_t row : surrogate.rows()) process.n_cut += transform.cuts(values[row]) ? 1 : 0;
  if (process.n_cut > 0) process.cut_at = sign * transform.most();

  const Hyperparameters& hyper = surrogate.regression().hyper();
  process.signal_sd = std::exp(0.5 * hyper.log_scale);
  process.noise_sd = std::exp(0.5 * hyper.log_noise);
  double at = 0.0;
  if (!best_.empty()) at = surrogate.regression().predict(model_.layout().model_points(best_.front().u)).mean[0];
  process.noise = in_units(transform, at, process.noise_sd, sign).sd;

  const auto n = surrogate.regression().size();
  const Eigen::MatrixXd x =
      model_.layout().model_points(points_at(model_.trials().points(), model_.space().size(), surrogate.rows()));
  std::vector<double> y;
  for (std::size_t i = 0; i < n; ++i) y.push_back(surrogate.value(i));
  const Columns columns{static_cast<math::Index>(model_.layout().n_numeric()),
                        static_cast<math::Index>(model_.layout().n_hamming())};
  Likelihood likelihood(x, y, columns);
  const std::vector<double> u = to_vector(hyper);
  std::vector<double> gradient;
  const auto count = static_cast<double>(n);
  if (n < 2 || !std::isfinite(likelihood(u, &gradient))) {
    process.loo_score = process.loo_r2 = process.loo_within = kNaN;
    return;
  }
  process.loo_score = likelihood.leave_one_out() / count;
  double sum = 0.0;
  for (const double value : y) sum += value;
  double off = 0.0;
  double spread = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    process.loo_score += transform.log_slope(values[surrogate.rows()[i]]) / count;
    const Likelihood::LeftOut left = likelihood.left_out(i);
    off += (y[i] - left.mean) * (y[i] - left.mean);
    const double from_others = y[i] - (sum - y[i]) / (count - 1.0);
    spread += from_others * from_others;
    process.loo_within += std::abs(y[i] - left.mean) <= 2.0 * left.sd ? 1.0 / count : 0.0;
  }
  process.loo_r2 = spread > 0.0 ? 1.0 - off / spread : kNaN;
}

GpProcess Explainer::process(const std::string& name, Direction direction, const Surrogate& surrogate,
                             std::span<const double> values) const {
  GpProcess process;
  process.name = name;
  process.direction = direction;
  process.n_values = surrogate.regression().size();
  process.n_fitted = std::min(surrogate.n_fitted(), process.n_values);
  process.failed = surrogate.failed();
  describe_columns(surrogate, process);
  describe_fit(surrogate, values, direction == Direction::kMaximize ? -1.0 : 1.0, process);
  return process;
}

GpPoint Explainer::predict(const Point& point, const std::vector<const Surrogate*>& objectives) const {
  GpPoint shown = point.shown;
  shown.acquisition = point.acquisition;
  const Eigen::MatrixXd x = model_.layout().model_points(point.u);
  for (std::size_t k = 0; k < objectives.size(); ++k) {
    const Prediction predicted = objectives[k]->regression().predict(x);
    const OutputTransform& transform = objectives[k]->transform();
    shown.objectives.push_back(in_units(transform, predicted.mean[0], predicted.sd[0], sign(k)));
    if (objectives.size() > 1 || !improve_on_) continue;
    shown.expected_improvement =
        expected_improvement_in_units(transform, predicted.mean[0], predicted.sd[0], *improve_on_);
    shown.improvement_chance = std::exp(math::log_ndtr((*improve_on_ - predicted.mean[0]) / predicted.sd[0]));
  }
  for (const auto& [name, constraint] : model_.constraints()) {
    if (!constraint.usable()) continue;
    const Prediction predicted = constraint.regression().predict(x);
    const OutputTransform& transform = constraint.transform();
    shown.constraints.push_back(in_units(transform, predicted.mean[0], predicted.sd[0], 1.0));
    const double z = (transform(0.0) - predicted.mean[0]) / predicted.sd[0];
    shown.feasibility = shown.feasibility.value_or(1.0) * std::exp(math::log_ndtr(z));
  }
  return shown;
}

GpExplanation Explainer::explain() const {
  GpExplanation result;
  const auto states = history_.states();
  result.n_complete = static_cast<std::size_t>(std::count(states.begin(), states.end(), TrialState::kComplete));
  result.n_pruned = states.size() - result.n_complete;
  result.in_use = result.n_complete >= static_cast<std::size_t>(std::max(options_.n_startup_trials, 1));
  const Space& space = model_.space();
  const Layout& layout = model_.layout();
  for (std::size_t j = 0; j < space.size(); ++j) {
    result.params.push_back(describe(space.axis(j), layout.group_of(j)));
  }
  for (std::size_t g = 0; g < layout.n_groups(); ++g) {
    GpExplanation::Group& group = result.groups.emplace_back();
    for (const std::size_t j : layout.group_members(g)) group.params.push_back(space.axis(j).spec()->name);
    if (const auto parent = layout.group_parent(g)) group.depends_on = space.axis(*parent).spec()->name;
  }

  const std::size_t k = history_.n_objectives();
  std::vector<Surrogate> own;
  std::vector<const Surrogate*> objectives;
  const bool weighted = model_.weighted().has_value();
  for (std::size_t j = 0; j < k && weighted; ++j) own.push_back(model_.process_of(j));
  for (const Surrogate& surrogate : weighted ? own : model_.objectives()) objectives.push_back(&surrogate);
  if (weighted) {
    result.weights = model_.weights();
    result.weighted = process("weighted sum", Direction::kNotSet, *model_.weighted(), model_.weighted_losses());
  }
  for (std::size_t j = 0; j < k; ++j) {
    const Direction direction = sign(j) < 0.0 ? Direction::kMaximize : Direction::kMinimize;
    result.objectives.push_back(
        process(k == 1 ? "value" : fmt::format("value {}", j), direction, *objectives[j], model_.trials().losses(j)));
  }
  for (const auto& [name, constraint] : model_.constraints()) {
    if (!constraint.usable()) continue;
    result.constraints.push_back(process(name, Direction::kNotSet, constraint, model_.trials().constraints().at(name)));
  }

  result.acquisition = !improves_                  ? "log probability of feasibility"
                       : k == 1 || result.weighted ? "log expected improvement"
                                                   : "log expected hypervolume improvement";
  if (k == 1 && improve_on_) result.improve_on = sign(0) * objectives[0]->transform().inverse(*improve_on_);
  for (const Point& point : best_) result.best.push_back(predict(point, objectives));
  for (const Point& point : at_) result.at.push_back(predict(point, objectives));
  result.suggestion = predict(suggestion_, objectives);
  return result;
}

}  // namespace bluefin::gp
