// SPDX-License-Identifier: MIT
// Kernels in the blocks that score.hpp sums, and the boxes that let it leave out whole leaves of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "samplers/tpe/score.hpp"

namespace bluefin::tpe {

struct alignas(64) Lanes {
  double v[kLanes];
};

// Boxes around the positions of kernels, kLanes of them to a group, in the layout of BoundTask. A box only grows: it
// may be larger than what it holds.
class BoxList {
 public:
  explicit BoxList(std::size_t n_numeric) : n_numeric_(n_numeric), n_columns_(kBoxColumns * n_numeric) {}

  // Boxes [0, n); new ones hold nothing, and nothing is near to them or to what is left of the last group.
  void resize(std::size_t n);
  std::size_t size() const { return n_; }
  void include(std::size_t box, std::size_t i, double u, double inverse_s);
  void include_constant(std::size_t box, double c);
  // All boxes, of which there must be one, without the candidates' part.
  BoundTask boxes() const;
  std::size_t n_groups() const { return c_.size(); }

 private:
  double& cell(std::size_t box, std::size_t column) {
    return cells_[box / kLanes * n_columns_ + column].v[box % kLanes];
  }
  void clear(std::size_t box);

  std::size_t n_numeric_;
  std::size_t n_columns_;
  std::size_t n_ = 0;
  std::vector<Lanes> cells_;  // [groups][n_columns_]
  std::vector<Lanes> c_;      // [groups]
};

// Kernels lie dense: the last one takes the place of one that is removed. Every kLeafKernels of them are a leaf, kLanes
// leaves are a branch, and each has the box of its kernels; regroup() puts neighbours together, as a k-d tree does.
// Memory: a double for each column, two for c and w, two integers; the boxes add a share of 2 / kLeafKernels.
class KernelStore {
 public:
  // u and 1/s of the kernel k in the i-th numeric parameter: the continuous ones, then those with a grid.
  struct Position {
    double u;
    double inverse_s;
  };
  using Positions = std::function<Position(std::size_t k, std::size_t i)>;

  // wide: continuous parameters have a column for 1/s beside the one for u.
  KernelStore(std::size_t n_continuous, std::size_t n_categorical, std::size_t n_grid, bool wide);

  std::size_t size() const { return numbers_.size(); }
  std::size_t n_blocks() const { return c_.size(); }
  bool wide() const { return wide_; }
  std::size_t continuous_column(std::size_t i) const { return wide_ ? 2 * i : i; }  // wide: the next one is 1/s
  std::size_t categorical_column(std::size_t i) const { return continuous_column(n_continuous_) + i; }
  std::size_t grid_column(std::size_t i) const { return categorical_column(n_categorical_) + i; }

  double& cell(std::size_t k, std::size_t column) { return cells_[k / kLanes * n_columns_ + column].v[k % kLanes]; }
  double cell(std::size_t k, std::size_t column) const {
    return cells_[k / kLanes * n_columns_ + column].v[k % kLanes];
  }
  double constant(std::size_t k) const { return c_[k / kLanes].v[k % kLanes]; }
  void set_constant(std::size_t k, double c);
  double& weight(std::size_t k) { return w_[k / kLanes].v[k % kLanes]; }
  const std::vector<int>& numbers() const { return numbers_; }  // [size()] trials
  int number(std::size_t k) const { return numbers_[k]; }
  std::vector<std::int32_t>& ranks() { return ranks_; }  // [size()] among the trials of the estimator

  // All cells zero; to be filled and then shown to box().
  std::size_t append(int number, std::int32_t rank);
  void remove(std::size_t k, const Positions& positions);
  // Makes the boxes large enough for the kernel, or for its i-th numeric parameter: O(d), O(1).
  void box(std::size_t k, const Positions& positions);
  void box(std::size_t k, std::size_t i, Position position) {
    if (size() >= kBoxesFrom) include(k, i, position);
  }

  // Whether so much has come and gone that new leaves pay. Cost of regroup(): O(n log n) for n kernels.
  bool wants_regroup() const { return size() >= kRegroupFrom && n_changes_ > size() / 8; }
  void regroup(const Positions& positions);

  // All blocks, of which there must be one, as a task that lacks the candidates' part.
  ScoreTask blocks() const;
  bool has_boxes() const { return n_numeric() > 0 && size() >= kRegroupFrom; }
  const BoxList& leaves() const { return leaves_; }
  const BoxList& branches() const { return branches_; }

 private:
  static constexpr std::size_t kRegroupFrom = 256;  // kernels; fewer are summed quicker than looked through
  // Boxes of a smaller store are not kept up to date: before it has kRegroupFrom kernels, so many come that it is
  // regrouped, which makes all boxes anew.
  static constexpr std::size_t kBoxesFrom = kRegroupFrom / 2;

  std::size_t n_numeric() const { return n_continuous_ + n_grid_; }
  void include(std::size_t k, std::size_t i, Position position);
  void resize_boxes();

  std::size_t n_continuous_;
  std::size_t n_categorical_;
  std::size_t n_grid_;
  bool wide_;
  std::size_t n_columns_;
  std::vector<Lanes> cells_;  // [blocks][n_columns_]
  std::vector<Lanes> c_;      // [blocks]
  std::vector<Lanes> w_;      // [blocks]
  std::vector<int> numbers_;
  std::vector<std::int32_t> ranks_;
  BoxList leaves_;             // of kLeafKernels each
  BoxList branches_;           // of kLanes leaves each
  std::size_t n_changes_ = 0;  // since regroup()
};

}  // namespace bluefin::tpe
