// SPDX-License-Identifier: MIT
// The densities of a ParzenEstimator.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "samplers/tpe/parzen_parts.hpp"

namespace bluefin::tpe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeftOut = 1e-13;  // of a sum, at the most

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
  to.x.resize(n * kCopies * (n_continuous_ + categorical_.size()));
  to.rows.resize(n * (numeric_.size() - n_continuous_));
  to.row_pointers.resize(to.rows.size());
  to.ends.resize(2 * n * kCopies * numeric_.size());
  to.log_prior.assign(n, 0.0);
  to.most.assign(n, 0.0);
  to.outside.assign(n, 0);
  to.delta.resize(categorical_.size());
  to.log_others = 0.0;
  const auto point_of = [&](std::size_t p) { return points.subspan(std::min(p, to.n - 1) * d, d); };
  const std::size_t n_plain = n_continuous_ + categorical_.size();
  const auto set_x = [&](std::size_t p, std::size_t column, double value) {
    double* copies = &to.x[((p / kCandidates * n_plain + column) * kCandidates + p % kCandidates) * kCopies];
    std::fill(copies, copies + kCopies, value);
  };
  const auto set_ends = [&](std::size_t p, std::size_t i, double low, double high) {
    double* ends = &to.ends[((p / kCandidates * numeric_.size() + i) * 2 * kCandidates + p % kCandidates) * kCopies];
    std::fill(ends, ends + kCopies, low);
    std::fill(ends + kCandidates * kCopies, ends + (kCandidates + 1) * kCopies, high);
  };

  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& numeric = numeric_[i];
    const std::size_t n_grid = numeric_.size() - n_continuous_;
    const double prior = -std::log(kMaxS) - numeric.prior_inside;
    for (std::size_t p = 0; p < n; ++p) {
      const double value = point_of(p)[numeric.j];
      if (!(numeric.scale.x_low <= value && value <= numeric.scale.x_high)) to.outside[p] = 1;
      if (numeric.grid) {
        const Grid::Row row = numeric.grid->row(value);
        const std::size_t at = (p / kCandidates * n_grid + (i - n_continuous_)) * kCandidates + p % kCandidates;
        to.rows[at] = row;
        to.row_pointers[at] = row.values;
        to.log_prior[p] += row.values[Grid::kPrior];
        to.most[p] += row.most;
        set_ends(p, i, numeric.scale.u(value - 0.5 * numeric.scale.step),
                 numeric.scale.u(value + 0.5 * numeric.scale.step));
      } else {
        const double u = numeric.scale.u(value);
        set_x(p, i, u);
        set_ends(p, i, u, u);
        to.log_prior[p] += prior - u / kMaxS * (u / kMaxS);
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
      set_x(p, n_continuous_ + i, point_of(p)[j]);
      to.log_prior[p] += log_prior;
    }
  }
}

// Blocks [first, first + n) and a batch of points; what is not known of their grids is found.
ScoreTask ParzenEstimator::task_of(const KernelStore& store, std::size_t first, std::size_t n, std::size_t batch) {
  Batches& batches = *batches_;
  const std::size_t p0 = batch * kCandidates;
  const std::size_t n_grid = numeric_.size() - n_continuous_;
  for (std::size_t i = 0; i < n_grid; ++i) {
    Grid& grid = *numeric_[n_continuous_ + i].grid;
    const Grid::Row* rows = &batches.rows[p0 * n_grid + i * kCandidates];
    const std::size_t end = std::min((first + n) * kLanes, store.size());
    for (std::size_t k = first * kLanes; k < end; ++k) {
      const std::uint32_t index = as_index(store.cell(k, store.grid_column(i)));
      for (std::size_t p = 0; p < kCandidates; ++p) grid.know(rows[p], index);
    }
  }
  ScoreTask task = store.blocks(first, n);
  task.x = batches.x.data() + p0 * kCopies * (n_continuous_ + categorical_.size());
  task.delta = batches.delta.data();
  task.rows = batches.row_pointers.data() + p0 * n_grid;
  task.offset = batches.offset.data() + p0;
  return task;
}

// Adds the store's kernels to the sums of a batch, near leaves first. What has been summed is a lower bound of the
// whole, and a leaf that cannot add a noticeable part to it is left out.
void ParzenEstimator::add_kernels(const KernelStore& store, std::size_t batch) {
  if (store.size() == 0) return;
  Batches& batches = *batches_;
  const ScoreKernel& score = score_kernel();
  const std::size_t p0 = batch * kCandidates;
  const auto add = [&](std::size_t first, std::size_t n) {
    score.add(task_of(store, first, n, batch), batches.lanes[p0].v);
  };
  // Without the magic clip kernels can be narrower than the bounds know.
  if (!store.has_boxes() || !options_.bandwidths.magic_clip) {
    add(0, store.n_blocks());
    return;
  }

  std::array<double, kCandidates> offset{};
  for (std::size_t i = 0; i < kCandidates; ++i) offset[i] = batches.offset[p0 + i] + batches.most[p0 + i];
  const auto bound = [&](BoundTask boxes, double* bounds) {
    boxes.x = batches.ends.data() + p0 * 2 * kCopies * numeric_.size();
    boxes.offset = offset.data();
    score.bound(boxes, bounds);
  };
  const BoxList& branches = store.branches();
  const std::size_t n_leaves = store.leaves().size();
  batches.branch_bounds.resize(branches.n_groups() * kCandidates);
  batches.branch_excess.resize(branches.n_groups());
  batches.leaf_bounds.resize(branches.size() * kCandidates);
  batches.seen.assign(branches.size(), 0);
  batches.done.assign(n_leaves, 0);
  bound(branches.groups(0, branches.n_groups()), batches.branch_bounds[0].v);
  // All that is left out adds less than this to a sum.
  const double log_share = std::log(kLeftOut / (largest_weight_ * static_cast<double>(store.size())));
  for (const double near : {-4.0, -16.0, -kInfinity}) {
    std::array<double, kCandidates> threshold{};
    for (std::size_t i = 0; i < kCandidates; ++i) {
      double sum = batches.prior[p0 + i];
      for (const double lane : batches.lanes[p0 + i].v) sum += lane;
      threshold[i] = std::max(near, std::log(sum) + log_share);
    }
    score.excess(batches.branch_bounds[0].v, branches.n_groups(), threshold.data(), batches.branch_excess[0].v);
    for (std::size_t branch = 0; branch < branches.size(); ++branch) {
      if (!(batches.branch_excess[branch / kLanes].v[branch % kLanes] > 0.0)) continue;
      double* bounds = batches.leaf_bounds[branch * kCandidates].v;
      if (batches.seen[branch] == 0) {
        batches.seen[branch] = 1;
        bound(store.leaves().groups(branch, 1), bounds);
      }
      Lanes excess;
      score.excess(bounds, 1, threshold.data(), excess.v);
      const std::size_t end = std::min((branch + 1) * kLanes, n_leaves);
      const auto wanted = [&](std::size_t leaf) { return batches.done[leaf] == 0 && excess.v[leaf % kLanes] > 0.0; };
      for (std::size_t leaf = branch * kLanes; leaf < end; ++leaf) {
        const std::size_t first = leaf;
        for (; leaf < end && wanted(leaf); ++leaf) batches.done[leaf] = 1;
        if (leaf == first) continue;
        add(first * kLeafBlocks, std::min(leaf * kLeafBlocks, store.n_blocks()) - first * kLeafBlocks);
      }
    }
  }
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) {
  if (points.empty()) return {};
  prepare(points);
  Batches& batches = *batches_;
  const double q = prior_weight();
  const std::size_t n = batches.n_batches * kCandidates;

  // Sums of exp(t - shift). The largest constant is a good shift as long as the prior, which is always there, does not
  // vanish under it; in very many dimensions it does, and the largest t itself has to be found.
  batches.shift.assign(n, largest_constant_);
  batches.offset.assign(n, batches.log_others);
  const double lowest_prior = *std::min_element(batches.log_prior.begin(), batches.log_prior.end());
  if (q == 0.0 || lowest_prior - largest_constant_ < -600.0) {
    Lanes lowest;
    std::fill(std::begin(lowest.v), std::end(lowest.v), -kInfinity);
    batches.lanes.assign(n, lowest);
    for (std::size_t p0 = 0; p0 < n; p0 += kCandidates) {
      for (const KernelStore* store : {&narrow_, &wide_}) {
        if (store->size() == 0) continue;
        score_kernel().max(task_of(*store, 0, store->n_blocks(), p0 / kCandidates), batches.lanes[p0].v);
      }
    }
    for (std::size_t p = 0; p < n; ++p) {
      const double* t = batches.lanes[p].v;
      batches.shift[p] = std::max(*std::max_element(t, t + kLanes), q > 0.0 ? batches.log_prior[p] : -kInfinity);
      if (batches.shift[p] == -kInfinity) {  // no kernel reaches the point
        batches.shift[p] = 0.0;
        batches.outside[p] = 1;
      }
    }
  }
  batches.prior.resize(n);
  for (std::size_t p = 0; p < n; ++p) {
    batches.offset[p] -= batches.shift[p];
    batches.prior[p] = q > 0.0 ? q * std::exp(batches.log_prior[p] - batches.shift[p]) : 0.0;
  }
  batches.lanes.assign(n, Lanes{});
  for (std::size_t batch = 0; batch < batches.n_batches; ++batch) {
    add_kernels(narrow_, batch);
    add_kernels(wide_, batch);
  }

  double log_units = 0.0;
  for (std::size_t i = 0; i < n_continuous_; ++i) log_units += numeric_[i].log_unit;
  std::vector<double> result(batches.n);
  for (std::size_t p = 0; p < batches.n; ++p) {
    double sum = batches.prior[p];
    for (const double lane : batches.lanes[p].v) sum += lane;
    result[p] = batches.outside[p] != 0 ? -kInfinity : batches.shift[p] + std::log(sum / total_weight_) + log_units;
  }
  return result;
}

}  // namespace bluefin::tpe
