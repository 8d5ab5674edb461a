// SPDX-License-Identifier: MIT
// What a study has learned of how much memory its configurations need, and whether it uses that (docs/memory.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

class Study;

// Candidates that are expected to run out of memory are not suggested. Costs nothing before a trial has run out of
// memory or Study::set_resource_hint() was called.
struct MemoryModelOptions {
  bool on = true;
  // The two rules, to be tried one by one: what needs no less than a trial that ran out is refused; and what a fit of
  // the measured peaks predicts to need more than there is.
  bool dominance = true;
  bool regression = true;
  // Bytes that a trial has on its GPU, and of main memory. Unset: what the slots say (memory_of_slot()), a limit that
  // was given, what is recorded with trials that ran out; else what can be told from the peaks.
  std::optional<std::uint64_t> device_capacity = {};
  std::optional<std::uint64_t> host_capacity = {};
};

enum class MemoryKind : std::uint8_t { kDevice, kHost };

struct MemoryReport {
  struct Term {
    std::string name;     // of the hint, or the formula
    std::string formula;  // "batch * depth * width"
    double bytes = 0.0;   // for each unit of it
  };
  struct Measured {
    int number = -1;
    TrialState state = TrialState::kComplete;
    bool ran_out = false;
    bool believed = true;             // false: it ran out, but a trial that needs no less did not
    std::optional<double> measured;   // bytes
    std::optional<double> predicted;  // bytes
  };
  // What is refused: everything that is not smaller in any of these.
  struct Limit {
    int trial = -1;  // that ran out
    std::vector<std::pair<std::string, Choice>> params = {};
  };
  struct Kind {
    MemoryKind kind = MemoryKind::kDevice;
    std::optional<double> capacity = {};
    std::vector<std::string> sizes = {};       // parameters with which memory grows
    std::vector<std::string> conditions = {};  // those that have to be equal for trials to be compared
    std::vector<Term> terms = {};              // of the fit; empty: there are not enough measured peaks
    double error = 0.0;                        // mean relative error of the fit
    double margin = 0.0;
    bool fit_is_used = false;           // false: it explains too little
    std::vector<Measured> trials = {};  // those with a peak, and those that ran out; by number
    std::vector<Limit> limits = {};
  };
  // A candidate that was not run.
  struct Refused {
    int for_trial = -1;  // the trial that was begun in its place
    std::vector<std::pair<std::string, Choice>> params = {};
    std::optional<double> predicted = {};
    std::optional<int> because = {};  // of the trial that ran out; none: of the prediction
  };
  std::vector<Kind> kinds = {};       // empty: nothing is known
  int n_refused = 0;                  // candidates, of all trials
  std::vector<int> all_refused = {};  // trials for which every candidate was: they ran all the same
  std::vector<Refused> refused = {};  // some of them, by the trial's number
};

// From what is stored, whoever ran the trials. Looks for news first.
MemoryReport memory_report(const Study& study);

}  // namespace bluefin
