// SPDX-License-Identifier: MIT
#include "math/log_ehvi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/log_ei.hpp"

namespace bluefin::math {
namespace {

// log(exp(x) - exp(y)) for x > y.
double log_sub_exp(double x, double y) {
  const double off = y - x;
  return x + (off > -0.693 ? std::log(-std::expm1(off)) : std::log1p(-std::exp(off)));
}

}  // namespace

EhviStrips::EhviStrips(std::vector<std::array<double, 2>> front, std::array<double, 2> reference) {
  std::sort(front.begin(), front.end());
  double ceiling = reference[1];
  for (const auto& [a, b] : front) {
    if (a >= reference[0] || b >= ceiling) continue;
    a_.push_back(a);
    b_.push_back(ceiling);
    ceiling = b;
  }
  a_.push_back(reference[0]);
  b_.push_back(ceiling);
}

LogEhvi EhviStrips::operator()(std::array<double, 2> mean, std::array<double, 2> sd) const {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  struct Term {
    double value;
    std::array<double, 2> d_mean;
    std::array<double, 2> d_sd;
  };
  std::vector<Term> terms;
  terms.reserve(a_.size());
  LogEi left{kNone, 0.0, 0.0};
  double largest = kNone;
  for (std::size_t i = 0; i < a_.size(); ++i) {
    const LogEi right = log_expected_improvement(mean[0], sd[0], a_[i]);
    const LogEi height = log_expected_improvement(mean[1], sd[1], b_[i]);
    Term term{kNone, {0.0, height.d_mean}, {0.0, height.d_sd}};
    if (left.value == kNone) {
      term.value = right.value + height.value;
      term.d_mean[0] = right.d_mean;
      term.d_sd[0] = right.d_sd;
    } else if (right.value > left.value) {
      const double width = log_sub_exp(right.value, left.value);
      const double plus = std::exp(right.value - width);
      const double minus = std::exp(left.value - width);
      if (std::isfinite(plus) && std::isfinite(minus)) {
        term.value = width + height.value;
        term.d_mean[0] = plus * right.d_mean - minus * left.d_mean;
        term.d_sd[0] = plus * right.d_sd - minus * left.d_sd;
      }
    }
    left = right;
    largest = std::max(largest, term.value);
    terms.push_back(term);
  }
  double sum = 0.0;
  for (const Term& term : terms) sum += std::exp(term.value - largest);
  LogEhvi result{largest + std::log(sum), {0.0, 0.0}, {0.0, 0.0}};
  for (const Term& term : terms) {
    const double share = std::exp(term.value - largest) / sum;
    if (!(share > 0.0)) continue;
    for (std::size_t k = 0; k < 2; ++k) {
      result.d_mean[k] += share * term.d_mean[k];
      result.d_sd[k] += share * term.d_sd[k];
    }
  }
  return result;
}

}  // namespace bluefin::math
