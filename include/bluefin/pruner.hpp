// SPDX-License-Identifier: MIT
// What a pruner is. To add one: include/bluefin/pruners/x.hpp, src/pruners/x.cpp, tests/pruners/x_test.cpp and a line
// in src/pruners/registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bluefin/history.hpp"
#include "bluefin/options.hpp"
#include "bluefin/sampler.hpp"

namespace bluefin {

struct PruneRequest {
  const HistoryView& history;
  int number;                       // of the trial that asks
  std::span<const Report> reports;  // its own, as losses: ascending steps, not empty, NaN possible
};

// The state that a pruner keeps for one study; the same rules as SamplerModel.
class PrunerModel {
 public:
  virtual ~PrunerModel() = default;
  virtual bool should_prune(const PruneRequest& request) = 0;
};

// Immutable and re-entrant; does no I/O.
class Pruner {
 public:
  virtual ~Pruner() = default;
  virtual std::string_view name() const = 0;
  virtual OptionMap options() const = 0;
  virtual std::unique_ptr<PrunerModel> make_model(const StudyInfo& study) const = 0;
  // True where decisions need the values that other trials report while they run (successive halving): reports are
  // then written at once.
  virtual bool needs_running_peers() const { return false; }
};

// By name and options, from the registry. Throws Error(kInvalidArgument) that names a wrong name, option or value.
std::shared_ptr<const Pruner> make_pruner(std::string_view name, const OptionMap& options = {});
std::vector<RegistryEntry> list_pruners();

}  // namespace bluefin
