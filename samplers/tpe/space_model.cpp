// SPDX-License-Identifier: MIT
#include "samplers/tpe/space_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bluefin::tpe {

SpaceModel::SpaceModel(Space space, const ParzenOptions& below, const ParzenOptions& above)
    : space_(std::move(space)), l_(space_, below), g_(space_, above) {}

void SpaceModel::follow(const Split& split, const HistoryView& history) {
  const auto moves = split.moves();
  if (n_moves_ == moves.size()) return;
  // What ran has finished: its row takes its place.
  std::erase_if(running_, [&](const Running& running) {
    if (!split.knows(running.number)) return false;
    g_.erase(running.number);
    return true;
  });
  std::vector<std::span<const double>> columns;
  for (const auto& spec : space_) {
    const auto param = history.find_param(spec->name);
    // No row has it.
    if (!param) {
      n_moves_ = moves.size();
      return;
    }
    columns.push_back(history.values(*param));
  }
  // A row may have moved to and fro since: where it stands now is what counts, and its last move says so.
  std::vector<double> point(space_.size());
  const auto place = [&](std::uint32_t row, bool below) {
    for (std::size_t j = 0; j < point.size(); ++j) {
      point[j] = columns[j][row];
      if (std::isnan(point[j])) return;
    }
    const int number = history.numbers()[row];
    ParzenEstimator& from = below ? g_ : l_;
    ParzenEstimator& to = below ? l_ : g_;
    from.erase(number);
    if (!to.contains(number)) to.insert(number, point);
  };
  if (n_moves_ == 0) {
    // All rows, in the order of their trials: the cheapest way to begin.
    std::vector<std::uint32_t> rows(split.size());
    for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
    const auto numbers = history.numbers();
    std::sort(rows.begin(), rows.end(), [&](auto a, auto b) { return numbers[a] < numbers[b]; });
    for (const std::uint32_t row : rows) place(row, split.is_below(row));
  } else {
    for (; n_moves_ < moves.size(); ++n_moves_) {
      const auto [row, below] = moves[n_moves_];
      if (split.is_below(row) == below) place(row, below);
    }
  }
  n_moves_ = moves.size();
}

void SpaceModel::set_running(std::span<const PendingTrial> pending, const Split& split, int self) {
  std::vector<Running> wanted;
  for (const PendingTrial& trial : pending) {
    if (trial.number == self || split.knows(trial.number)) continue;
    Running running{trial.number, {}};
    for (const auto& spec : space_) {
      const auto param = std::find_if(trial.params.begin(), trial.params.end(), [&](const TrialParam& p) {
        return p.spec == spec || p.spec->name == spec->name;
      });
      if (param == trial.params.end()) break;
      running.point.push_back(param->value);
    }
    if (running.point.size() == space_.size()) wanted.push_back(std::move(running));
  }
  const auto missing_in = [](const std::vector<Running>& list, const Running& one) {
    return std::find(list.begin(), list.end(), one) == list.end();
  };
  for (const Running& old : running_) {
    if (missing_in(wanted, old)) g_.erase(old.number);
  }
  for (const Running& fresh : wanted) {
    if (missing_in(running_, fresh)) g_.insert(fresh.number, fresh.point);
  }
  running_ = std::move(wanted);
}

}  // namespace bluefin::tpe
