// SPDX-License-Identifier: MIT
#include "samplers/tpe/observations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bluefin::tpe {
namespace {

// The points of running trials that have every parameter of the space, ascending by number.
struct RunningPoint {
  int number;
  std::vector<double> values;  // [d]
};

std::vector<RunningPoint> running_points(const HistoryView& history, const Space& space, int self) {
  std::vector<RunningPoint> points;
  for (const PendingTrial& trial : history.pending()) {
    if (trial.number == self) continue;
    RunningPoint point{trial.number, {}};
    for (const auto& spec : space) {
      const auto param = std::find_if(trial.params.begin(), trial.params.end(), [&](const TrialParam& p) {
        return p.spec == spec || p.spec->name == spec->name;
      });
      if (param == trial.params.end()) break;
      point.values.push_back(param->value);
    }
    if (point.values.size() == space.size()) points.push_back(std::move(point));
  }
  return points;
}

Observations merge(const HistoryView& history, const Space& space, std::span<const std::uint32_t> rows,
                   std::span<const RunningPoint> running) {
  Observations observations(space.size());
  std::vector<std::span<const double>> columns;
  for (const auto& spec : space) {
    const auto param = history.find_param(spec->name);
    columns.push_back(param ? history.values(*param) : std::span<const double>());
  }
  const bool known = std::none_of(columns.begin(), columns.end(), [](const auto& column) { return column.empty(); });
  for (auto& column : observations) column.reserve((known ? rows.size() : 0) + running.size());

  const auto add_running_before = [&](int number) {
    for (; !running.empty() && running.front().number < number; running = running.subspan(1)) {
      for (std::size_t j = 0; j < space.size(); ++j) observations[j].push_back(running.front().values[j]);
    }
  };
  const auto numbers = history.numbers();
  for (const std::uint32_t row : known ? rows : std::span<const std::uint32_t>()) {
    const bool complete =
        std::none_of(columns.begin(), columns.end(), [&](const auto& column) { return std::isnan(column[row]); });
    if (!complete) continue;
    add_running_before(numbers[row]);
    for (std::size_t j = 0; j < space.size(); ++j) observations[j].push_back(columns[j][row]);
  }
  add_running_before(std::numeric_limits<int>::max());
  return observations;
}

}  // namespace

Observations gather(const HistoryView& history, const Space& space, std::span<const std::uint32_t> rows) {
  return merge(history, space, rows, {});
}

Observations gather_with_running(const HistoryView& history, const Space& space, std::span<const std::uint32_t> rows,
                                 int self) {
  return merge(history, space, rows, running_points(history, space, self));
}

}  // namespace bluefin::tpe
