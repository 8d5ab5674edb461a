// SPDX-License-Identifier: MIT
#include "bluefin/samplers/gp_explanation.hpp"

#include <fmt/core.h>

#include "bluefin/error.hpp"
#include "bluefin/study.hpp"
#include "core/options_io.hpp"
#include "study/memory_filter.hpp"
#include "study/study_impl.hpp"

namespace bluefin {

GpExplanation explain_gp(const Study& study, const GpExplainOptions& options) {
  // First: it looks for news, and the number of the next trial counts those that are no rows of a history.
  const auto number = static_cast<int>(study.trials().size());
  const HistoryView history = study.history();
  const Sampler& chosen = options.sampler ? *options.sampler : study.sampler();
  if (options.sampler && chosen.name() != "gp") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("explain_gp: sampler '{}', expected gp", chosen.name()));
  }
  const GpOptions sampler = chosen.name() == "gp" ? parse_options<GpOptions>("gp", chosen.options()) : GpOptions{};
  // Candidates that are expected to run out of memory are not suggested.
  const std::shared_ptr<const StudyMemory> memory = study.impl().memory_in_use();
  std::optional<MemoryFilter> filter;
  if (memory) filter.emplace(*memory, std::span<const TrialParam>());
  const std::uint64_t seed = options.seed.value_or(study.seed());
  Rng rng(seed, static_cast<std::uint64_t>(number), 0);
  const StudyInfo info{study.name(), study.directions(), seed};
  try {
    GpExplanation explanation =
        explain_gp(sampler, info, {history, number, rng, {}, filter ? &filter->filter() : nullptr}, options.at);
    explanation.sampler = study.sampler().name();
    const std::vector<std::string> names = study.metric_names();
    for (std::size_t k = 0; k < names.size() && k < explanation.objectives.size(); ++k) {
      explanation.objectives[k].name = names[k];
    }
    return explanation;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("study '{}': {}", study.name(), error.what()));
  }
}

}  // namespace bluefin
