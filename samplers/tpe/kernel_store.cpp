// SPDX-License-Identifier: MIT
#include "samplers/tpe/kernel_store.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bluefin::tpe {
namespace {

constexpr double kFar = 1e300;

}  // namespace

KernelStore::KernelStore(std::size_t n_continuous, std::size_t n_categorical, std::size_t n_grid, bool wide)
    : n_continuous_(n_continuous),
      n_categorical_(n_categorical),
      n_grid_(n_grid),
      wide_(wide),
      n_columns_(grid_column(n_grid)),
      n_box_columns_((wide ? 3 : 2) * n_continuous) {}

std::size_t KernelStore::append(int number, std::int32_t rank) {
  const std::size_t k = size();
  if (k % kLanes == 0) {
    cells_.resize(cells_.size() + n_columns_);
    c_.resize(c_.size() + 1);
    w_.resize(w_.size() + 1);
  }
  if (k % kLeafKernels == 0) {
    const std::size_t leaf = k / kLeafKernels;
    if (leaf % kLanes == 0) {
      boxes_.resize(boxes_.size() + n_box_columns_);
      box_c_.resize(box_c_.size() + 1);
      for (std::size_t l = 0; l < kLanes; ++l) clear_box(leaf + l);
    } else {
      clear_box(leaf);
    }
  }
  numbers_.push_back(number);
  ranks_.push_back(rank);
  ++n_changes_;
  return k;
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
  } else {
    weight(k) = 0.0;
  }
  if (last % kLanes == 0) {
    cells_.resize(cells_.size() - n_columns_);
    c_.pop_back();
    w_.pop_back();
  }
  if (last % kLeafKernels == 0) {
    const std::size_t leaf = last / kLeafKernels;
    clear_box(leaf);
    if (leaf % kLanes == 0) {
      boxes_.resize(boxes_.size() - n_box_columns_);
      box_c_.pop_back();
    }
  }
  ++n_changes_;
}

void KernelStore::set_constant(std::size_t k, double c) {
  c_[k / kLanes].v[k % kLanes] = c;
  const std::size_t leaf = k / kLeafKernels;
  double& largest = box_c_[leaf / kLanes].v[leaf % kLanes];
  if (c > largest) largest = c;  // never for NaN
}

void KernelStore::clear_box(std::size_t leaf) {
  const std::size_t stride = wide_ ? 3 : 2;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    box_cell(leaf, stride * i) = kFar;
    box_cell(leaf, stride * i + 1) = -kFar;
    if (wide_) box_cell(leaf, stride * i + 2) = 1.0;
  }
  box_c_[leaf / kLanes].v[leaf % kLanes] = -kFar;
}

void KernelStore::box(std::size_t k) {
  const std::size_t leaf = k / kLeafKernels;
  const std::size_t stride = wide_ ? 3 : 2;
  for (std::size_t i = 0; i < n_continuous_; ++i) {
    const double u = cell(k, continuous_column(i));
    double& low = box_cell(leaf, stride * i);
    double& high = box_cell(leaf, stride * i + 1);
    low = std::min(low, u);
    high = std::max(high, u);
    if (wide_) {
      double& inverse_s = box_cell(leaf, stride * i + 2);
      inverse_s = std::min(inverse_s, cell(k, continuous_column(i) + 1));
    }
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
  const std::size_t n_leaves = (end - begin + kLeafKernels - 1) / kLeafKernels;
  const std::size_t middle = begin + n_leaves / 2 * kLeafKernels;
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

BoundTask KernelStore::boxes() const {
  BoundTask task{};
  task.boxes = boxes_.front().v;
  task.c = box_c_.front().v;
  task.n_groups = box_c_.size();
  task.n_continuous = n_continuous_;
  task.wide = wide_;
  return task;
}

}  // namespace bluefin::tpe
