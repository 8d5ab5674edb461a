// SPDX-License-Identifier: MIT
// The minimum of a function of one variable.
#pragma once

#include <algorithm>
#include <cmath>

namespace bluefin::math {

struct Minimum {
  double x;
  double value;
};

// A local minimum of f on [low, high] to an absolute accuracy of `tolerance`, by golden sections and parabolas: Brent,
// Algorithms for Minimization without Derivatives, 1973, chapter 5. At most max_evaluations calls of f.
template <class F>
Minimum minimize_on_interval(F&& f, double low, double high, double tolerance, int max_evaluations = 60) {
  const double golden = 0.5 * (3.0 - std::sqrt(5.0));
  double best = low + golden * (high - low);  // lowest value, then the second and the one before
  double second = best;
  double third = best;
  double f_best = f(best);
  double f_second = f_best;
  double f_third = f_best;
  double step = 0.0;
  double step_before = 0.0;
  for (int i = 1; i < max_evaluations; ++i) {
    const double middle = 0.5 * (low + high);
    if (std::abs(best - middle) <= 2.0 * tolerance - 0.5 * (high - low)) break;
    bool by_parabola = false;
    if (std::abs(step_before) > tolerance) {
      const double r = (best - second) * (f_best - f_third);
      double q = (best - third) * (f_best - f_second);
      double p = (best - third) * q - (best - second) * r;
      q = 2.0 * (q - r);
      if (q > 0.0) p = -p;
      q = std::abs(q);
      if (std::abs(p) < std::abs(0.5 * q * step_before) && p > q * (low - best) && p < q * (high - best)) {
        step_before = step;
        step = p / q;
        const double next = best + step;
        if (next - low < 2.0 * tolerance || high - next < 2.0 * tolerance) {
          step = best < middle ? tolerance : -tolerance;
        }
        by_parabola = true;
      }
    }
    if (!by_parabola) {
      step_before = best < middle ? high - best : low - best;
      step = golden * step_before;
    }
    const double next = best + (std::abs(step) >= tolerance ? step : std::copysign(tolerance, step));
    const double f_next = f(next);
    if (f_next <= f_best) {
      (next < best ? high : low) = best;
      third = second;
      f_third = f_second;
      second = best;
      f_second = f_best;
      best = next;
      f_best = f_next;
    } else {
      (next < best ? low : high) = next;
      if (f_next <= f_second || second == best) {
        third = second;
        f_third = f_second;
        second = next;
        f_second = f_next;
      } else if (f_next <= f_third || third == best || third == second) {
        third = next;
        f_third = f_next;
      }
    }
  }
  return {best, f_best};
}

}  // namespace bluefin::math
