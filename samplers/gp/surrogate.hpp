// SPDX-License-Identifier: MIT
// The Gaussian process of one objective or constraint, kept up to date as trials finish.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "samplers/gp/fit.hpp"
#include "samplers/gp/layout.hpp"
#include "samplers/gp/output_transform.hpp"
#include "samplers/gp/regression.hpp"

namespace bluefin::gp {

struct SurrogateOptions {
  FitOptions fit;
  // The first one, or the one of them that predicts best (fit.hpp).
  std::vector<OutputTransformOptions> transforms = {{}};
  std::size_t max_points = 2000;
};

// Hyperparameters and transform are found anew whenever there are refit_size() values, and from those alone: after
// every trial up to 60, then every 5 %, at most every 250. Trials in between are appended. So what is predicted is a
// function of the history, not of when one asked.
//
// With more than max_points values a fit takes three quarters of that: a third the best ones, a third the nearest to
// the best one, and of the others each so-and-so-many-th.
std::size_t refit_size(std::size_t n);  // the largest size of a fit that is no more than n

class Surrogate {
 public:
  explicit Surrogate(const SurrogateOptions& options) : options_(options) {}

  // points: [n][p] with NaN where a trial does not have a parameter; values: [n], NaN where it has no value. Both only
  // grow; `changed`: the columns of the layout are others than before. Fantasies must have been dropped.
  void follow(const Layout& layout, std::span<const double> points, std::span<const double> values, bool changed);

  // False without values, and where not even the fit's start could be factorised.
  bool usable() const { return regression_.size() > 0; }
  // The last fit could not be made; typical hyperparameters stand in.
  bool failed() const { return failed_; }
  Regression& regression() { return regression_; }
  const Regression& regression() const { return regression_; }
  const OutputTransform& transform() const { return transform_; }
  std::size_t n_fitted() const { return n_fitted_; }              // values that there were at the last fit
  const std::vector<std::size_t>& rows() const { return rows_; }  // which trial each of its rows is
  // The transformed value, and the predicted mean, of its row i.
  double value(std::size_t i) const { return values_[i]; }
  double worst() const { return *std::max_element(values_.begin(), values_.end()); }

 private:
  void refit(const Layout& layout, std::span<const double> points, std::span<const double> values,
             std::vector<std::size_t> known);
  void choose_rows(const Eigen::MatrixXd& x, std::vector<std::size_t>& rows, std::span<const double> values) const;

  SurrogateOptions options_;
  OutputTransform transform_;
  Regression regression_;
  std::vector<std::size_t> rows_;
  std::vector<double> values_;
  std::size_t n_seen_ = 0;    // trials
  std::size_t n_known_ = 0;   // of them with a value
  std::size_t n_fitted_ = 0;  // values known when it was fitted
  bool failed_ = false;
};

}  // namespace bluefin::gp
