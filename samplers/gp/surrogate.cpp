// SPDX-License-Identifier: MIT
#include "samplers/gp/surrogate.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bluefin::gp {
namespace {

constexpr std::size_t kAlways = 60;  // values up to which each one is a reason for a fit
constexpr std::size_t kMaxAppended = 250;

Columns columns_of(const Layout& layout) {
  return {static_cast<math::Index>(layout.n_numeric()), static_cast<math::Index>(layout.n_hamming())};
}

}  // namespace

std::size_t refit_size(std::size_t n) {
  if (n <= kAlways) return n;
  std::size_t size = kAlways;
  while (true) {
    const std::size_t next = size + std::min(kMaxAppended, std::max<std::size_t>(1, size / 20));
    if (next > n) return size;
    size = next;
  }
}

void Surrogate::choose_rows(const Eigen::MatrixXd& x, std::vector<std::size_t>& rows,
                            std::span<const double> values) const {
  const std::size_t third = options_.max_points / 4;
  std::vector<std::size_t> order(rows.size());  // positions in rows
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return transform_(values[rows[a]]) < transform_(values[rows[b]]);
  });
  const auto best = x.row(static_cast<Eigen::Index>(order.front()));
  std::vector<double> distance(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    distance[i] = (x.row(static_cast<Eigen::Index>(i)) - best).squaredNorm();
  }
  const auto after_best = order.begin() + static_cast<std::ptrdiff_t>(third);
  std::stable_sort(after_best, order.end(), [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
  std::vector<std::size_t> chosen(order.begin(), after_best + static_cast<std::ptrdiff_t>(third));
  std::vector<std::size_t> others(after_best + static_cast<std::ptrdiff_t>(third), order.end());
  std::sort(others.begin(), others.end());
  for (std::size_t i = 0; i < third && i < others.size(); ++i) chosen.push_back(others[i * others.size() / third]);
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  for (std::size_t& i : chosen) i = rows[i];
  rows = std::move(chosen);
}

void Surrogate::refit(const Layout& layout, std::span<const double> points, std::span<const double> values,
                      std::vector<std::size_t> known) {
  const std::size_t p = values.empty() ? 0 : points.size() / values.size();
  std::vector<double> raw;
  for (const std::size_t row : known) raw.push_back(values[row]);
  std::vector<OutputTransform> transforms;
  for (const auto& transform : options_.transforms) transforms.emplace_back(raw, transform);
  transform_ = transforms.front();
  Eigen::MatrixXd x = layout.model_points(points_at(points, p, known));
  if (known.size() > options_.max_points) {
    choose_rows(x, known, values);
    x = layout.model_points(points_at(points, p, known));
  }
  rows_ = std::move(known);
  std::vector<std::vector<double>> y(transforms.size());
  std::vector<std::vector<double>> slopes(transforms.size());
  std::vector<View> views;
  for (std::size_t v = 0; v < transforms.size(); ++v) {
    for (const std::size_t row : rows_) {
      y[v].push_back(transforms[v](values[row]));
      slopes[v].push_back(transforms[v].log_slope(values[row]));
    }
    views.push_back({y[v], slopes[v]});
  }
  const BestFit best = fit(x, views, columns_of(layout), options_.fit);
  const Fit& found = best.fit;
  transform_ = transforms[best.view];
  values_ = std::move(y[best.view]);
  failed_ = !std::isfinite(found.log_posterior);
  if (!regression_.condition(x, values_, columns_of(layout), found.hyper)) failed_ = true;
}

void Surrogate::follow(const Layout& layout, std::span<const double> points, std::span<const double> values,
                       bool changed) {
  const std::size_t p = values.empty() ? 0 : points.size() / values.size();
  std::vector<std::size_t> fresh;
  if (changed) n_seen_ = n_known_ = n_fitted_ = 0;
  for (std::size_t row = n_seen_; row < values.size(); ++row) {
    if (!std::isnan(values[row])) fresh.push_back(row);
  }
  n_seen_ = values.size();
  n_known_ += fresh.size();
  const std::size_t size = refit_size(n_known_);
  if (size != n_fitted_) {
    std::vector<std::size_t> known;
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (!std::isnan(values[row])) known.push_back(row);
    }
    fresh.assign(known.begin() + static_cast<std::ptrdiff_t>(size), known.end());
    known.resize(size);
    n_fitted_ = size;
    refit(layout, points, values, std::move(known));
  }
  if (fresh.empty() || !usable()) return;
  const Eigen::MatrixXd x = layout.model_points(points_at(points, p, fresh));
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    rows_.push_back(fresh[i]);
    values_.push_back(transform_(values[fresh[i]]));
    regression_.append(x.row(static_cast<Eigen::Index>(i)), values_.back());
  }
}

}  // namespace bluefin::gp
