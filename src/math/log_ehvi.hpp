// SPDX-License-Identifier: MIT
// Expected hypervolume improvement, in logarithms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "math/box_decomposition.hpp"

namespace bluefin::math {

// Of k independent losses Y_j ~ N(mean_j, sd_j^2), in closed form. An improvement has a share in each box [l, u) of the
// region that the front leaves (box_decomposition.hpp), and with psi_j(t) = E max(t - Y_j, 0), psi_j(-inf) = 0,
//   EHVI = sum over boxes of prod_j (psi_j(u_j) - psi_j(l_j)),
// which for two objectives is the sum over strips of Emmerich, Deutz and Klinkenberg (CEC 2011). The sum is exact, has
// exact derivatives and costs less than the 128 samples that BoTorch and Optuna take, which need all boxes for each.
//
// psi_j takes as many values as there are ends of boxes, each found once; a box then costs k products. Sums and
// products are those of the numbers themselves unless they come near the smallest double; then of their logarithms.
class LogEhvi {
 public:
  // front: losses [n, k], any finite points; those that are dominated or not below the reference change nothing.
  // Nothing where there would be more than max_boxes boxes, or too many objectives (nondominated_boxes).
  static std::optional<LogEhvi> make(Points front, std::span<const double> reference, std::size_t max_boxes);

  std::size_t n_objectives() const { return ends_.size(); }
  std::size_t n_boxes() const { return sides_.size() / n_objectives(); }

  // log EHVI for mean, sd > 0: [k]; finite. d_mean, d_sd: [k], set to its derivatives; both empty: not wanted.
  double operator()(std::span<const double> mean, std::span<const double> sd, std::span<double> d_mean,
                    std::span<double> d_sd) const;

 private:
  struct Side {
    std::uint16_t lower;  // which end; 0: none
    std::uint16_t upper;
    auto operator<=>(const Side&) const = default;
  };
  explicit LogEhvi(const BoxDecomposition& decomposition);
  double by_logarithms(std::span<const double> mean, std::span<const double> sd, std::span<double> d_mean,
                       std::span<double> d_sd) const;

  std::vector<std::vector<double>> ends_;   // of each objective, ascending; the first one is -inf
  std::vector<std::vector<Side>> lengths_;  // of each objective: the different sides that boxes have
  std::vector<std::uint32_t> sides_;        // [boxes, k], places in lengths_ laid end to end
  std::size_t n_lengths_ = 0;
  std::size_t n_most_ends_ = 0;
};

}  // namespace bluefin::math
