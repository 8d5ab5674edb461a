// SPDX-License-Identifier: MIT
#include "samplers/tpe/kernel_store.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bluefin::tpe {
namespace {

constexpr double kFar = 1e300;

}  // namespace

void BoxList::resize(std::size_t n) {
  const std::size_t n_groups = (n + kLanes - 1) / kLanes;
  const std::size_t n_old = std::min(n_, n);
  cells_.resize(n_groups * n_columns_);
  c_.resize(n_groups);
  n_ = n;
  for (std::size_t box = n_old; box < n_groups * kLanes; ++box) clear(box);
}

void BoxList::clear(std::size_t box) {
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    cell(box, stride_ * i) = kFar;
    cell(box, stride_ * i + 1) = -kFar;
    if (stride_ == 3) cell(box, stride_ * i + 2) = 1.0;
  }
  c_[box / kLanes].v[box % kLanes] = -kFar;
}

void BoxList::include(std::size_t box, std::size_t i, double u, double inverse_s) {
  double& low = cell(box, stride_ * i);
  double& high = cell(box, stride_ * i + 1);
  low = std::min(low, u);
  high = std::max(high, u);
  if (stride_ == 3) {
    double& smallest = cell(box, stride_ * i + 2);
    smallest = std::min(smallest, inverse_s);
  }
}

void BoxList::include_constant(std::size_t box, double c) {
  double& largest = c_[box / kLanes].v[box % kLanes];
  if (c > largest) largest = c;  // never for NaN
}

BoundTask BoxList::groups(std::size_t first, std::size_t n) const {
  BoundTask task{};
  task.boxes = cells_[first * n_columns_].v;
  task.c = c_[first].v;
  task.n_groups = n;
  task.n_continuous = n_continuous_;
  task.wide = stride_ == 3;
  return task;
}

KernelStore::KernelStore(std::size_t n_continuous, std::size_t n_categorical, std::size_t n_grid, bool wide)
    : n_continuous_(n_continuous),
      n_categorical_(n_categorical),
      n_grid_(n_grid),
      wide_(wide),
      n_columns_(grid_column(n_grid)),
      leaves_(n_continuous, wide),
      branches_(n_continuous, wide) {}

std::size_t KernelStore::append(int number, std::int32_t rank) {
  const std::size_t k = size();
  if (k % kLanes == 0) {
    cells_.resize(cells_.size() + n_columns_);
    c_.resize(c_.size() + 1);
    w_.resize(w_.size() + 1);
  }
  numbers_.push_back(number);
  ranks_.push_back(rank);
  resize_boxes();
  ++n_changes_;
  return k;
}

void KernelStore::resize_boxes() {
  const std::size_t n_leaves = (size() + kLeafKernels - 1) / kLeafKernels;
  if (n_leaves == leaves_.size()) return;
  leaves_.resize(n_leaves);
  const std::size_t n_branches = (n_leaves + kLanes - 1) / kLanes;
  if (n_branches != branches_.size()) branches_.resize(n_branches);
}

void KernelStore::remove(std::size_t k) {
  const std::size_t last = size() - 1;
  for (std::size_t column = 0; column < n_columns_; ++column) {
    cell(k, column) = cell(last, column);
    cell(last, column) = 0.0;
  }
  const double c = constant(last);
  c_[last / kLanes].v[last % kLanes] = 0.0;
  weight(k) = weight(last);
  weight(last) = 0.0;
  numbers_[k] = numbers_[last];
  ranks_[k] = ranks_[last];
  numbers_.pop_back();
  ranks_.pop_back();
  if (k != last) {
    set_constant(k, c);
    box(k);
  }
  if (last % kLanes == 0) {
    cells_.resize(cells_.size() - n_columns_);
    c_.pop_back();
    w_.pop_back();
  }
  resize_boxes();
  ++n_changes_;
}

void KernelStore::set_constant(std::size_t k, double c) {
  c_[k / kLanes].v[k % kLanes] = c;
  leaves_.include_constant(k / kLeafKernels, c);
  branches_.include_constant(k / kLeafKernels / kLanes, c);
}

void KernelStore::box(std::size_t k) {
  const std::size_t leaf = k / kLeafKernels;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    const double u = cell(k, continuous_column(i));
    const double inverse_s = wide_ ? cell(k, continuous_column(i) + 1) : 1.0;
    leaves_.include(leaf, i, u, inverse_s);
    branches_.include(leaf / kLanes, i, u, inverse_s);
  }
}

void KernelStore::group(std::vector<std::uint32_t>& order, std::size_t begin, std::size_t end) const {
  if (end - begin <= kLeafKernels) return;
  // The longest side, judged by a sample.
  const std::size_t step = std::max<std::size_t>(1, (end - begin) / 64);
  std::size_t longest = 0;
  double length = -1.0;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    double low = kFar;
    double high = -kFar;
    for (std::size_t at = begin; at < end; at += step) {
      const double u = cell(order[at], continuous_column(i));
      low = std::min(low, u);
      high = std::max(high, u);
    }
    if (high - low > length) {
      length = high - low;
      longest = continuous_column(i);
    }
  }
  // Whole branches while there are several, so that a branch is a box of the tree too.
  const std::size_t unit = end - begin > kLeafKernels * kLanes ? kLeafKernels * kLanes : kLeafKernels;
  const std::size_t middle = begin + (end - begin + unit - 1) / unit / 2 * unit;
  const auto at = [&](std::size_t i) { return order.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end),
                   [&](std::uint32_t a, std::uint32_t b) { return cell(a, longest) < cell(b, longest); });
  group(order, begin, middle);
  group(order, middle, end);
}

void KernelStore::regroup() {
  n_changes_ = 0;
  if (n_continuous_ == 0) return;
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  group(order, 0, order.size());
  KernelStore fresh(n_continuous_, n_categorical_, n_grid_, wide_);
  fresh.cells_.reserve(cells_.size());
  for (const std::uint32_t old : order) {
    const std::size_t k = fresh.append(numbers_[old], ranks_[old]);
    for (std::size_t column = 0; column < n_columns_; ++column) fresh.cell(k, column) = cell(old, column);
    fresh.set_constant(k, constant(old));
    fresh.weight(k) = weight(old);
    fresh.box(k);
  }
  *this = std::move(fresh);
  n_changes_ = 0;
}

ScoreTask KernelStore::blocks(std::size_t first, std::size_t n) const {
  ScoreTask task{};
  task.cells = cells_[first * n_columns_].v;
  task.c = c_[first].v;
  task.w = w_[first].v;
  task.n_blocks = n;
  task.n_continuous = n_continuous_;
  task.n_categorical = n_categorical_;
  task.n_grid = n_grid_;
  task.wide = wide_;
  return task;
}

}  // namespace bluefin::tpe
