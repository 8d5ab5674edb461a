// SPDX-License-Identifier: MIT
#include "samplers/gp/model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "bluefin/log.hpp"
#include "samplers/gp/trust_region.hpp"

namespace bluefin::gp {
namespace {

constexpr std::size_t kIncumbents = 5;
constexpr std::size_t kManyParams = 15;  // more: a trust region
constexpr double kMaxEnumerated = 4096;  // points of a discrete space that are all looked at when it is nearly used up
constexpr int kMaxDraws = 256;           // of random points that have not been

// Randomly weighted losses become one (Knowles, ParEGO, 2006): max_k w_k t_k + 0.05 sum_k w_k t_k of losses scaled to
// [0, 1] and weights that are uniform on the simplex. [n]
std::vector<double> scalarised(const Trials& trials, std::size_t n_objectives, Rng& rng) {
  std::vector<double> weights;
  double sum = 0.0;
  for (std::size_t k = 0; k < n_objectives; ++k) {
    weights.push_back(-std::log1p(-rng.uniform()) + 1e-12);
    sum += weights.back();
  }
  std::vector<double> largest(trials.size(), -std::numeric_limits<double>::infinity());
  std::vector<double> total(trials.size(), 0.0);
  for (std::size_t k = 0; k < n_objectives; ++k) {
    const OutputTransform transform(trials.losses(k), {.winsorise = true, .yeo_johnson = false});
    std::vector<double> t;
    for (const double loss : trials.losses(k)) t.push_back(transform(loss));
    const auto [low, high] = std::minmax_element(t.begin(), t.end());
    const double range = *high > *low ? *high - *low : 1.0;
    for (std::size_t i = 0; i < t.size(); ++i) {
      const double part = weights[k] / sum * (t[i] - *low) / range;
      largest[i] = std::max(largest[i], part);
      total[i] += part;
    }
  }
  for (std::size_t i = 0; i < total.size(); ++i) total[i] = largest[i] + 0.05 * total[i];
  return total;
}

}  // namespace

Model::Model(const GpOptions& options, std::size_t n_objectives, std::uint64_t seed)
    : options_(options), n_objectives_(n_objectives), seed_(seed), trials_(n_objectives) {
  objectives_.assign(n_objectives == 2 ? 2 : 1, Surrogate(surrogate_options(true)));
}

SurrogateOptions Model::surrogate_options(bool objective) const {
  SurrogateOptions options;
  options.fit.prior = options_.prior == "optuna" ? Prior::kOptuna : Prior::kLognormal;
  options.fit.deterministic = options_.deterministic_objective;
  options.fit.n_restarts = options_.n_restarts;
  options.fit.seed = seed_;
  // A constraint is satisfied or not at one value, and a hypervolume is one of the losses themselves.
  const bool winsorise = objective && options_.winsorise;
  const bool power = objective && n_objectives_ == 1;
  options.transforms.clear();
  if (power && options_.output_transform != "none") options.transforms.push_back({winsorise, true});
  if (!power || options_.output_transform != "yeo-johnson") options.transforms.push_back({winsorise, false});
  options.max_points = static_cast<std::size_t>(options_.max_points);
  return options;
}

void Model::follow(const HistoryView& history, const SearchSpace& specs) {
  const std::size_t before = trials_.size();
  bool changed = trials_.follow(history, specs);
  if (changed || trials_.size() != before) {
    Layout layout(trials_.space(), trials_.points());
    changed = changed || !layout.same_columns(layout_);
    layout_ = std::move(layout);
  }
  if (changed) {
    for (Surrogate& objective : objectives_) objective = Surrogate(surrogate_options(true));
    constraints_.clear();
  }
}

void Model::follow_objectives(Rng& rng) {
  if (n_objectives_ > 2) {
    objectives_[0] = Surrogate(surrogate_options(true));
    objectives_[0].follow(layout_, trials_.points(), scalarised(trials_, n_objectives_, rng), true);
  } else {
    for (std::size_t k = 0; k < objectives_.size(); ++k) {
      // NaN is no value; a COMPLETE trial's loss never is.
      objectives_[k].follow(layout_, trials_.points(), trials_.losses(k), false);
    }
  }
  for (const auto& [name, values] : trials_.constraints()) {
    auto& constraint = constraints_.try_emplace(name, surrogate_options(false)).first->second;
    constraint.follow(layout_, trials_.points(), values, false);
  }
  report_failure();
}

void Model::report_failure() {
  bool failed = std::any_of(objectives_.begin(), objectives_.end(), [](const Surrogate& s) { return s.failed(); });
  for (const auto& [name, constraint] : constraints_) failed = failed || constraint.failed();
  if (!failed || reported_) return;
  reported_ = true;
  log(LogLevel::kWarning, "gp: the kernel matrix could not be factorised; typical hyperparameters are used instead");
}

std::optional<double> Model::best_value(const Eigen::MatrixXd& running, const std::vector<bool>& feasible) const {
  const Surrogate& objective = objectives_[0];
  const std::vector<double> means = objective.regression().means_at_rows();
  std::optional<double> best;
  const auto consider = [&](double value) {
    if (!best || value < *best) best = value;
  };
  for (std::size_t i = 0; i < means.size(); ++i) {
    if (!trials_.feasible(objective.rows()[i])) continue;
    consider(options_.deterministic_objective ? objective.value(i) : means[i]);
  }
  if (running.rows() == 0) return best;
  const Prediction predicted = objective.regression().predict(running);
  for (Eigen::Index i = 0; i < running.rows(); ++i) {
    if (feasible[static_cast<std::size_t>(i)]) consider(predicted.mean[i]);
  }
  return best;
}

std::optional<math::EhviStrips> Model::strips(const Eigen::MatrixXd& running, const std::vector<bool>& feasible,
                                              bool close) const {
  const auto means_a = objectives_[0].regression().means_at_rows();
  const auto means_b = objectives_[1].regression().means_at_rows();
  std::vector<std::array<double, 2>> points;
  std::array<double, 2> worst{-1e300, -1e300};
  std::array<double, 2> best{1e300, 1e300};
  // Both hold the same trials unless there are more than max_points.
  std::map<std::size_t, std::size_t> row_in_b;
  for (std::size_t i = 0; i < means_b.size(); ++i) row_in_b[objectives_[1].rows()[i]] = i;
  for (std::size_t i = 0; i < means_a.size(); ++i) {
    const std::size_t trial = objectives_[0].rows()[i];
    const auto other = row_in_b.find(trial);
    if (other == row_in_b.end()) continue;
    const bool exact = options_.deterministic_objective;
    const std::array<double, 2> point{exact ? objectives_[0].value(i) : means_a[i],
                                      exact ? objectives_[1].value(other->second) : means_b[other->second]};
    for (std::size_t k = 0; k < 2; ++k) {
      worst[k] = std::max(worst[k], point[k]);
      best[k] = std::min(best[k], point[k]);
    }
    if (trials_.feasible(trial)) points.push_back(point);
  }
  if (running.rows() > 0) {
    const Prediction a = objectives_[0].regression().predict(running);
    const Prediction b = objectives_[1].regression().predict(running);
    for (Eigen::Index i = 0; i < running.rows(); ++i) {
      if (feasible[static_cast<std::size_t>(i)]) points.push_back({a.mean[i], b.mean[i]});
    }
  }
  if (points.empty()) return std::nullopt;
  if (close) {
    std::array<double, 2> nadir{-1e300, -1e300};
    std::array<double, 2> ideal{1e300, 1e300};
    std::sort(points.begin(), points.end());
    double lowest = 1e300;
    for (const auto& point : points) {
      if (point[1] >= lowest) continue;  // dominated
      lowest = point[1];
      for (std::size_t k = 0; k < 2; ++k) {
        nadir[k] = std::max(nadir[k], point[k]);
        ideal[k] = std::min(ideal[k], point[k]);
      }
    }
    if (nadir[0] > ideal[0] && nadir[1] > ideal[1]) {
      worst = nadir;
      best = ideal;
    }
  }
  for (std::size_t k = 0; k < 2; ++k) worst[k] += 0.1 * std::max(worst[k] - best[k], 1e-6);
  return math::EhviStrips(std::move(points), worst);
}

std::optional<Acquisition> Model::acquisition(const Eigen::MatrixXd& running, Rng& rng) {
  if (!std::all_of(objectives_.begin(), objectives_.end(), [](const Surrogate& s) { return s.usable(); })) {
    return std::nullopt;
  }
  std::vector<Acquisition::Constraint> constraints;
  std::vector<bool> feasible(static_cast<std::size_t>(running.rows()), true);  // running trials, as predicted
  for (const auto& [name, constraint] : constraints_) {
    if (!constraint.usable()) continue;
    constraints.push_back({&constraint.regression(), constraint.transform()(0.0)});
    if (running.rows() == 0) continue;
    const Prediction predicted = constraint.regression().predict(running);
    for (Eigen::Index i = 0; i < running.rows(); ++i) {
      if (predicted.mean[i] > constraints.back().threshold) feasible[static_cast<std::size_t>(i)] = false;
    }
  }
  if (objectives_.size() == 1) {
    return Acquisition::one_objective(&objectives_[0].regression(), best_value(running, feasible),
                                      std::move(constraints));
  }
  return Acquisition::two_objectives(&objectives_[0].regression(), &objectives_[1].regression(),
                                     strips(running, feasible, rng.below(2) == 0), std::move(constraints));
}

std::vector<double> Model::lengthscales() const {
  const auto& log_theta = objectives_[0].regression().hyper().log_theta;
  std::vector<double> lengthscales;
  for (std::size_t p = 0; p < space().size(); ++p) {
    lengthscales.push_back(std::clamp(std::exp(-0.5 * log_theta[layout_.column(p)]), 0.01, 1.0));
  }
  return lengthscales;
}

std::vector<double> Model::incumbents() const {
  const std::size_t p = space().size();
  std::vector<double> points;
  for (const std::size_t row : trials_.best_first()) {
    if (points.size() == kIncumbents * p) break;
    const auto begin = trials_.points().begin() + static_cast<std::ptrdiff_t>(row * p);
    points.insert(points.end(), begin, begin + static_cast<std::ptrdiff_t>(p));
  }
  return points;
}

SearchOptions Model::search_options() const {
  // A candidate costs n^2: with many trials fewer are looked at, and most of those roughly.
  SearchOptions search;
  const auto n = static_cast<double>(objectives_[0].regression().size());
  const double share = std::clamp(500.0 / std::max(n, 1.0), 0.25, 1.0);
  search.n_candidates = std::max(1, static_cast<int>(options_.n_candidates * share));
  search.n_perturbations = std::max(64, static_cast<int>(options_.n_candidates * share / 4.0));
  search.n_local_searches = options_.n_local_searches;
  search.max_evaluations = n <= 500.0 ? 40 : 25;
  search.first_share = n <= 80.0 ? 1.0 : 0.15;
  return search;
}

Box Model::box(std::span<const double> incumbents, const std::vector<double>& lengthscales) const {
  const std::size_t p = space().size();
  Box whole{std::vector<double>(p, 0.0), std::vector<double>(p, 1.0)};
  const bool wanted = options_.trust_region.value_or(p > kManyParams) && n_objectives_ == 1;
  if (!wanted || incumbents.size() < p) return whole;
  const double side = trust_region_side(trials_.losses(0), p, static_cast<std::size_t>(options_.n_startup_trials));
  return trust_region(incumbents.first(p), lengthscales, space(), side);
}

std::vector<double> Model::suggest(const std::vector<std::vector<double>>& running,
                                   const std::vector<std::vector<double>>& failed, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes) {
  follow_objectives(rng);
  // What is added for this suggestion alone goes again, however that ends.
  struct Drop {
    explicit Drop(Model& model) : model_(model) {}
    Drop(const Drop&) = delete;
    Drop& operator=(const Drop&) = delete;
    ~Drop() { model_.drop_fantasies(); }
    Model& model_;
  } const drop(*this);
  if (!failed.empty()) {
    std::vector<double> points;
    for (const auto& point : failed) points.insert(points.end(), point.begin(), point.end());
    const Eigen::MatrixXd at = layout_.model_points(points);
    for (Surrogate& objective : objectives_) {
      if (objective.usable()) objective.regression().append_for_now(at, objective.worst());
    }
  }
  // The values of running trials are taken to be what is predicted: no second improvement on the same place.
  std::vector<double> points;
  for (const auto& point : running) points.insert(points.end(), point.begin(), point.end());
  const Eigen::MatrixXd x = layout_.model_points(points);
  std::optional<Acquisition> acquisition = this->acquisition(x, rng);
  if (!acquisition) return {};
  std::vector<Surrogate*> all;
  for (Surrogate& objective : objectives_) all.push_back(&objective);
  for (auto& [name, constraint] : constraints_) {
    if (constraint.usable()) all.push_back(&constraint);
  }
  for (Surrogate* surrogate : all) {
    for (Eigen::Index i = 0; i < x.rows(); ++i) surrogate->regression().append_fantasy(x.row(i));
  }
  const std::vector<double> lengthscales = this->lengthscales();
  const std::vector<double> incumbents = this->incumbents();
  Search search(space(), layout_, *acquisition, lengthscales, box(incumbents, lengthscales), search_options());
  std::vector<Candidate> candidates = search.run(incumbents, rng);
  return choose(search, std::move(candidates), running, failed, rng, passes);
}

void Model::drop_fantasies() {
  for (Surrogate& objective : objectives_) {
    if (objective.usable()) objective.regression().drop_fantasies();
  }
  for (auto& [name, constraint] : constraints_) {
    if (constraint.usable()) constraint.regression().drop_fantasies();
  }
}

std::vector<double> Model::choose(const Search& search, std::vector<Candidate> candidates,
                                  const std::vector<std::vector<double>>& running,
                                  const std::vector<std::vector<double>>& failed, Rng& rng,
                                  const std::function<bool(std::span<const double>)>& passes) const {
  std::set<std::vector<double>> taken;
  for (const auto& point : running) taken.insert(trials_.canonical(point));
  for (const auto& point : failed) taken.insert(trials_.canonical(point));
  std::vector<double> best_visited;  // passes, but has been
  const auto take = [&](const std::vector<Candidate>& ranked) -> std::optional<std::vector<double>> {
    for (const Candidate& candidate : ranked) {
      std::vector<double> values = trials_.canonical(candidate.u);
      if (passes && !passes(values)) continue;
      if (!trials_.visited(values) && !taken.contains(values)) return values;
      if (best_visited.empty()) best_visited = std::move(values);
    }
    return std::nullopt;
  };
  if (auto found = take(candidates)) return *found;
  const std::vector<double> best = trials_.canonical(candidates.front().u);

  // Every candidate has been, or none passes: all points of a small space, random ones of a large one.
  const std::size_t p = space().size();
  double n_points = 1.0;
  for (const Axis& axis : space().axes()) n_points *= axis.continuous() ? 1e300 : axis.n_values();
  std::vector<double> points;
  if (n_points <= kMaxEnumerated) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(n_points); ++i) {
      std::size_t rest = i;
      for (const Axis& axis : space().axes()) {
        const auto count = static_cast<std::size_t>(axis.n_values());
        points.push_back(axis.u_of(rest % count));
        rest /= count;
      }
    }
  } else {
    for (int i = 0; i < kMaxDraws; ++i) {
      for (const Axis& axis : space().axes()) {
        points.push_back(axis.categorical()
                             ? static_cast<double>(rng.below(static_cast<std::uint64_t>(axis.n_values())))
                             : axis.snap(rng.uniform()));
      }
    }
  }
  const std::vector<double> values = search.evaluate(points);
  std::vector<Candidate> more;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * p);
    more.push_back({{begin, begin + static_cast<std::ptrdiff_t>(p)}, values[i]});
  }
  std::stable_sort(more.begin(), more.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  if (auto found = take(more)) return *found;
  return best_visited.empty() ? best : best_visited;
}

}  // namespace bluefin::gp
