// SPDX-License-Identifier: MIT
// How good a point is expected to be: a logarithm to be maximised.
#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "math/log_ehvi.hpp"
#include "samplers/gp/regression.hpp"

namespace bluefin::gp {

// log of the expected improvement (one objective) or of the expected hypervolume improvement (several), plus for each
// constraint the log probability that it is satisfied; objectives and constraints are taken to be independent. Where no
// feasible trial is known there is nothing to improve on, and only the constraints count.
class Acquisition {
 public:
  struct Constraint {
    const Regression* regression;
    double threshold;  // satisfied at or below it
  };
  // The regressions must outlive this. best: the loss to improve on, of one objective; none: nothing is feasible yet.
  static Acquisition one_objective(const Regression* objective, std::optional<double> best,
                                   std::vector<Constraint> constraints);
  // ehvi: of as many objectives; none: nothing is feasible yet.
  static Acquisition several_objectives(std::vector<const Regression*> objectives, std::optional<math::LogEhvi> ehvi,
                                        std::vector<Constraint> constraints);

  // points: [m, columns]. Result [m], finite or -inf.
  Eigen::VectorXd values(const Eigen::MatrixXd& points) const;
  // With variances by some of the trials only (Regression::predict_roughly): no smaller than values(), and a sixteenth
  // of its cost with many trials.
  Eigen::VectorXd rough_values(const Eigen::MatrixXd& points) const;
  // gradient: [numeric, m].
  Eigen::VectorXd values_and_gradients(const Eigen::MatrixXd& points, Eigen::MatrixXd& gradient) const;
  const std::vector<const Regression*>& objectives() const { return objectives_; }
  const std::optional<double>& best() const { return best_; }
  bool improves() const { return best_ || ehvi_; }  // false: only the constraints count

 private:
  Eigen::VectorXd evaluate(const Eigen::MatrixXd& points, Eigen::MatrixXd* gradient, bool roughly) const;

  std::vector<const Regression*> objectives_;
  std::optional<double> best_;
  std::optional<math::LogEhvi> ehvi_;
  std::vector<Constraint> constraints_;
};

}  // namespace bluefin::gp
