// SPDX-License-Identifier: MIT
// Minimisation of a smooth function inside a box, by limited-memory BFGS with projection.
#pragma once

#include <span>
#include <vector>

namespace bluefin::math {

struct LbfgsbOptions {
  int memory = 8;                    // correction pairs
  int max_evaluations = 100;         // of the function with its gradient
  double gradient_tolerance = 1e-6;  // on the largest component of the projected gradient
  double value_tolerance = 1e-10;    // on the decrease of one step, relative to max(1, |f|)
};

// The caller evaluates: while (!done()) tell(f, gradient) of point(). So many searches can go in lock-step and have
// their functions evaluated as one batch, which is why this is no library's minimize(f).
//
// Each step takes the variables that are not held at a bound (Bertsekas 1982: those at a bound with the gradient
// pointing outwards are), the two-loop recursion (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4)
// restricted to them, and the projection of x + t d onto the box with the largest t = 1, 1/2, ... (by interpolation)
// that decreases enough. O(memory n) a step besides the function.
class Lbfgsb {
 public:
  // x0, lower, upper: [n]; x0 is moved into the box; lower == upper holds a variable.
  Lbfgsb(std::span<const double> x0, std::span<const double> lower, std::span<const double> upper,
         const LbfgsbOptions& options = {});

  bool done() const { return done_; }
  std::span<const double> point() const { return trial_; }
  // A value that is no number shortens the step; at the first point it ends the search.
  void tell(double value, std::span<const double> gradient);

  // The best so far. The value is +inf until one was told.
  std::span<const double> x() const { return x_; }
  double value() const { return value_; }
  int n_evaluations() const { return n_evaluations_; }

 private:
  struct Pair {
    std::vector<double> s;
    std::vector<double> y;
  };
  bool held(std::size_t i) const;
  double projected_gradient() const;
  void choose_direction();
  void move(double t);
  void accept(double value, std::span<const double> gradient);

  LbfgsbOptions options_;
  std::vector<double> lower_;
  std::vector<double> upper_;
  std::vector<double> x_;
  std::vector<double> gradient_;
  std::vector<double> direction_;
  std::vector<double> trial_;
  std::vector<Pair> pairs_;  // oldest first
  double value_;
  double t_ = 0.0;
  int n_evaluations_ = 0;
  bool done_ = false;
};

}  // namespace bluefin::math
