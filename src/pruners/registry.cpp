// SPDX-License-Identifier: MIT
// All pruners by name. A new one is one more line in kPruners.
#include <fmt/core.h>

#include "bluefin/error.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/pruners/median.hpp"
#include "bluefin/pruners/nop.hpp"
#include "bluefin/pruners/percentile.hpp"
#include "core/options_io.hpp"

namespace bluefin {
namespace {

struct Entry {
  std::string_view name;
  std::string_view description;
  std::shared_ptr<const Pruner> (*make)(std::string_view name, const OptionMap& options);
  std::vector<OptionHelp> (*options)();
};

template <class Options>
constexpr Entry entry(std::string_view name, std::string_view description) {
  return {name, description,
          [](std::string_view owner, const OptionMap& options) -> std::shared_ptr<const Pruner> {
            return make_pruner(parse_options<Options>(owner, options));
          },
          &describe_options<Options>};
}

constexpr Entry kPruners[] = {
    entry<MedianOptions>("median", "stops a trial whose best report is worse than the median at its step"),
    entry<NopOptions>("nop", "never stops a trial"),
    entry<PercentileOptions>("percentile", "stops a trial whose best report is not in the best percentile at its step"),
};

}  // namespace

std::shared_ptr<const Pruner> make_pruner(std::string_view name, const OptionMap& options) {
  std::string known;
  for (const Entry& entry : kPruners) {
    if (entry.name == name) return entry.make(name, options);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("unknown pruner '{}', expected one of: {}", name, known));
}

std::vector<RegistryEntry> list_pruners() {
  std::vector<RegistryEntry> entries;
  for (const Entry& entry : kPruners) {
    entries.push_back({std::string(entry.name), std::string(entry.description), entry.options()});
  }
  return entries;
}

}  // namespace bluefin
