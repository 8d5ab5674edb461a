// SPDX-License-Identifier: MIT
// A model as people can read it: GpExplanation of the processes that have just made a suggestion.
#pragma once

#include <vector>

#include "bluefin/samplers/gp_explanation.hpp"
#include "samplers/gp/model.hpp"

namespace bluefin::gp {

class Explainer {
 public:
  // history: the one that the model has followed. All must outlive this.
  Explainer(const Model& model, const HistoryView& history, const std::vector<Direction>& directions,
            const GpOptions& options);

  // A point that somebody asked for; before the suggestion. Throws Error(kInvalidArgument).
  void add_point(const GpParams& params);
  // Model::suggest()'s observer: what the acquisition says of all points and of the one that it has chosen.
  void observe(const Acquisition& acquisition, const std::vector<double>& chosen);
  // After the suggestion. O(n^3) for each process, and total_effects().
  GpExplanation explain() const;

 private:
  struct Point {
    std::vector<double> u;  // NaN: not there
    double acquisition = 0.0;
    GpPoint shown = {};
  };
  void add_best();
  void add_trial(std::size_t row);
  GpProcess process(const std::string& name, Direction direction, const Surrogate& surrogate,
                    std::span<const double> values) const;
  void describe_columns(const Surrogate& surrogate, GpProcess& process) const;
  void describe_fit(const Surrogate& surrogate, std::span<const double> values, double sign, GpProcess& process) const;
  GpPoint predict(const Point& point, const std::vector<const Surrogate*>& objectives) const;
  double sign(std::size_t objective) const;

  const Model& model_;
  const HistoryView& history_;
  const std::vector<Direction>& directions_;
  const GpOptions& options_;
  std::vector<Point> best_;
  std::vector<Point> at_;
  Point suggestion_;
  std::optional<double> improve_on_;  // transformed
  bool improves_ = false;
};

}  // namespace bluefin::gp
