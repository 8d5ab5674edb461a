// SPDX-License-Identifier: MIT
// Which parameters TPE draws together, learnt from the rows of the history one by one.
#pragma once

#include <cstddef>
#include <vector>

#include "bluefin/sampler.hpp"

namespace bluefin::tpe {

using Space = SearchSpace;

// The parameters that every row has with one and the same distribution; names ascend, single-valued ones are left out.
// Source: optuna/search_space/intersection.py with include_pruned.
class IntersectionSpace {
 public:
  // Reads the rows [seen, history.size()).
  void advance(const HistoryView& history);
  // For the first history.size() rows, which must have been read. Later rows change nothing.
  Space space(const HistoryView& history) const;

 private:
  struct Entry {
    ParamId param;
    SpecId spec;
    std::size_t lost_at;  // the first row without it
  };
  std::size_t seen_ = 0;
  std::vector<Entry> entries_;  // the parameters of row 0
};

// The partition of all parameters into sets that occur together: for every row and every set, the row has all of the
// set or nothing of it. A parameter keeps the distribution of the first row that has it. Each set ascends by name
// without single-valued parameters; sets that are empty then are left out.
// Source: optuna/search_space/group_decomposed.py with include_pruned.
class GroupedSpace {
 public:
  void advance(const HistoryView& history);
  std::size_t seen() const { return seen_; }
  std::vector<Space> spaces(const HistoryView& history) const;

 private:
  struct Entry {
    ParamId param;
    SpecId spec;
  };
  std::size_t seen_ = 0;
  std::vector<std::vector<Entry>> groups_;
};

}  // namespace bluefin::tpe
