// SPDX-License-Identifier: MIT
// The densities of a ParzenEstimator.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/non_finite.hpp"
#include "samplers/tpe/parzen_parts.hpp"

namespace bluefin::tpe {
namespace {

constexpr double kNear = -3.0;       // a leaf of a larger bound is a point's first guess
constexpr double kNowhere = -1e200;  // kernels are nearer, a box without kernels (-1e300) is not
// Where a batch's first point has more than this share of the leaves near it, all its points get all of them: late in a
// study candidates and kernels crowd around the optimum, and the bounds cost more than they save. The second share is
// for sums in single precision: a study of 10,000 trials took 437 ms with 0.05, 494 with 0.1, 786 with 0.4.
constexpr double kCrowd = 0.4;
constexpr double kCrowdSingle = 0.05;
// Fewer kernels for each parameter are summed quicker in single precision than looked through.
constexpr std::size_t kQuick = 60;
// Added to exponents in single precision, which would be 0 at most and may be 80.
constexpr double kLift = 60.0;
constexpr double kLeastShare = -70.0 - kLift;  // log of a sum beside the weights' that single precision is good for
constexpr double kMostError = 0.005;           // of single precision; where it may be more, it is not used
constexpr double kSumRounding = 1e-12;         // of a sum of doubles

// log x for a weight that may be 0; finite, so that sums can be taken back.
double log_weight(double x) { return x > 0.0 ? std::log(x) : -1e4; }

}  // namespace

void ParzenEstimator::prepare(std::span<const double> points) {
  settle();
  Batches& to = *batches_;
  const std::size_t d = space_.size();
  const std::size_t m = size();
  const double q = prior_weight();
  to.n = points.size() / d;
  to.n_batches = (to.n + kCandidates - 1) / kCandidates;
  const std::size_t n = to.n_batches * kCandidates;  // the last point stands for those that are missing
  const std::size_t n_plain = n_continuous_ + categorical_.size();
  const std::size_t n_grid = numeric_.size() - n_continuous_;
  to.u.resize(n * n_continuous_);
  to.stepped.resize(n * n_grid);
  // Of kinds that the space has none of, still one column: loops step to their candidate's before they ask for any.
  to.x.resize(n * kCopies * std::max<std::size_t>(n_plain, 1));
  to.rows.resize(n * n_grid);
  to.row_pointers.resize(std::max(to.rows.size(), n));
  to.single.resize(n * (n_continuous_ + 1));
  to.ends.resize(2 * n * kCopies * numeric_.size());
  to.has_x.assign(to.n_batches, 0);
  to.has_ends.assign(to.n_batches, 0);
  to.log_prior.assign(n, 0.0);
  to.most.assign(n, 0.0);
  to.outside.assign(n, 0);
  to.delta.resize(categorical_.size());
  to.log_others = 0.0;
  const auto value_of = [&](std::size_t p, std::size_t j) { return points[std::min(p, to.n - 1) * d + j]; };
  // Where the first number of a batch's column stands.
  const auto place_in = [](std::size_t n_columns, std::size_t column, std::size_t batch) {
    return (batch * n_columns + column) * kCandidates;
  };

  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& numeric = numeric_[i];
    const Scale& scale = numeric.scale;
    const double prior = -std::log(kMaxS) - numeric.prior_inside;
    for (std::size_t batch = 0; batch < to.n_batches; ++batch) {
      const std::size_t p0 = batch * kCandidates;
      std::array<double, kCandidates> value;
      for (std::size_t p = 0; p < kCandidates; ++p) {
        value[p] = value_of(p0 + p, numeric.j);
        if (!(scale.x_low <= value[p] && value[p] <= scale.x_high)) to.outside[p0 + p] = 1;
      }
      if (numeric.grid) {
        const std::size_t at = place_in(n_grid, i - n_continuous_, batch);
        for (std::size_t p = 0; p < kCandidates; ++p) {
          const Grid::Row row = numeric.grid->row(value[p]);
          to.stepped[at + p] = value[p];
          to.rows[at + p] = row;
          to.row_pointers[at + p] = row.values;
          to.log_prior[p0 + p] += row.values[Grid::kPrior];
          to.most[p0 + p] += row.most;
        }
      } else {
        double* const u = &to.u[place_in(n_continuous_, i, batch)];
        float* const single = &to.single[place_in(n_continuous_ + 1, i, batch)];
        for (std::size_t p = 0; p < kCandidates; ++p) {
          u[p] = scale.u(value[p]);
          single[p] = static_cast<float>(u[p]);
          to.log_prior[p0 + p] += prior - u[p] / kMaxS * (u[p] / kMaxS);
        }
      }
    }
  }
  for (std::size_t i = 0; i < categorical_.size(); ++i) {
    const auto [j, n_choices] = categorical_[i];
    const double share = q / static_cast<double>(m + 1);
    to.delta[i] = log_weight(1.0 + share) - log_weight(share);
    to.log_others += log_weight(share) - std::log1p(static_cast<double>(n_choices) * share);
    for (double& most : to.most) most += to.delta[i];
    const double log_prior = -std::log(static_cast<double>(n_choices));
    for (std::size_t p = 0; p < n; ++p) {
      const std::size_t at = place_in(n_plain, n_continuous_ + i, p / kCandidates) + p % kCandidates;
      std::fill_n(&to.x[at * kCopies], kCopies, value_of(p, j));
      to.log_prior[p] += log_prior;
    }
  }
}

// Sums in single precision, which most are, do without.
void ParzenEstimator::copy_x(std::size_t batch) {
  Batches& to = *batches_;
  if (to.has_x[batch] != 0) return;
  to.has_x[batch] = 1;
  const double* const u = to.u.data() + batch * n_continuous_ * kCandidates;
  double* const x = to.x.data() + batch * (n_continuous_ + categorical_.size()) * kCandidates * kCopies;
  for (std::size_t at = 0; at < n_continuous_ * kCandidates; ++at) std::fill_n(x + at * kCopies, kCopies, u[at]);
}

// Of the interval that a point of a grid stands for; without a grid both are the point.
void ParzenEstimator::find_ends(std::size_t batch) {
  Batches& to = *batches_;
  if (to.has_ends[batch] != 0) return;
  to.has_ends[batch] = 1;
  const std::size_t n_grid = numeric_.size() - n_continuous_;
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    const Scale& scale = numeric_[i].scale;
    double* const ends = &to.ends[(batch * numeric_.size() + i) * 2 * kCandidates * kCopies];
    for (std::size_t p = 0; p < kCandidates; ++p) {
      double low = 0.0;
      double high = 0.0;
      if (i < n_continuous_) {
        low = high = to.u[(batch * n_continuous_ + i) * kCandidates + p];
      } else {
        const double value = to.stepped[(batch * n_grid + i - n_continuous_) * kCandidates + p];
        low = scale.u(value - 0.5 * scale.step);
        high = scale.u(value + 0.5 * scale.step);
      }
      std::fill_n(ends + p * kCopies, kCopies, low);
      std::fill_n(ends + (kCandidates + p) * kCopies, kCopies, high);
    }
  }
}

// The store's blocks and a batch of points; u in x is there after copy_x().
ScoreTask ParzenEstimator::task_of(const KernelStore& store, std::size_t batch) const {
  const std::size_t p0 = batch * kCandidates;
  ScoreTask task = store.blocks();
  task.x = batches_->x.data() + p0 * kCopies * (n_continuous_ + categorical_.size());
  task.delta = batches_->delta.data();
  task.rows = batches_->row_pointers.data() + p0 * (numeric_.size() - n_continuous_);
  task.offset = batches_->offset.data() + p0;
  task.single = batches_->single.data() + p0 * (n_continuous_ + 1);
  return task;
}

// What is not known of the grids' rows of points [p, p + n_points) of a batch and of kernels [first, first + n) is
// found.
template <std::size_t n_points>
void ParzenEstimator::know(const KernelStore& store, std::size_t first, std::size_t n, std::size_t batch,
                           std::size_t p) {
  const std::size_t n_grid = numeric_.size() - n_continuous_;
  const std::size_t end = std::min(first + n, store.size());
  for (std::size_t i = 0; i < n_grid; ++i) {
    Grid& grid = *numeric_[n_continuous_ + i].grid;
    const Grid::Row* rows = &batches_->rows[batch * kCandidates * n_grid + i * kCandidates + p];
    for (std::size_t k = first; k < end; ++k) {
      const std::uint32_t index = as_index(store.cell(k, store.grid_column(i)));
      for (std::size_t at = 0; at < n_points; ++at) grid.know(rows[at], index);
    }
  }
}

// The relative error of a sum that add_single() has made, of a batch's point p; infinite where it has no bound.
//
// A kernel matters whose term is at least e^-25 of the sum's share for each: with top, what no exponent exceeds,
// sum_j z_j^2 <= T = top - log(sum / (weights' sum)) + 25. With e = 2^-24, and |u| <= 36 s + |z| s for it, each z is
// wrong by e (72 + 4 |z|), the squares together by e (144 sqrt(d T) + 9 T), and their sum by d + 5 roundings of numbers
// that are at most T and the constants. What lies below -87 - kLift, and is taken as that, is less than e^-17 of the
// sum.
double ParzenEstimator::single_error(std::size_t p, double sum) const {
  constexpr double e = 0x1p-24;
  const Batches& batches = *batches_;
  const double top = batches.most[p] + batches.offset[p] + largest_constant_;
  const double share = std::log(sum / (largest_weight_ * static_cast<double>(size() + 1)));
  if (!(1e-6 < largest_weight_ && largest_weight_ < 1e6)) return kInfinity;  // others may be 0 or infinite as floats
  if (!std::isfinite(sum) || !(top < 80.0 - kLift) || !(share > kLeastShare)) return kInfinity;
  const double t = std::max(top - share, 0.0) + 25.0;
  const auto d = static_cast<double>(space_.size());
  const double constants = t + std::abs(top) + batches.most[p] + 2.0 * std::abs(batches.offset[p]) + 2.0 * kLift;
  return e * (144.0 * std::sqrt(d * t) + 9.0 * t + (d + 5.0) * constants) + 3e-6 + 100.0 * e;
}

// Adds the store's kernels, of a space without grids, to the sums of a batch in single precision; false, and nothing is
// added, where that may be wrong by more than kMostError.
bool ParzenEstimator::add_single(const KernelStore& store, std::size_t batch) {
  Batches& batches = *batches_;
  const std::size_t p0 = batch * kCandidates;
  float* offset = &batches.single[p0 * (n_continuous_ + 1) + n_continuous_ * kCandidates];
  for (std::size_t i = 0; i < kCandidates; ++i) offset[i] = static_cast<float>(batches.offset[p0 + i] + kLift);
  std::array<Lanes, kCandidates> sums{};
  score_kernel().add_single(task_of(store, batch), sums[0].v);
  const double unlift = std::exp(-kLift);
  for (Lanes& lanes : sums) {
    for (double& lane : lanes.v) lane *= unlift;
  }
  std::array<double, kCandidates> error{};
  for (std::size_t i = 0; i < kCandidates; ++i) {
    double sum = batches.prior[p0 + i];
    for (std::size_t l = 0; l < kLanes; ++l) sum += sums[i].v[l] + batches.lanes[p0 + i].v[l];
    error[i] = single_error(p0 + i, sum);
    if (!(error[i] < kMostError)) return false;
  }
  for (std::size_t i = 0; i < kCandidates; ++i) {
    for (std::size_t l = 0; l < kLanes; ++l) batches.lanes[p0 + i].v[l] += sums[i].v[l];
    batches.wrong[p0 + i] = std::max(batches.wrong[p0 + i], error[i]);
  }
  return true;
}

// Adds the store's kernels to the sums of a batch; of a large store each point's near leaves first. What has been
// summed is a lower bound of the whole, and a leaf that cannot add a noticeable part to it is left out.
void ParzenEstimator::add_kernels(const KernelStore& store, std::size_t batch, double left_out) {
  if (store.size() == 0) return;
  Batches& batches = *batches_;
  const ScoreKernel& score = score_kernel();
  const std::size_t p0 = batch * kCandidates;
  const ScoreTask task = task_of(store, batch);
  // Rows of grids are looked up one by one, in either precision, and have to be known: the fewer the better.
  const bool single = bounded_ && numeric_.size() == n_continuous_ && left_out > kExact && store.size() >= kSingleFrom;
  const auto add_all = [&] {
    if (single && add_single(store, batch)) return;
    know<kCandidates>(store, 0, store.size(), batch, 0);
    copy_x(batch);
    score.add(task, batches.lanes[p0].v);
  };
  const double least = std::log(batches.prior[p0] / (largest_weight_ * static_cast<double>(size() + 1)));
  const bool quick = single && store.size() < kQuick * space_.size() && least > kLeastShare;
  if (!store.has_boxes() || !bounded_ || quick) return add_all();

  copy_x(batch);
  find_ends(batch);
  std::array<double, kCandidates> offset{};
  for (std::size_t i = 0; i < kCandidates; ++i) offset[i] = batches.offset[p0 + i] + batches.most[p0 + i];
  BoundTask branches = store.branches().boxes();
  BoundTask leaves = store.leaves().boxes();
  branches.x = leaves.x = batches.ends.data() + p0 * 2 * kCopies * numeric_.size();
  branches.offset = leaves.offset = offset.data();
  batches.branches.resize(store.branches().n_groups() * kLanes);
  batches.leaves.resize(batches.branches.size() * kLanes);
  // All kernels that are left out, of both stores, add less than this share to a sum.
  const double log_share = std::log(left_out / (largest_weight_ * static_cast<double>(size())));
  for (std::size_t i = 0; i < kCandidates && p0 + i < batches.n; ++i) {
    double done = kInfinity;  // leaves with a larger bound are in the sum
    for (const bool nearest : {true, false}) {
      double threshold = kNear;
      if (left_out != kNearest) {
        double sum = batches.prior[p0 + i];
        for (const double lane : batches.lanes[p0 + i].v) sum += lane;
        threshold = std::max(nearest ? kNear : kNowhere, std::log(sum) + log_share);
      }
      if (!(threshold < done)) break;
      const std::size_t n_branches =
          score.near(branches, i, threshold, kInfinity, nullptr, store.branches().n_groups(), batches.branches.data());
      const std::size_t n =
          score.near(leaves, i, threshold, done, batches.branches.data(), n_branches, batches.leaves.data());
      const double crowd = (single ? kCrowdSingle : kCrowd) * static_cast<double>(store.n_blocks());
      if (i == 0 && nearest && static_cast<double>(n) > crowd) return add_all();
      if (numeric_.size() > n_continuous_) {
        for (std::size_t at = 0; at < n; ++at) know<1>(store, batches.leaves[at] * kLanes, kLanes, batch, i);
      }
      score.add_listed(task, i, batches.leaves.data(), n, batches.lanes[p0 + i].v);
      done = threshold;
    }
    batches.missing[p0 + i] = left_out;
  }
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points, double left_out,
                                             std::vector<double>* error) {
  if (error != nullptr) error->clear();
  if (points.empty()) return {};
  prepare(points);
  Batches& batches = *batches_;
  const std::size_t n = batches.n_batches * kCandidates;

  // Sums of exp(t - shift). The largest constant is a good shift as long as the prior, which is always there, does not
  // vanish under it; in very many dimensions, or with a tiny weight, it does, and the largest t itself has to be found.
  batches.shift.assign(n, largest_constant_);
  batches.offset.assign(n, batches.log_others);
  const double log_q = prior_weight() > 0.0 ? std::log(prior_weight()) : -kInfinity;
  const double lowest_prior = *std::min_element(batches.log_prior.begin(), batches.log_prior.end());
  if (log_q + lowest_prior - largest_constant_ < -600.0) {
    Lanes lowest;
    std::fill(std::begin(lowest.v), std::end(lowest.v), -kInfinity);
    batches.lanes.assign(n, lowest);
    for (std::size_t p0 = 0; p0 < n; p0 += kCandidates) {
      for (const KernelStore* store : {&narrow_, &wide_}) {
        if (store->size() == 0) continue;
        know<kCandidates>(*store, 0, store->size(), p0 / kCandidates, 0);
        copy_x(p0 / kCandidates);
        score_kernel().max(task_of(*store, p0 / kCandidates), batches.lanes[p0].v);
      }
    }
    for (std::size_t p = 0; p < n; ++p) {
      const double* t = batches.lanes[p].v;
      batches.shift[p] = std::max(*std::max_element(t, t + kLanes), batches.log_prior[p] + log_q);
      if (batches.shift[p] == -kInfinity) {  // no kernel reaches the point
        batches.shift[p] = 0.0;
        batches.outside[p] = 1;
      }
    }
  }
  batches.prior.resize(n);
  for (std::size_t p = 0; p < n; ++p) {
    batches.offset[p] -= batches.shift[p];
    batches.prior[p] = std::exp(batches.log_prior[p] + log_q - batches.shift[p]);
  }
  batches.lanes.assign(n, Lanes{});
  batches.wrong.assign(n, 0.0);
  batches.missing.assign(n, 0.0);
  for (std::size_t batch = 0; batch < batches.n_batches; ++batch) {
    for (const KernelStore* store : {&narrow_, &wide_}) {
      add_kernels(*store, batch, left_out);
    }
  }

  double log_units = -std::log(total_weight_);  // the quotient itself may be too small a number
  for (std::size_t i = 0; i < n_continuous_; ++i) log_units += numeric_[i].log_unit;
  std::vector<double> result(batches.n);
  for (std::size_t p = 0; p < batches.n; ++p) {
    double sum = batches.prior[p];
    for (const double lane : batches.lanes[p].v) sum += lane;
    result[p] = batches.outside[p] != 0 ? -kInfinity : batches.shift[p] + std::log(sum) + log_units;
    // Low by what may be wrong, so that the whole of the error is above.
    const double wrong = batches.wrong[p] > 0.0 ? -std::log1p(-batches.wrong[p]) : 0.0;
    result[p] -= wrong;
    if (error != nullptr) error->push_back(2.0 * wrong + std::log1p(batches.missing[p]) + kSumRounding);
  }
  return result;
}

}  // namespace bluefin::tpe
