// SPDX-License-Identifier: MIT
#include "samplers/tpe/kernel_store.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/growth.hpp"

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
  for (std::size_t i = 0; i < n_numeric_; ++i) {
    cell(box, kBoxColumns * i) = kFar;
    cell(box, kBoxColumns * i + 1) = -kFar;
    cell(box, kBoxColumns * i + 2) = kFar;
  }
  c_[box / kLanes].v[box % kLanes] = -kFar;
}

void BoxList::include(std::size_t box, std::size_t i, double u, double inverse_s) {
  double& low = cell(box, kBoxColumns * i);
  double& high = cell(box, kBoxColumns * i + 1);
  double& smallest = cell(box, kBoxColumns * i + 2);
  low = std::min(low, u);
  high = std::max(high, u);
  smallest = std::min(smallest, inverse_s);
}

void BoxList::include_constant(std::size_t box, double c) {
  double& largest = c_[box / kLanes].v[box % kLanes];
  if (c > largest) largest = c;  // never for NaN
}

BoundTask BoxList::boxes() const {
  BoundTask task{};
  task.boxes = cells_[0].v;
  task.c = c_[0].v;
  task.n_numeric = n_numeric_;
  return task;
}

KernelStore::KernelStore(std::size_t n_continuous, std::size_t n_categorical, std::size_t n_grid, bool wide)
    : n_continuous_(n_continuous),
      n_categorical_(n_categorical),
      n_grid_(n_grid),
      wide_(wide),
      n_columns_(grid_column(n_grid)),
      leaves_(n_numeric()),
      branches_(n_numeric()) {}

std::size_t KernelStore::append(int number, std::int32_t rank) {
  const std::size_t k = size();
  if (k % kLanes == 0) {
    make_room(cells_, cells_.size() + n_columns_);
    make_room(c_, c_.size() + 1);
    make_room(w_, w_.size() + 1);
    cells_.resize(cells_.size() + n_columns_);
    c_.resize(c_.size() + 1);
    w_.resize(w_.size() + 1);
  }
  make_room(numbers_, k + 1);
  make_room(ranks_, k + 1);
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

void KernelStore::remove(std::size_t k, const Positions& positions) {
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
    box(k, positions);
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

void KernelStore::include(std::size_t k, std::size_t i, Position position) {
  const std::size_t leaf = k / kLeafKernels;
  leaves_.include(leaf, i, position.u, position.inverse_s);
  branches_.include(leaf / kLanes, i, position.u, position.inverse_s);
}

void KernelStore::box(std::size_t k, const Positions& positions) {
  if (size() < kBoxesFrom) return;
  for (std::size_t i = 0; i < n_numeric(); ++i) include(k, i, positions(k, i));
}

namespace {

// Orders the kernels [begin, end) as the leaves of a k-d tree. u: [n][n_numeric].
void order_as_tree(std::vector<std::uint32_t>& order, std::size_t begin, std::size_t end, const std::vector<double>& u,
                   std::size_t n_numeric) {
  if (end - begin <= kLeafKernels) return;
  // The longest side, judged by a sample.
  const std::size_t step = std::max<std::size_t>(1, (end - begin) / 64);
  std::size_t longest = 0;
  double length = -1.0;
  for (std::size_t i = 0; i < n_numeric; ++i) {
    double low = kFar;
    double high = -kFar;
    for (std::size_t at = begin; at < end; at += step) {
      low = std::min(low, u[order[at] * n_numeric + i]);
      high = std::max(high, u[order[at] * n_numeric + i]);
    }
    if (high - low > length) {
      length = high - low;
      longest = i;
    }
  }
  // Whole branches while there are several, so that a branch is a box of the tree too.
  const std::size_t unit = end - begin > kLeafKernels * kLanes ? kLeafKernels * kLanes : kLeafKernels;
  const std::size_t middle = begin + (end - begin + unit - 1) / unit / 2 * unit;
  const auto at = [&](std::size_t i) { return order.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end), [&](std::uint32_t a, std::uint32_t b) {
    return u[a * n_numeric + longest] < u[b * n_numeric + longest];
  });
  order_as_tree(order, begin, middle, u, n_numeric);
  order_as_tree(order, middle, end, u, n_numeric);
}

}  // namespace

void KernelStore::regroup(const Positions& positions) {
  n_changes_ = 0;
  if (n_numeric() == 0) return;
  std::vector<double> u(size() * n_numeric());
  std::vector<double> inverse_s(u.size());
  for (std::size_t k = 0; k < size(); ++k) {
    for (std::size_t i = 0; i < n_numeric(); ++i) {
      const Position position = positions(k, i);
      u[k * n_numeric() + i] = position.u;
      inverse_s[k * n_numeric() + i] = position.inverse_s;
    }
  }
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  order_as_tree(order, 0, order.size(), u, n_numeric());
  KernelStore fresh(n_continuous_, n_categorical_, n_grid_, wide_);
  make_room(fresh.cells_, cells_.size());
  for (const std::uint32_t old : order) {
    const std::size_t k = fresh.append(numbers_[old], ranks_[old]);
    for (std::size_t column = 0; column < n_columns_; ++column) fresh.cell(k, column) = cell(old, column);
    fresh.set_constant(k, constant(old));
    fresh.weight(k) = weight(old);
    for (std::size_t i = 0; i < n_numeric(); ++i) {
      fresh.include(k, i, {u[old * n_numeric() + i], inverse_s[old * n_numeric() + i]});
    }
  }
  *this = std::move(fresh);
  n_changes_ = 0;
}

ScoreTask KernelStore::blocks() const {
  ScoreTask task{};
  task.cells = cells_.empty() ? c_[0].v : cells_[0].v;  // a space without a usable parameter: nothing is read
  task.c = c_[0].v;
  task.w = w_[0].v;
  task.n_blocks = n_blocks();
  task.n_continuous = n_continuous_;
  task.n_categorical = n_categorical_;
  task.n_grid = n_grid_;
  task.wide = wide_;
  return task;
}

}  // namespace bluefin::tpe
