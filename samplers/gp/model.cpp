// SPDX-License-Identifier: MIT
#include "samplers/gp/model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "bluefin/log.hpp"
#include "core/non_finite.hpp"
#include "samplers/gp/trust_region.hpp"

namespace bluefin::gp {
namespace {

constexpr std::size_t kMaxObjectives = 5;  // with a process each
constexpr std::size_t kMaxBoxes = 2000;    // an evaluation costs some nanoseconds for each
constexpr std::size_t kIncumbents = 5;
constexpr std::size_t kManyParams = 15;  // more: a trust region
constexpr double kMaxEnumerated = 4096;  // points of a discrete space that are all looked at when it is nearly used up
constexpr int kMaxDraws = 256;           // of random points that have not been

// Uniform on the simplex. [n_objectives]
std::vector<double> random_weights(std::size_t n_objectives, Rng& rng) {
  std::vector<double> weights;
  double sum = 0.0;
  for (std::size_t k = 0; k < n_objectives; ++k) {
    weights.push_back(-std::log1p(-rng.uniform()) + 1e-12);
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// Weighted losses become one (Knowles, ParEGO, 2006): max_k w_k t_k + 0.05 sum_k w_k t_k of losses scaled to [0, 1].
// [n]
std::vector<double> scalarised(const Trials& trials, const std::vector<double>& weights) {
  const std::size_t n_objectives = weights.size();
  std::vector<double> largest(trials.size(), -std::numeric_limits<double>::infinity());
  std::vector<double> total(trials.size(), 0.0);
  for (std::size_t k = 0; k < n_objectives; ++k) {
    const OutputTransform transform(trials.losses(k), {.winsorise = true, .yeo_johnson = false});
    std::vector<double> t;
    for (const double loss : trials.losses(k)) t.push_back(transform(loss));
    const auto [low, high] = std::minmax_element(t.begin(), t.end());
    const double range = *high > *low ? *high - *low : 1.0;
    for (std::size_t i = 0; i < t.size(); ++i) {
      const double part = weights[k] * (t[i] - *low) / range;
      largest[i] = std::max(largest[i], part);
      total[i] += part;
    }
  }
  for (std::size_t i = 0; i < total.size(); ++i) total[i] = largest[i] + 0.05 * total[i];
  return total;
}

Warp warp_of(const std::string& name) {
  if (name == "kumaraswamy") return Warp::kAlways;
  return name == "auto" ? Warp::kAuto : Warp::kNone;
}

}  // namespace

Model::Model(const GpOptions& options, std::size_t n_objectives, std::uint64_t seed)
    : options_(options), n_objectives_(n_objectives), seed_(seed), trials_(n_objectives) {
  objectives_.assign(n_objectives <= kMaxObjectives ? n_objectives : 0, Surrogate(surrogate_options(true)));
}

SurrogateOptions Model::surrogate_options(bool objective) const {
  SurrogateOptions options;
  options.fit.prior = options_.prior == "optuna" ? Prior::kOptuna : Prior::kLognormal;
  options.fit.deterministic = options_.deterministic_objective;
  options.fit.n_restarts = options_.n_restarts;
  options.fit.n_threads = options_.n_threads;
  options.fit.warp = warp_of(options_.input_warp);
  options.fit.seed = seed_;
  // A constraint is satisfied or not at one value, and a hypervolume is one of the losses themselves.
  const bool winsorise = objective && options_.winsorise;
  const bool power = objective && n_objectives_ == 1;
  options.transforms.clear();
  const OutputTransformOptions plain{.winsorise = winsorise, .yeo_johnson = false, .constraint = !objective};
  if (power && options_.output_transform != "none") options.transforms.push_back({.winsorise = winsorise});
  if (!power || options_.output_transform != "yeo-johnson") options.transforms.push_back(plain);
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

void Model::follow_processes() {
  for (std::size_t k = 0; k < objectives_.size() && !weighted_; ++k) {
    // NaN is no value; a COMPLETE trial's loss never is.
    objectives_[k].follow(layout_, trials_.points(), trials_.losses(k), false);
  }
  for (const auto& [name, values] : trials_.constraints()) {
    auto& constraint = constraints_.try_emplace(name, surrogate_options(false)).first->second;
    constraint.follow(layout_, trials_.points(), values, false);
  }
}

void Model::weigh(Rng& rng) {
  weights_ = random_weights(n_objectives_, rng);
  weighted_losses_ = scalarised(trials_, weights_);
  weighted_.emplace(surrogate_options(true)).follow(layout_, trials_.points(), weighted_losses_, true);
}

std::vector<Surrogate*> Model::deciding() {
  std::vector<Surrogate*> deciding;
  if (weighted_) return {&*weighted_};
  for (Surrogate& objective : objectives_) deciding.push_back(&objective);
  return deciding;
}

Surrogate Model::process_of(std::size_t objective) const {
  Surrogate surrogate(surrogate_options(true));
  surrogate.follow(layout_, trials_.points(), trials_.losses(objective), true);
  return surrogate;
}

void Model::report_failure() {
  bool failed = weighted_ && weighted_->failed();
  for (const Surrogate& objective : objectives_) failed = failed || objective.failed();
  for (const auto& [name, constraint] : constraints_) failed = failed || constraint.failed();
  if (!failed || reported_) return;
  reported_ = true;
  log(LogLevel::kWarning, "gp: the kernel matrix could not be factorised; typical hyperparameters are used instead");
}

std::optional<double> Model::best_value(const Eigen::MatrixXd& running, const std::vector<bool>& feasible) const {
  const Surrogate& objective = leading();
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

Model::Front Model::front(const Eigen::MatrixXd& running, const std::vector<bool>& feasible, bool close) const {
  const std::size_t n_objectives = objectives_.size();
  // Of trials that all processes hold: all trials, unless there are more than max_points.
  std::map<std::size_t, std::vector<double>> by_trial;
  for (std::size_t k = 0; k < n_objectives; ++k) {
    const Surrogate& objective = objectives_[k];
    const std::vector<double> means = objective.regression().means_at_rows();
    for (std::size_t i = 0; i < means.size(); ++i) {
      std::vector<double>& point = by_trial[objective.rows()[i]];
      if (point.size() == k) point.push_back(options_.deterministic_objective ? objective.value(i) : means[i]);
    }
  }
  Front front;
  std::vector<double> worst(n_objectives, -1e300);
  std::vector<double> best(n_objectives, 1e300);
  const auto stretch = [&](std::span<const double> point) {
    for (std::size_t k = 0; k < n_objectives; ++k) {
      worst[k] = std::max(worst[k], point[k]);
      best[k] = std::min(best[k], point[k]);
    }
  };
  for (const auto& [trial, point] : by_trial) {
    if (point.size() != n_objectives) continue;
    stretch(point);
    if (trials_.feasible(trial)) front.points.insert(front.points.end(), point.begin(), point.end());
  }
  if (running.rows() > 0) {
    std::vector<Prediction> predicted;
    for (const Surrogate& objective : objectives_) predicted.push_back(objective.regression().predict(running));
    for (Eigen::Index i = 0; i < running.rows(); ++i) {
      if (!feasible[static_cast<std::size_t>(i)]) continue;
      for (const Prediction& prediction : predicted) front.points.push_back(prediction.mean[i]);
    }
  }
  if (front.points.empty()) return front;
  if (close) {
    const std::vector<double> whole_worst = worst;
    const std::vector<double> whole_best = best;
    worst.assign(n_objectives, -1e300);
    best.assign(n_objectives, 1e300);
    const math::Points points{front.points, n_objectives};
    const std::vector<int> ranks = math::nondomination_ranks(points, 1);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] == 0) stretch(points[i]);
    }
    if (!std::equal(best.begin(), best.end(), worst.begin(), std::less<>())) {
      worst = whole_worst;
      best = whole_best;
    }
  }
  for (std::size_t k = 0; k < n_objectives; ++k) {
    front.reference.push_back(worst[k] + 0.1 * std::max(worst[k] - best[k], 1e-6));
  }
  return front;
}

bool Model::usable() const {
  if (weighted_) return weighted_->usable();
  return std::all_of(objectives_.begin(), objectives_.end(), [](const Surrogate& s) { return s.usable(); });
}

std::optional<Acquisition> Model::acquisition(const Eigen::MatrixXd& running, const Eigen::MatrixXd& failed, Rng& rng) {
  const auto add_failed = [&] {
    for (Surrogate* surrogate : deciding()) {
      if (surrogate->usable()) surrogate->regression().append_for_now(failed, surrogate->worst());
    }
  };
  if (failed.rows() > 0) add_failed();
  if (!usable()) return std::nullopt;
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
  if (deciding().size() > 1) {
    const Front front = this->front(running, feasible, n_objectives_ > 2 || rng.below(2) == 0);
    std::optional<math::LogEhvi> ehvi;
    if (!front.points.empty()) ehvi = math::LogEhvi::make({front.points, n_objectives_}, front.reference, kMaxBoxes);
    if (front.points.empty() || ehvi) {
      std::vector<const Regression*> regressions;
      for (const Surrogate& objective : objectives_) regressions.push_back(&objective.regression());
      return Acquisition::several_objectives(std::move(regressions), std::move(ehvi), std::move(constraints));
    }
    weigh(rng);
    if (failed.rows() > 0) add_failed();
    if (!usable()) return std::nullopt;
  }
  return Acquisition::one_objective(&leading().regression(), best_value(running, feasible), std::move(constraints));
}

std::vector<double> Model::lengthscales() const {
  const auto& log_theta = leading().regression().hyper().log_theta;
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
  const auto n = static_cast<double>(leading().regression().size());
  const double share = std::clamp(500.0 / std::max(n, 1.0), 0.25, 1.0);
  search.n_candidates = std::max(1, static_cast<int>(options_.n_candidates * share));
  search.n_perturbations = std::max(64, static_cast<int>(options_.n_candidates * share / 4.0));
  search.n_local_searches = options_.n_local_searches;
  search.n_threads = options_.n_threads;
  search.max_evaluations = n <= 500.0 ? 40 : 25;
  search.first_share = n <= 80.0 ? 1.0 : 0.15;
  return search;
}

// Without noise every small success is one, so the box is where the best point is: it pays with few parameters too, as
// long as every third look is at the whole space. With noise it costs more than it gains.
bool Model::wants_box() const {
  if (n_objectives_ != 1) return false;
  if (options_.trust_region) return *options_.trust_region;
  return space().size() > kManyParams || (options_.deterministic_objective && trials_.size() % 3 != 0);
}

Box Model::box(std::span<const double> incumbents, const std::vector<double>& lengthscales) const {
  const std::size_t p = space().size();
  Box whole{std::vector<double>(p, 0.0), std::vector<double>(p, 1.0)};
  if (!wants_box() || incumbents.size() < p) return whole;
  const double side = trust_region_side(trials_.losses(0), p, static_cast<std::size_t>(options_.n_startup_trials));
  return trust_region(incumbents.first(p), lengthscales, space(), side);
}

std::vector<double> Model::suggest(const std::vector<std::vector<double>>& running,
                                   const std::vector<std::vector<double>>& failed, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes,
                                   const Observer& observe) {
  weighted_.reset();
  weights_.clear();
  weighted_losses_.clear();
  if (objectives_.empty() || (n_objectives_ > 2 && rng.below(2) == 0)) weigh(rng);
  follow_processes();
  // What is added for this suggestion alone goes again, however that ends.
  struct Drop {
    explicit Drop(Model& model) : model_(model) {}
    Drop(const Drop&) = delete;
    Drop& operator=(const Drop&) = delete;
    ~Drop() { model_.drop_fantasies(); }
    Model& model_;
  } const drop(*this);
  // The values of running trials are taken to be what is predicted: no second improvement on the same place.
  const auto matrix = [&](const std::vector<std::vector<double>>& some) {
    std::vector<double> points;
    for (const auto& point : some) points.insert(points.end(), point.begin(), point.end());
    return layout_.model_points(points);
  };
  const Eigen::MatrixXd x = matrix(running);
  const std::optional<Acquisition> acquisition = this->acquisition(x, matrix(failed), rng);
  report_failure();
  if (!acquisition) return {};
  std::vector<Surrogate*> all = deciding();
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
  std::vector<double> chosen = choose(search, std::move(candidates), running, failed, rng, passes);
  if (observe) observe(*acquisition, chosen);
  return chosen;
}

void Model::drop_fantasies() {
  if (weighted_ && weighted_->usable()) weighted_->regression().drop_fantasies();
  for (Surrogate& objective : objectives_) {
    if (objective.usable()) objective.regression().drop_fantasies();
  }
  for (auto& [name, constraint] : constraints_) {
    if (constraint.usable()) constraint.regression().drop_fantasies();
  }
}

std::vector<double> Model::random_u(Rng& rng) const {
  std::vector<double> u;
  for (const Axis& axis : space().axes()) {
    u.push_back(axis.categorical() ? static_cast<double>(rng.below(static_cast<std::uint64_t>(axis.n_values())))
                                   : axis.snap(rng.uniform()));
  }
  return u;
}

std::optional<std::vector<double>> Model::all_points() const {
  double n_points = 1.0;
  for (const Axis& axis : space().axes()) n_points *= axis.continuous() ? kInfinity : axis.n_values();
  if (n_points > kMaxEnumerated) return std::nullopt;
  std::vector<double> points;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n_points); ++i) {
    std::size_t rest = i;
    for (const Axis& axis : space().axes()) {
      const auto count = static_cast<std::size_t>(axis.n_values());
      points.push_back(axis.u_of(rest % count));
      rest /= count;
    }
  }
  return points;
}

std::vector<double> Model::start(const std::vector<double>& u, const std::vector<std::vector<double>>& running,
                                 const std::vector<std::vector<double>>& failed, Rng& rng,
                                 const std::function<bool(std::span<const double>)>& passes) const {
  // Points are the same if they are in what a trial is expected to have.
  const auto expected = [&](std::vector<double> point) {
    if (std::none_of(point.begin(), point.end(), [](double at) { return std::isnan(at); })) {
      layout_.leave_out_inactive(point.data());
    }
    return trials_.canonical(point);
  };
  std::set<std::vector<double>> taken;
  for (const auto* points : {&running, &failed}) {
    for (const auto& point : *points) taken.insert(expected(point));
  }
  const auto passes_all = [&](const std::vector<double>& point) { return !passes || passes(trials_.canonical(point)); };
  const auto is_new = [&](const std::vector<double>& point) {
    const std::vector<double> values = expected(point);
    return !trials_.visited(values) && !taken.contains(values) && passes_all(point);
  };
  if (is_new(u)) return trials_.canonical(u);
  std::optional<std::vector<double>> old = passes_all(u) ? std::optional(u) : std::nullopt;
  for (int i = 0; i < kMaxDraws; ++i) {
    std::vector<double> drawn = random_u(rng);
    if (is_new(drawn)) return trials_.canonical(drawn);
    if (!old && passes_all(drawn)) old = std::move(drawn);
  }
  if (const auto all = all_points()) {
    const auto p = static_cast<std::ptrdiff_t>(space().size());
    std::vector<std::vector<double>> left;
    for (auto at = all->begin(); at != all->end(); at += p) {
      std::vector<double> point(at, at + p);
      if (is_new(point)) left.push_back(std::move(point));
    }
    if (!left.empty()) return trials_.canonical(left[rng.below(left.size())]);
  }
  return trials_.canonical(old.value_or(u));
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
  std::vector<double> points;
  if (auto all = all_points()) {
    points = std::move(*all);
  } else {
    for (int i = 0; i < kMaxDraws; ++i) {
      const std::vector<double> u = random_u(rng);
      points.insert(points.end(), u.begin(), u.end());
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
