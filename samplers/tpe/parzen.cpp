// SPDX-License-Identifier: MIT
#include "samplers/tpe/parzen.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "bluefin/error.hpp"
#include "core/growth.hpp"
#include "math/normal.hpp"
#include "math/truncnorm.hpp"
#include "samplers/prior.hpp"
#include "samplers/tpe/parzen_parts.hpp"

namespace bluefin::tpe {
namespace {

constexpr double kFarthest = 1e7;  // in u: 140,000 ranges off, where a kernel's mass has no digits left
constexpr double kLargestWeight = 1e100;
constexpr std::size_t kFlat = 25;                          // the newest observations, of weight 1
constexpr std::size_t kMostFloats = std::size_t{1} << 24;  // choices: more are not all floats

// The default weight of rank r is min(1, first + slope r).
struct Ramp {
  explicit Ramp(std::size_t m) {
    if (m <= kFlat) return;
    first = 1.0 / static_cast<double>(m);
    const std::size_t n = m - kFlat;
    slope = n > 1 ? (1.0 - first) / static_cast<double>(n - 1) : 1.0;  // a ramp of one value is its beginning
  }
  double operator()(std::size_t rank) const { return std::min(1.0, first + slope * static_cast<double>(rank)); }
  double first = 1.0;
  double slope = 0.0;
};

double sum_of_default_weights(std::size_t m) {
  if (m <= kFlat) return static_cast<double>(m);
  const double n = static_cast<double>(m - kFlat);
  const double first = 1.0 / static_cast<double>(m);
  return kFlat + (n > 1.0 ? 0.5 * n * (1.0 + first) : first);
}

void check_weights(std::span<const double> weights, std::size_t m) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, "tpe: the weights of " + std::to_string(m) + " observations " + what);
  };
  if (weights.size() < m) refuse("are " + std::to_string(weights.size()) + " numbers");
  double sum = 0.0;
  for (const double w : weights) {
    // Sums of larger ones may be no numbers.
    if (!(w >= 0.0 && w <= kLargestWeight)) refuse(fmt::format("have a value of {}, must be between 0 and 1e100", w));
    sum += w;
  }
  if (m > 0 && !(sum > 0.0)) refuse("are all zero");
}

}  // namespace

ParzenEstimator::~ParzenEstimator() = default;
ParzenEstimator::ParzenEstimator(ParzenEstimator&&) noexcept = default;

ParzenEstimator::ParzenEstimator(const Space& space, ParzenOptions options)
    : space_(space),
      options_(std::move(options)),
      narrow_(0, 0, 0, false),
      wide_(0, 0, 0, true),
      batches_(std::make_unique<Batches>()) {
  bounded_ = options_.bandwidths.magic_clip;
  for (const bool on_grid : {false, true}) {
    for (std::size_t j = 0; j < space.size(); ++j) {
      if (std::holds_alternative<CategoricalDistribution>(space[j]->distribution)) continue;
      const Scale scale(space[j]->distribution);
      if (!scale.usable() || (scale.step > 0.0) != on_grid) continue;
      Numeric numeric{j, scale, Bandwidths(options_.bandwidths, scale.unit), {}, 0.0, log_mass_inside(0.0, kMaxS), {}};
      if (on_grid) {
        numeric.grid.emplace(scale);
      } else {
        numeric.log_unit = -std::log(scale.unit) - math::kLogSqrt2Pi;
        ++n_continuous_;
      }
      numeric_.push_back(std::move(numeric));
    }
  }
  for (std::size_t j = 0; j < space.size(); ++j) {
    const auto* c = std::get_if<CategoricalDistribution>(&space[j]->distribution);
    if (c == nullptr) continue;
    categorical_.push_back({j, c->choices.size()});
    if (c->choices.size() > kMostFloats) bounded_ = false;
  }
  const std::size_t n_grid = numeric_.size() - n_continuous_;
  narrow_ = KernelStore(n_continuous_, categorical_.size(), n_grid, false);
  wide_ = KernelStore(n_continuous_, categorical_.size(), n_grid, true);
}

// --- points come and go ----------------------------------------------------------------------------------------------

bool ParzenEstimator::contains(int number) const {
  return number >= 0 && static_cast<std::size_t>(number) < places_.size() &&
         places_[static_cast<std::size_t>(number)] >= 0;
}

ParzenEstimator::Place ParzenEstimator::place(int number) {
  const std::int32_t code = places_[static_cast<std::size_t>(number)];
  return {code % 2 != 0 ? &wide_ : &narrow_, static_cast<std::size_t>(code / 2)};
}

void ParzenEstimator::set_place(int number, Place at) {
  places_[static_cast<std::size_t>(number)] = static_cast<std::int32_t>(2 * at.k + (at.store->wide() ? 1U : 0U));
}

double ParzenEstimator::u_on_grid(std::size_t i, const KernelStore& store, std::size_t k) const {
  const std::uint32_t kernel = as_index(store.cell(k, column_of(store, i)));
  return numeric_[i].scale.u_of_kernel_space(numeric_[i].grid->kernel(kernel).mu);
}

double ParzenEstimator::s_on_grid(std::size_t i, const KernelStore& store, std::size_t k) const {
  return numeric_[i].grid->kernel(as_index(store.cell(k, column_of(store, i)))).s;
}

Bandwidths::Points ParzenEstimator::points_of(std::size_t i) const {
  return [this, i](double low, double high, const std::function<void(int, double)>& visit) {
    for (const KernelStore* store : {&narrow_, &wide_}) {
      for (std::size_t k = 0; k < store->size(); ++k) {
        const double u = u_of(i, *store, k);
        if (low <= u && u <= high) visit(store->number(k), u);
      }
    }
  };
}

KernelStore::Positions ParzenEstimator::positions_in(const KernelStore& store) const {
  return [this, &store](std::size_t k, std::size_t i) {
    return KernelStore::Position{u_of(i, store, k), 1.0 / s_of(i, store, k)};
  };
}

void ParzenEstimator::box_one(std::size_t i, Place at) {
  at.store->box(at.k, i, {u_of(i, *at.store, at.k), 1.0 / s_of(i, *at.store, at.k)});
}

void ParzenEstimator::mark_dirty(Place at) {
  if (std::isnan(at.store->constant(at.k))) return;
  at.store->set_constant(at.k, std::numeric_limits<double>::quiet_NaN());
  dirty_.push_back(at.store->number(at.k));
}

void ParzenEstimator::remove_from_store(Place at) {
  const int number = at.store->number(at.k);
  set_place(at.store->numbers().back(), at);
  places_[static_cast<std::size_t>(number)] = -1;
  at.store->remove(at.k, positions_in(*at.store));
}

void ParzenEstimator::into_store(int number, KernelStore& to) {
  const Place from = place(number);
  const std::size_t k = to.append(number, from.store->ranks()[from.k]);
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    const std::size_t column = column_of(to, i);
    to.cell(k, column) = from.store->cell(from.k, column_of(*from.store, i));
    if (to.wide() && i < n_continuous_) to.cell(k, column + 1) = 1.0;
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    to.cell(k, to.categorical_column(i)) = from.store->cell(from.k, from.store->categorical_column(i));
  }
  to.set_constant(k, from.store->constant(from.k));
  to.weight(k) = from.store->weight(from.k);
  to.box(k, positions_in(to));
  remove_from_store(from);
  set_place(number, {&to, k});
}

void ParzenEstimator::set_s(std::size_t i, int number, double s) {
  if (i >= n_continuous_) {
    const Place at = place(number);
    double& cell = at.store->cell(at.k, column_of(*at.store, i));
    Grid& grid = *numeric_[i].grid;
    cell = as_cell(grid.add({grid.kernel(as_index(cell)).mu, s}));
    box_one(i, at);
    return;
  }
  if (!place(number).store->wide()) into_store(number, wide_);
  const Place at = place(number);
  at.store->cell(at.k, column_of(wide_, i) + 1) = 1.0 / s;
  box_one(i, at);
  mark_dirty(at);
  if (s != 1.0) return;
  for (std::size_t other = 0; other < n_continuous_; ++other) {
    if (at.store->cell(at.k, column_of(wide_, other) + 1) != 1.0) return;
  }
  into_store(number, narrow_);
}

void ParzenEstimator::apply_changes(std::size_t i) {
  for (const auto& change : changes_) set_s(i, change.number, change.s);
  changes_.clear();
}

void ParzenEstimator::insert(int number, std::span<const double> point) {
  for (const Numeric& numeric : numeric_) {
    if (!(std::abs(numeric.scale.u(point[numeric.j])) < kFarthest)) return;
  }
  const auto at = static_cast<std::size_t>(number);
  if (at >= places_.size()) {
    make_room(places_, at + 1);
    places_.resize(places_.capacity(), -1);
  }
  make_room(order_, order_.size() + 1);
  const auto above = std::upper_bound(order_.begin(), order_.end(), number);
  const auto rank = static_cast<std::int32_t>(above - order_.begin());
  if (above != order_.end()) {
    for (KernelStore* store : {&narrow_, &wide_}) {
      for (auto& other : store->ranks()) other += other >= rank ? 1 : 0;
    }
  }
  order_.insert(above, number);
  weights_settled_ = false;

  const std::size_t k = narrow_.append(number, rank);
  set_place(number, {&narrow_, k});
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& numeric = numeric_[i];
    double& cell = narrow_.cell(k, column_of(narrow_, i));
    if (numeric.grid) {
      cell = as_cell(numeric.grid->add({numeric.scale.kernel_space(point[numeric.j]), 1.0}));
    } else {
      cell = numeric.scale.u(point[numeric.j]);
    }
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    narrow_.cell(k, narrow_.categorical_column(i)) = point[categorical_[i].j];
  }
  narrow_.box(k, positions_in(narrow_));
  mark_dirty({&narrow_, k});
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    const Place now = place(number);
    numeric_[i].bandwidths.insert(number, u_of(i, *now.store, now.k), points_of(i), changes_);
    apply_changes(i);
  }
}

void ParzenEstimator::erase(int number) {
  if (!contains(number)) return;
  const Place before = place(number);
  std::vector<double> u(numeric_.size());
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = u_of(i, *before.store, before.k);
  const auto at = std::lower_bound(order_.begin(), order_.end(), number);
  const auto rank = static_cast<std::int32_t>(at - order_.begin());
  order_.erase(at);
  weights_settled_ = false;
  remove_from_store(before);
  for (KernelStore* store : {&narrow_, &wide_}) {
    for (auto& other : store->ranks()) other -= other > rank ? 1 : 0;
  }
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    numeric_[i].bandwidths.erase(number, u[i], points_of(i), changes_);
    apply_changes(i);
  }
}

// --- what is found when it is needed ---------------------------------------------------------------------------------

double ParzenEstimator::constant_of(Place at) {
  double constant = 0.0;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    const double u = u_of(i, *at.store, at.k);
    const double s = s_of(i, *at.store, at.k);
    // A neighbour that comes or goes changes one parameter's bandwidth; what the others add is still known, mostly.
    Numeric::Term& term = numeric_[i].terms[static_cast<std::size_t>(at.store->number(at.k)) % Numeric::kTerms];
    if (term.u != u || term.s != s) term = {u, s, log_mass_inside(u, s), s == 1.0 ? 0.0 : std::log(s)};
    if (!(term.log_mass > kLeastLogMass)) return kNothing;
    constant -= term.log_mass;
    constant -= term.log_s;
  }
  return constant;
}

void ParzenEstimator::settle() {
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    numeric_[i].bandwidths.settle(changes_);
    apply_changes(i);
    if (numeric_[i].grid) settle_grid(i);
  }
  for (const int number : dirty_) {
    if (!contains(number)) continue;
    const Place at = place(number);
    if (!std::isnan(at.store->constant(at.k))) continue;
    const double constant = constant_of(at);
    at.store->set_constant(at.k, constant);
    largest_constant_ = std::max(largest_constant_, constant);
  }
  dirty_.clear();
  if (!weights_settled_) settle_weights();
  for (KernelStore* store : {&narrow_, &wide_}) {
    if (!store->wants_regroup()) continue;
    store->regroup(positions_in(*store));
    for (std::size_t k = 0; k < store->size(); ++k) set_place(store->number(k), {store, k});
  }
}

void ParzenEstimator::settle_grid(std::size_t i) {
  // Bandwidths that have come and gone leave kernels behind that nobody has.
  Grid& grid = *numeric_[i].grid;
  grid.trim();
  if (grid.size() <= 4 * size() + 64) return;
  std::vector<std::pair<double*, Grid::Kernel>> cells;
  for (KernelStore* store : {&narrow_, &wide_}) {
    for (std::size_t k = 0; k < store->size(); ++k) {
      double& cell = store->cell(k, column_of(*store, i));
      cells.emplace_back(&cell, grid.kernel(as_index(cell)));
    }
  }
  grid.clear();
  for (const auto& [cell, kernel] : cells) *cell = as_cell(grid.add(kernel));
}

void ParzenEstimator::settle_weights() {
  cumulative_.clear();
  const std::size_t m = size();
  if (options_.weights) {
    // A function that fails leaves nothing behind: it is asked again next time.
    std::vector<double> weights = options_.weights(m);
    check_weights(weights, m);
    weights.resize(m);
    by_rank_ = std::move(weights);
    total_weight_ = std::accumulate(by_rank_.begin(), by_rank_.end(), 0.0);
    largest_weight_ = m == 0 ? 1.0 : *std::max_element(by_rank_.begin(), by_rank_.end());
  } else {
    total_weight_ = sum_of_default_weights(m);
  }
  total_weight_ += prior_weight();
  weights_settled_ = true;
  const Ramp ramp(m);
  for (KernelStore* store : {&narrow_, &wide_}) {
    if (store->size() == 0) continue;
    double* weights = &store->weight(0);
    const std::int32_t* ranks = store->ranks().data();
    if (options_.weights) {
      for (std::size_t k = 0; k < store->size(); ++k) weights[k] = by_rank_[static_cast<std::size_t>(ranks[k])];
    } else {
      for (std::size_t k = 0; k < store->size(); ++k) {
        weights[k] = std::min(1.0, ramp.first + ramp.slope * static_cast<double>(ranks[k]));
      }
    }
  }
}

// --- draws -----------------------------------------------------------------------------------------------------------

double ParzenEstimator::draw_number(const Numeric& numeric, double u, double s, Rng& rng) const {
  const Scale& scale = numeric.scale;
  // Rejection: a kernel whose middle lies inside of the limits has at least a third of its mass there.
  double t = std::numeric_limits<double>::quiet_NaN();
  for (int i = 0; i < 32 && !(std::abs(t) <= kHalfRange); ++i) {
    t = u + rng.normal() * s / kSqrt2;
  }
  if (!(std::abs(t) <= kHalfRange)) {
    const double a = kSqrt2 * (-kHalfRange - u) / s;
    const double b = kSqrt2 * (kHalfRange - u) / s;
    t = u + math::truncnorm_quantile(rng.uniform(), a, b) * s / kSqrt2;
  }
  double x = scale.centre + t / scale.factor;
  if (scale.log) x = std::exp(x);
  if (scale.step > 0.0) x = scale.x_low + std::nearbyint((x - scale.x_low) / scale.step) * scale.step;
  return std::clamp(x, scale.x_low, scale.x_high);
}

std::vector<double> ParzenEstimator::sample(std::size_t n, Rng& rng) {
  settle();
  const std::size_t m = size();
  const std::size_t d = space_.size();
  if (cumulative_.empty() && m > 0) {
    cumulative_.resize(m);
    const Ramp ramp(m);
    double sum = 0.0;
    for (std::size_t r = 0; r < m; ++r) cumulative_[r] = sum += options_.weights ? by_rank_[r] : ramp(r);
  }
  const double q = prior_weight();
  std::vector<double> points(n * d);
  for (std::size_t p = 0; p < n; ++p) {
    double* point = points.data() + p * d;
    const double at = rng.uniform() * total_weight_;
    const auto rank =
        static_cast<std::size_t>(std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
    std::optional<Place> kernel;
    if (rank < m) kernel = place(order_[rank]);
    for (std::size_t j = 0; j < d; ++j) point[j] = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t i = 0; i < numeric_.size(); ++i) {
      const double u = kernel ? u_of(i, *kernel->store, kernel->k) : 0.0;
      const double s = kernel ? s_of(i, *kernel->store, kernel->k) : kMaxS;
      point[numeric_[i].j] = draw_number(numeric_[i], u, s, rng);
    }
    for (std::size_t i = 0; i < categorical_.size(); ++i) {
      const auto [j, n_choices] = categorical_[i];
      // The observed choice, or any: with probability C q/K of 1 + C q/K.
      const double any = q * static_cast<double>(n_choices) / static_cast<double>(m + 1);
      if (!kernel || rng.uniform() * (1.0 + any) < any) {
        point[j] = static_cast<double>(rng.below(n_choices));
      } else {
        point[j] = kernel->store->cell(kernel->k, kernel->store->categorical_column(i));
      }
    }
    for (std::size_t j = 0; j < d; ++j) {
      if (std::isnan(point[j])) point[j] = draw_prior(space_[j]->distribution, rng);
    }
  }
  return points;
}

// --- a look inside ---------------------------------------------------------------------------------------------------

std::vector<double> ParzenEstimator::kernel_weights() {
  settle();
  std::vector<double> weights;
  for (const int number : order_) {
    const Place at = place(number);
    weights.push_back(at.store->weight(at.k) / total_weight_);
  }
  weights.push_back(prior_weight() / total_weight_);
  return weights;
}

std::optional<ParzenEstimator::NumericKernels> ParzenEstimator::numeric_kernels(std::size_t j) {
  settle();
  const auto it = std::find_if(numeric_.begin(), numeric_.end(), [&](const Numeric& n) { return n.j == j; });
  if (it == numeric_.end()) return std::nullopt;
  const auto i = static_cast<std::size_t>(it - numeric_.begin());
  NumericKernels kernels;
  for (const int number : order_) {
    const Place at = place(number);
    kernels.mu.push_back(it->scale.centre + u_of(i, *at.store, at.k) / it->scale.factor);
    kernels.sigma.push_back(s_of(i, *at.store, at.k) * it->scale.unit);
  }
  kernels.mu.push_back(it->scale.centre);
  kernels.sigma.push_back(kMaxS * it->scale.unit);
  return kernels;
}

double ParzenEstimator::categorical_weight(std::size_t j, std::size_t k, std::size_t choice) {
  const auto it = std::find_if(categorical_.begin(), categorical_.end(), [&](const auto& c) { return c.j == j; });
  const auto n_choices = static_cast<double>(it->n_choices);
  if (k == size()) return 1.0 / n_choices;
  const Place at = place(order_[k]);
  const auto column = at.store->categorical_column(static_cast<std::size_t>(it - categorical_.begin()));
  const double share = options_.prior_weight / static_cast<double>(size() + 1);
  const bool same = at.store->cell(at.k, column) == static_cast<double>(choice);
  return ((same ? 1.0 : 0.0) + share) / (1.0 + n_choices * share);
}

}  // namespace bluefin::tpe
