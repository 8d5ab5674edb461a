// SPDX-License-Identifier: MIT
// Every sampler that can be named. A new one is one line in kSamplers.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "bluefin/error.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/samplers/gp.hpp"
#include "bluefin/samplers/random.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "core/options_io.hpp"

namespace bluefin {
namespace {

struct SamplerEntry {
  const char* name;
  const char* description;
  std::shared_ptr<const Sampler> (*make)(const char* name, const OptionMap& options);
  std::vector<OptionHelp> (*help)();
};

template <class Options>
constexpr SamplerEntry entry(const char* name, const char* description) {
  return {
      name, description,
      [](const char* owner, const OptionMap& options) { return make_sampler(parse_options<Options>(owner, options)); },
      [] { return describe_options<Options>(); }};
}

constexpr SamplerEntry kSamplers[] = {
    entry<GpOptions>("gp", "Bayesian optimisation with Gaussian processes"),
    entry<RandomOptions>("random", "independent draws from each distribution"),
    entry<TpeOptions>("tpe", "tree-structured Parzen estimator"),
};

}  // namespace

std::shared_ptr<const Sampler> make_sampler(std::string_view name, const OptionMap& options) {
  const auto* found = std::find_if(std::begin(kSamplers), std::end(kSamplers),
                                   [&](const SamplerEntry& entry) { return entry.name == name; });
  if (found != std::end(kSamplers)) return found->make(found->name, options);
  std::string known;
  for (const auto& entry : kSamplers) known += (known.empty() ? "" : ", ") + std::string(entry.name);
  throw Error(ErrorCode::kInvalidArgument, fmt::format("unknown sampler '{}', expected one of: {}", name, known));
}

std::vector<RegistryEntry> list_samplers() {
  std::vector<RegistryEntry> list;
  for (const auto& entry : kSamplers) list.push_back({entry.name, entry.description, entry.help()});
  return list;
}

}  // namespace bluefin
