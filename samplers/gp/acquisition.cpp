// SPDX-License-Identifier: MIT
#include "samplers/gp/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "math/log_ei.hpp"
#include "math/normal.hpp"

namespace bluefin::gp {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

Acquisition Acquisition::one_objective(const Regression* objective, std::optional<double> best,
                                       std::vector<Constraint> constraints) {
  Acquisition acquisition;
  acquisition.objectives_ = {objective};
  acquisition.best_ = best;
  acquisition.constraints_ = std::move(constraints);
  return acquisition;
}

Acquisition Acquisition::several_objectives(std::vector<const Regression*> objectives,
                                            std::optional<math::LogEhvi> ehvi, std::vector<Constraint> constraints) {
  Acquisition acquisition;
  acquisition.objectives_ = std::move(objectives);
  acquisition.ehvi_ = std::move(ehvi);
  acquisition.constraints_ = std::move(constraints);
  return acquisition;
}

VectorXd Acquisition::values(const MatrixXd& points) const { return evaluate(points, nullptr, false); }

VectorXd Acquisition::rough_values(const MatrixXd& points) const { return evaluate(points, nullptr, true); }

VectorXd Acquisition::values_and_gradients(const MatrixXd& points, MatrixXd& gradient) const {
  return evaluate(points, &gradient, false);
}

VectorXd Acquisition::evaluate(const MatrixXd& points, MatrixXd* gradient, bool roughly) const {
  const Index m = points.rows();
  VectorXd total = VectorXd::Zero(m);
  bool first = true;
  const auto predict = [&](const Regression& regression) {
    if (roughly) {
      const auto n = static_cast<Index>(regression.size());
      return regression.predict_roughly(points, std::max<Index>(64, n / 4));
    }
    return gradient == nullptr ? regression.predict(points) : regression.predict_with_gradients(points);
  };
  // gradient += d_mean grad mean + d_sd grad sd of point i.
  const auto chain = [&](const Prediction& p, Index i, double d_mean, double d_sd) {
    if (gradient == nullptr) return;
    if (first) gradient->setZero(p.d_mean.rows(), m);
    first = false;
    gradient->col(i) += d_mean * p.d_mean.col(i) + d_sd * p.d_sd.col(i);
  };

  if (best_) {
    const Prediction p = predict(*objectives_[0]);
    for (Index i = 0; i < m; ++i) {
      const math::LogEi ei = math::log_expected_improvement(p.mean[i], p.sd[i], *best_);
      total[i] += ei.value;
      chain(p, i, ei.d_mean, ei.d_sd);
    }
  }
  if (ehvi_) {
    std::vector<Prediction> predictions;
    for (const Regression* objective : objectives_) predictions.push_back(predict(*objective));
    const std::size_t k = predictions.size();
    std::vector<double> mean(k);
    std::vector<double> sd(k);
    std::vector<double> d_mean(gradient == nullptr ? 0 : k);
    std::vector<double> d_sd(d_mean.size());
    for (Index i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < k; ++j) {
        mean[j] = predictions[j].mean[i];
        sd[j] = predictions[j].sd[i];
      }
      total[i] += (*ehvi_)(mean, sd, d_mean, d_sd);
      for (std::size_t j = 0; j < d_mean.size(); ++j) chain(predictions[j], i, d_mean[j], d_sd[j]);
    }
  }
  for (const Constraint& constraint : constraints_) {
    const Prediction p = predict(*constraint.regression);
    for (Index i = 0; i < m; ++i) {
      const double z = (constraint.threshold - p.mean[i]) / p.sd[i];
      total[i] += math::log_ndtr(z);
      const double slope = math::log_ndtr_slope(z);
      chain(p, i, -slope / p.sd[i], -slope * z / p.sd[i]);
    }
  }
  if (first && gradient != nullptr) gradient->setZero(points.cols(), m);
  for (Index i = 0; i < m; ++i) {
    if (std::isnan(total[i])) total[i] = -std::numeric_limits<double>::infinity();
  }
  return total;
}

}  // namespace bluefin::gp
