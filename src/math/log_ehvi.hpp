// SPDX-License-Identifier: MIT
// Expected hypervolume improvement for two objectives, in logarithms.
#pragma once

#include <array>
#include <vector>

namespace bluefin::math {

// Of two independent losses Y_1, Y_2 ~ N(mean_k, sd_k^2), with derivatives.
struct LogEhvi {
  double value;
  std::array<double, 2> d_mean;
  std::array<double, 2> d_sd;
};

// The front (a_1, b_1), ..., (a_P, b_P) sorted by ascending a, so descending b, cuts the plane below the reference
// point (r_1, r_2) into strips a_i <= y_1 < a_i+1 with the ceiling b_i (a_0 = -inf, b_0 = r_2, a_P+1 = r_1). With
// psi_k(t) = E max(t - Y_k, 0) the improvement is  sum_i (psi_1(a_i+1) - psi_1(a_i)) psi_2(b_i): the closed form of
// Emmerich, Deutz and Klinkenberg (CEC 2011), summed here over strips of logarithms. O(P) an evaluation.
class EhviStrips {
 public:
  // front: losses of any finite points; those that are dominated or not below the reference are left out.
  EhviStrips(std::vector<std::array<double, 2>> front, std::array<double, 2> reference);

  LogEhvi operator()(std::array<double, 2> mean, std::array<double, 2> sd) const;

 private:
  std::vector<double> a_;  // right ends of the strips
  std::vector<double> b_;  // ceilings
};

}  // namespace bluefin::math
