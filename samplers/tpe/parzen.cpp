// SPDX-License-Identifier: MIT
#include "samplers/tpe/parzen.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "bluefin/error.hpp"
#include "math/normal.hpp"
#include "math/truncnorm.hpp"
#include "samplers/prior.hpp"

namespace bluefin::tpe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kChunkBytes = 16384;
constexpr std::size_t kFlat = 25;  // the newest observations, of weight 1

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
    if (!std::isfinite(w) || w < 0.0) refuse("have a value of " + std::to_string(w) + ", must be finite and >= 0");
    sum += w;
  }
  if (m > 0 && !(sum > 0.0)) refuse("are all zero");
}

// log x for a weight that may be 0; finite, so that sums can be taken back.
double log_weight(double x) { return x > 0.0 ? std::log(x) : -1e4; }

struct alignas(64) Lanes {
  double v[kLanes];
};

}  // namespace

struct ParzenEstimator::Numeric {
  std::size_t j;
  Scale scale;
  Bandwidths bandwidths;
  std::optional<Grid> grid;
  double log_unit;      // log of what a density in u misses to be one in kernel space
  double prior_inside;  // log_mass_inside(0, 100)
};

struct ParzenEstimator::Categorical {
  std::size_t j;
  std::size_t n_choices;
};

// Kernels lie dense: the last one moves where one is taken out.
struct ParzenEstimator::Store {
  std::size_t n_columns = 0;
  std::size_t n = 0;
  std::vector<Lanes> cells;  // [blocks][n_columns]
  std::vector<Lanes> c;      // [blocks], NaN: dirty
  std::vector<Lanes> w;      // [blocks]
  std::vector<int> numbers;  // [n]
  std::vector<std::int32_t> ranks;

  double& cell(std::size_t k, std::size_t column) { return cells[k / kLanes * n_columns + column].v[k % kLanes]; }
  double cell(std::size_t k, std::size_t column) const { return cells[k / kLanes * n_columns + column].v[k % kLanes]; }
  double& constant(std::size_t k) { return c[k / kLanes].v[k % kLanes]; }
  double& weight(std::size_t k) { return w[k / kLanes].v[k % kLanes]; }

  std::size_t append(int number, std::int32_t rank) {
    if (n % kLanes == 0) {
      cells.resize(cells.size() + n_columns);
      c.resize(c.size() + 1);
      w.resize(w.size() + 1);
    }
    numbers.push_back(number);
    ranks.push_back(rank);
    return n++;
  }
  void remove(std::size_t k) {
    const std::size_t last = --n;
    for (std::size_t column = 0; column < n_columns; ++column) {
      cell(k, column) = cell(last, column);
      cell(last, column) = 0.0;
    }
    constant(k) = constant(last);
    constant(last) = 0.0;
    weight(k) = weight(last);
    weight(last) = 0.0;
    numbers[k] = numbers[last];
    ranks[k] = ranks[last];
    numbers.pop_back();
    ranks.pop_back();
    if (n % kLanes == 0) {
      cells.resize(cells.size() - n_columns);
      c.pop_back();
      w.pop_back();
    }
  }
  // Where the cell of a number's u (or of its index in a grid) is.
  std::size_t stride = 1;  // columns of a continuous parameter
  std::size_t n_continuous = 0;
  std::size_t n_categorical = 0;
  std::size_t numeric_column(std::size_t i) const {
    return i < n_continuous ? stride * i : stride * n_continuous + n_categorical + (i - n_continuous);
  }
  std::size_t categorical_column(std::size_t i) const { return stride * n_continuous + i; }
};

// Points in batches of kCandidates, as score.hpp wants them; kept so that their memory is.
struct ParzenEstimator::Batches {
  std::size_t n = 0;  // points
  std::size_t n_batches = 0;
  std::vector<double> x;            // [n_batches][columns][kCandidates][kCopies]
  std::vector<const double*> rows;  // [n_batches][grids][kCandidates]
  std::vector<double> delta;        // [categorical]
  std::vector<double> offset;       // [n_batches][kCandidates], as the next three
  std::vector<double> shift;
  std::vector<double> log_prior;
  std::vector<std::uint8_t> outside;
  std::vector<Lanes> lanes;  // [n_batches][kCandidates] sums
  double log_others = 0.0;   // of a kernel whose choices are all different
};

ParzenEstimator::~ParzenEstimator() = default;
ParzenEstimator::ParzenEstimator(ParzenEstimator&&) noexcept = default;

ParzenEstimator::ParzenEstimator(const Space& space, ParzenOptions options)
    : space_(space),
      options_(std::move(options)),
      narrow_(std::make_unique<Store>()),
      wide_(std::make_unique<Store>()),
      batches_(std::make_unique<Batches>()) {
  for (const bool on_grid : {false, true}) {
    for (std::size_t j = 0; j < space.size(); ++j) {
      if (std::holds_alternative<CategoricalDistribution>(space[j]->distribution)) continue;
      const Scale scale(space[j]->distribution);
      if (!scale.usable() || (scale.step > 0.0) != on_grid) continue;
      Numeric numeric{j, scale, Bandwidths(options_.bandwidths, scale.unit), {}, 0.0, log_mass_inside(0.0, kMaxS)};
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
    if (c != nullptr) categorical_.push_back({j, c->choices.size()});
  }
  for (Store* store : {narrow_.get(), wide_.get()}) {
    store->stride = store == wide_.get() ? 2 : 1;
    store->n_continuous = n_continuous_;
    store->n_categorical = categorical_.size();
    store->n_columns = store->stride * n_continuous_ + categorical_.size() + (numeric_.size() - n_continuous_);
  }
}

// --- points come and go ----------------------------------------------------------------------------------------------

bool ParzenEstimator::contains(int number) const {
  return number >= 0 && static_cast<std::size_t>(number) < places_.size() &&
         places_[static_cast<std::size_t>(number)] >= 0;
}

ParzenEstimator::Place ParzenEstimator::place(int number) const {
  const std::int32_t code = places_[static_cast<std::size_t>(number)];
  return {code % 2 != 0 ? *wide_ : *narrow_, static_cast<std::size_t>(code / 2)};
}

double ParzenEstimator::u_of(std::size_t i, Place at) const {
  const double cell = at.store.cell(at.k, at.store.numeric_column(i));
  if (i < n_continuous_) return cell;
  const Numeric& numeric = numeric_[i];
  const double mu = numeric.grid->kernel(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell))).mu;
  return (mu - numeric.scale.centre) * numeric.scale.factor;
}

double ParzenEstimator::s_of(std::size_t i, Place at) const {
  const std::size_t column = at.store.numeric_column(i);
  if (i < n_continuous_) return &at.store == wide_.get() ? 1.0 / at.store.cell(at.k, column + 1) : 1.0;
  const double cell = at.store.cell(at.k, column);
  return numeric_[i].grid->kernel(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell))).s;
}

Bandwidths::Points ParzenEstimator::points_of(std::size_t i) const {
  return [this, i](const std::function<void(int, double)>& visit) {
    for (Store* store : {narrow_.get(), wide_.get()}) {
      for (std::size_t k = 0; k < store->n; ++k) visit(store->numbers[k], u_of(i, {*store, k}));
    }
  };
}

void ParzenEstimator::mark_dirty(Place at) {
  double& constant = at.store.constant(at.k);
  if (std::isnan(constant)) return;
  constant = std::numeric_limits<double>::quiet_NaN();
  dirty_.push_back(at.store.numbers[at.k]);
}

void ParzenEstimator::remove_from_store(Place at) {
  const int last = at.store.numbers.back();
  places_[static_cast<std::size_t>(at.store.numbers[at.k])] = -1;
  if (at.k + 1 != at.store.n) {
    places_[static_cast<std::size_t>(last)] =
        static_cast<std::int32_t>(2 * at.k + (&at.store == wide_.get() ? 1U : 0U));
  }
  at.store.remove(at.k);
}

void ParzenEstimator::into_store(int number, Store& to) {
  const Place from = place(number);
  const std::size_t k = to.append(number, from.store.ranks[from.k]);
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    const std::size_t column = to.numeric_column(i);
    to.cell(k, column) = from.store.cell(from.k, from.store.numeric_column(i));
    if (&to == wide_.get() && i < n_continuous_) to.cell(k, column + 1) = 1.0;
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    to.cell(k, to.categorical_column(i)) = from.store.cell(from.k, from.store.categorical_column(i));
  }
  to.constant(k) = from.store.constant(from.k);
  to.weight(k) = from.store.weight(from.k);
  remove_from_store(from);
  places_[static_cast<std::size_t>(number)] = static_cast<std::int32_t>(2 * k + (&to == wide_.get() ? 1U : 0U));
}

void ParzenEstimator::set_s(std::size_t i, int number, double s) {
  if (i >= n_continuous_) {
    const Place at = place(number);
    double& cell = at.store.cell(at.k, at.store.numeric_column(i));
    Grid& grid = *numeric_[i].grid;
    const double mu = grid.kernel(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell))).mu;
    cell = std::bit_cast<double>(std::uint64_t{grid.add({mu, s})});
    return;
  }
  if (&place(number).store == narrow_.get()) into_store(number, *wide_);
  const Place at = place(number);
  at.store.cell(at.k, at.store.numeric_column(i) + 1) = 1.0 / s;
  mark_dirty(at);
  if (s != 1.0) return;
  for (std::size_t other = 0; other < n_continuous_; ++other) {
    if (at.store.cell(at.k, at.store.numeric_column(other) + 1) != 1.0) return;
  }
  into_store(number, *narrow_);
}

void ParzenEstimator::apply_changes(std::size_t i) {
  for (const auto& change : changes_) set_s(i, change.number, change.s);
  changes_.clear();
}

void ParzenEstimator::insert(int number, std::span<const double> point) {
  for (const Numeric& numeric : numeric_) {
    if (!std::isfinite(numeric.scale.u(point[numeric.j]))) return;
  }
  const auto at = static_cast<std::size_t>(number);
  if (at >= places_.size()) places_.resize(std::max(at + 1, 2 * places_.size()), -1);
  const auto above = std::upper_bound(order_.begin(), order_.end(), number);
  const auto rank = static_cast<std::int32_t>(above - order_.begin());
  if (above != order_.end()) {
    for (Store* store : {narrow_.get(), wide_.get()}) {
      for (auto& other : store->ranks) other += other >= rank ? 1 : 0;
    }
  }
  order_.insert(above, number);
  weights_settled_ = false;

  const std::size_t k = narrow_->append(number, rank);
  places_[at] = static_cast<std::int32_t>(2 * k);
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& numeric = numeric_[i];
    double& cell = narrow_->cell(k, narrow_->numeric_column(i));
    if (numeric.grid) {
      cell =
          std::bit_cast<double>(std::uint64_t{numeric.grid->add({numeric.scale.kernel_space(point[numeric.j]), 1.0})});
    } else {
      cell = numeric.scale.u(point[numeric.j]);
    }
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    narrow_->cell(k, narrow_->categorical_column(i)) = point[categorical_[i].j];
  }
  mark_dirty({*narrow_, k});
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    numeric_[i].bandwidths.insert(number, u_of(i, place(number)), points_of(i), changes_);
    apply_changes(i);
  }
}

void ParzenEstimator::erase(int number) {
  if (!contains(number)) return;
  std::vector<double> u(numeric_.size());
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = u_of(i, place(number));
  const auto at = std::lower_bound(order_.begin(), order_.end(), number);
  const auto rank = static_cast<std::int32_t>(at - order_.begin());
  order_.erase(at);
  weights_settled_ = false;
  remove_from_store(place(number));
  for (Store* store : {narrow_.get(), wide_.get()}) {
    for (auto& other : store->ranks) other -= other > rank ? 1 : 0;
  }
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    numeric_[i].bandwidths.erase(number, u[i], points_of(i), changes_);
    apply_changes(i);
  }
}

// --- what is found when it is needed ---------------------------------------------------------------------------------

double ParzenEstimator::constant_of(Place at) const {
  double constant = 0.0;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    const double s = s_of(i, at);
    constant -= log_mass_inside(u_of(i, at), s);
    if (s != 1.0) constant -= std::log(s);
  }
  return constant;
}

void ParzenEstimator::settle() {
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    numeric_[i].bandwidths.settle(changes_);
    apply_changes(i);
    if (!numeric_[i].grid) continue;
    // Bandwidths that have come and gone leave entries behind.
    Grid& grid = *numeric_[i].grid;
    if (grid.size() <= 4 * size() + 64) continue;
    std::vector<std::pair<double*, Grid::Kernel>> cells;
    for (Store* store : {narrow_.get(), wide_.get()}) {
      for (std::size_t k = 0; k < store->n; ++k) {
        double& cell = store->cell(k, store->numeric_column(i));
        cells.emplace_back(&cell, grid.kernel(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell))));
      }
    }
    grid.clear();
    for (const auto& [cell, kernel] : cells) *cell = std::bit_cast<double>(std::uint64_t{grid.add(kernel)});
  }
  for (const int number : dirty_) {
    if (!contains(number)) continue;
    const Place at = place(number);
    if (!std::isnan(at.store.constant(at.k))) continue;
    const double constant = constant_of(at);
    at.store.constant(at.k) = constant;
    largest_constant_ = std::max(largest_constant_, constant);
  }
  dirty_.clear();
  if (!weights_settled_) settle_weights();
}

void ParzenEstimator::settle_weights() {
  weights_settled_ = true;
  cumulative_.clear();
  const std::size_t m = size();
  if (options_.weights) {
    by_rank_ = options_.weights(m);
    check_weights(by_rank_, m);
    total_weight_ = std::accumulate(by_rank_.begin(), by_rank_.begin() + static_cast<std::ptrdiff_t>(m), 0.0);
  } else {
    total_weight_ = sum_of_default_weights(m);
  }
  total_weight_ += m == 0 ? 1.0 : options_.prior_weight;
  const Ramp ramp(m);
  for (Store* store : {narrow_.get(), wide_.get()}) {
    double* weights = store->w.empty() ? nullptr : store->w.front().v;
    if (options_.weights) {
      for (std::size_t k = 0; k < store->n; ++k) weights[k] = by_rank_[static_cast<std::size_t>(store->ranks[k])];
    } else {
      for (std::size_t k = 0; k < store->n; ++k) {
        weights[k] = std::min(1.0, ramp.first + ramp.slope * static_cast<double>(store->ranks[k]));
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
    t = u + math::ndtri(1.0 - rng.uniform()) * s / kSqrt2;
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
  const double q = m == 0 ? 1.0 : options_.prior_weight;
  std::vector<double> points(n * d);
  for (std::size_t p = 0; p < n; ++p) {
    double* point = points.data() + p * d;
    const double at = rng.uniform() * total_weight_;
    const auto rank =
        static_cast<std::size_t>(std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
    std::optional<Place> kernel;
    if (rank < m) kernel.emplace(place(order_[rank]));
    for (std::size_t j = 0; j < d; ++j) point[j] = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t i = 0; i < numeric_.size(); ++i) {
      const double u = kernel ? u_of(i, *kernel) : 0.0;
      const double s = kernel ? s_of(i, *kernel) : kMaxS;
      point[numeric_[i].j] = draw_number(numeric_[i], u, s, rng);
    }
    for (std::size_t i = 0; i < categorical_.size(); ++i) {
      const auto [j, n_choices] = categorical_[i];
      // The observed choice, or any: with probability C q/K of 1 + C q/K.
      const double any = q * static_cast<double>(n_choices) / static_cast<double>(m + 1);
      if (!kernel || rng.uniform() * (1.0 + any) < any) {
        point[j] = static_cast<double>(rng.below(n_choices));
      } else {
        point[j] = kernel->store.cell(kernel->k, kernel->store.categorical_column(i));
      }
    }
    for (std::size_t j = 0; j < d; ++j) {
      if (std::isnan(point[j])) point[j] = draw_prior(space_[j]->distribution, rng);
    }
  }
  return points;
}

// --- densities -------------------------------------------------------------------------------------------------------

void ParzenEstimator::prepare(std::span<const double> points) {
  settle();
  Batches& to = *batches_;
  const std::size_t d = space_.size();
  const std::size_t m = size();
  const double q = m == 0 ? 1.0 : options_.prior_weight;
  to.n = points.size() / d;
  to.n_batches = (to.n + kCandidates - 1) / kCandidates;
  const std::size_t n = to.n_batches * kCandidates;  // the last point stands for those that are missing
  to.x.resize(n * kCopies * (n_continuous_ + categorical_.size()));
  to.rows.resize(n * (numeric_.size() - n_continuous_));
  to.log_prior.assign(n, 0.0);
  to.outside.assign(n, 0);
  to.delta.resize(categorical_.size());
  to.log_others = 0.0;
  const auto point_of = [&](std::size_t p) { return points.subspan(std::min(p, to.n - 1) * d, d); };
  const std::size_t n_plain = n_continuous_ + categorical_.size();
  const auto set_x = [&](std::size_t p, std::size_t column, double value) {
    double* copies = &to.x[((p / kCandidates * n_plain + column) * kCandidates + p % kCandidates) * kCopies];
    std::fill(copies, copies + kCopies, value);
  };

  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& numeric = numeric_[i];
    if (numeric.grid) numeric.grid->trim();
    const std::size_t n_grid = numeric_.size() - n_continuous_;
    const double prior = -std::log(kMaxS) - numeric.prior_inside;
    for (std::size_t p = 0; p < n; ++p) {
      const double value = point_of(p)[numeric.j];
      if (!(numeric.scale.x_low <= value && value <= numeric.scale.x_high)) to.outside[p] = 1;
      if (numeric.grid) {
        const double* row = numeric.grid->row(value).data();
        to.rows[(p / kCandidates * n_grid + (i - n_continuous_)) * kCandidates + p % kCandidates] = row;
        to.log_prior[p] += row[Grid::kPrior];
      } else {
        const double u = numeric.scale.u(value);
        set_x(p, i, u);
        to.log_prior[p] += prior - u / kMaxS * (u / kMaxS);
      }
    }
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    const auto [j, n_choices] = categorical_[i];
    const double share = q / static_cast<double>(m + 1);
    to.delta[i] = log_weight(1.0 + share) - log_weight(share);
    to.log_others += log_weight(share) - std::log1p(static_cast<double>(n_choices) * share);
    const double log_prior = -std::log(static_cast<double>(n_choices));
    for (std::size_t p = 0; p < n; ++p) {
      set_x(p, n_continuous_ + i, point_of(p)[j]);
      to.log_prior[p] += log_prior;
    }
  }
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) {
  if (points.empty()) return {};
  prepare(points);
  Batches& batches = *batches_;
  const ScoreKernel& score = score_kernel();
  const double q = size() == 0 ? 1.0 : options_.prior_weight;
  const std::size_t n = batches.n_batches * kCandidates;
  const std::size_t n_plain = n_continuous_ + categorical_.size();
  const std::size_t n_grid = numeric_.size() - n_continuous_;

  // Every batch visits a chunk of kernels while it is in the first-level cache.
  const auto for_each_chunk = [&](auto function, Lanes* results) {
    for (const Store* store : {narrow_.get(), wide_.get()}) {
      const std::size_t n_blocks = store->c.size();
      const std::size_t chunk = std::max<std::size_t>(1, kChunkBytes / (sizeof(Lanes) * (store->n_columns + 2)));
      for (std::size_t b = 0; b < n_blocks; b += chunk) {
        for (std::size_t batch = 0; batch < batches.n_batches; ++batch) {
          const ScoreTask task{store->cells[b * store->n_columns].v,
                               store->c[b].v,
                               store->w[b].v,
                               std::min(chunk, n_blocks - b),
                               n_continuous_,
                               categorical_.size(),
                               n_grid,
                               store == wide_.get(),
                               batches.x.data() + batch * n_plain * kCandidates * kCopies,
                               batches.delta.data(),
                               batches.rows.data() + batch * n_grid * kCandidates,
                               batches.offset.data() + batch * kCandidates};
          function(task, results[batch * kCandidates].v);
        }
      }
    }
  };

  // Sums of exp(t - shift). The largest constant is a good shift as long as the prior, which is always there, does not
  // vanish under it; in very many dimensions it does, and the largest t itself has to be found.
  batches.shift.assign(n, largest_constant_);
  batches.offset.assign(n, batches.log_others);
  const double lowest_prior = *std::min_element(batches.log_prior.begin(), batches.log_prior.end());
  if (q == 0.0 || lowest_prior - largest_constant_ < -600.0) {
    Lanes lowest;
    std::fill(std::begin(lowest.v), std::end(lowest.v), -kInfinity);
    batches.lanes.assign(n, lowest);
    for_each_chunk(score.max, batches.lanes.data());
    for (std::size_t p = 0; p < n; ++p) {
      const double* t = batches.lanes[p].v;
      batches.shift[p] = std::max(*std::max_element(t, t + kLanes), q > 0.0 ? batches.log_prior[p] : -kInfinity);
    }
  }
  for (std::size_t p = 0; p < n; ++p) batches.offset[p] -= batches.shift[p];
  batches.lanes.assign(n, Lanes{});
  for_each_chunk(score.add, batches.lanes.data());

  double log_units = 0.0;
  for (std::size_t i = 0; i < n_continuous_; ++i) log_units += numeric_[i].log_unit;
  std::vector<double> result(batches.n);
  for (std::size_t p = 0; p < batches.n; ++p) {
    double sum = q * std::exp(batches.log_prior[p] - batches.shift[p]);
    for (const double lane : batches.lanes[p].v) sum += lane;
    result[p] = batches.outside[p] != 0 ? -kInfinity : batches.shift[p] + std::log(sum / total_weight_) + log_units;
  }
  return result;
}

// --- a look inside ---------------------------------------------------------------------------------------------------

std::vector<double> ParzenEstimator::kernel_weights() {
  settle();
  std::vector<double> weights;
  for (const int number : order_) {
    const Place at = place(number);
    weights.push_back(at.store.weight(at.k) / total_weight_);
  }
  weights.push_back((size() == 0 ? 1.0 : options_.prior_weight) / total_weight_);
  return weights;
}

std::optional<ParzenEstimator::NumericKernels> ParzenEstimator::numeric_kernels(std::size_t j) {
  settle();
  const auto it = std::find_if(numeric_.begin(), numeric_.end(), [&](const Numeric& n) { return n.j == j; });
  if (it == numeric_.end()) return std::nullopt;
  const auto i = static_cast<std::size_t>(it - numeric_.begin());
  NumericKernels kernels;
  for (const int number : order_) {
    kernels.mu.push_back(it->scale.centre + u_of(i, place(number)) / it->scale.factor);
    kernels.sigma.push_back(s_of(i, place(number)) * it->scale.unit);
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
  const auto column = at.store.categorical_column(static_cast<std::size_t>(it - categorical_.begin()));
  const double share = options_.prior_weight / static_cast<double>(size() + 1);
  const bool same = at.store.cell(at.k, column) == static_cast<double>(choice);
  return ((same ? 1.0 : 0.0) + share) / (1.0 + n_choices * share);
}

}  // namespace bluefin::tpe
