// SPDX-License-Identifier: MIT
#include "study/memory_filter.hpp"

#include <algorithm>

#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {

MemoryModel::Verdict StudyMemory::judge(std::span<const TrialParam> params) const {
  for (const auto& [kind, model] : models_) {
    MemoryModel::Verdict verdict = model.judge(params);
    if (verdict.refused) return verdict;
  }
  return models_.front().second.judge(params);
}

bool StudyMemory::matters(std::string_view param) const {
  return std::any_of(models_.begin(), models_.end(),
                     [&](const auto& entry) { return entry.second.params().matters(param); });
}

void RefusedCandidates::add(RefusedCandidates&& more) {
  count += more.count;
  all = all || more.all;
  for (Example& example : more.examples) {
    if (examples.size() < kMaxExamples) examples.push_back(std::move(example));
  }
}

Json RefusedCandidates::json() const {
  JsonTree tree = {{"count", count}, {"all", all}, {"examples", JsonTree::array()}};
  for (const Example& example : examples) {
    JsonTree params = JsonTree::object();
    for (const TrialParam& param : example.params) {
      params[param.spec->name] = to_tree(to_external(param.spec->distribution, param.value));
    }
    JsonTree entry = {{"params", params}};
    if (example.verdict.predicted) entry["predicted_bytes"] = *example.verdict.predicted;
    if (example.verdict.because) entry["because"] = *example.verdict.because;
    tree["examples"].push_back(entry);
  }
  return Json::trusted(dump_json(tree));
}

MemoryFilter::MemoryFilter(const StudyMemory& memory, std::span<const TrialParam> known)
    : memory_(memory),
      known_(known),
      filter_([this](std::span<const TrialParam> candidate) { return pass(candidate); }) {}

// A candidate's own value counts where both have one: what was drawn before may not fit the range that is asked for.
std::vector<TrialParam> MemoryFilter::whole(std::span<const TrialParam> candidate) const {
  std::vector<TrialParam> params(candidate.begin(), candidate.end());
  for (const TrialParam& param : known_) {
    const bool has = std::any_of(candidate.begin(), candidate.end(),
                                 [&](const TrialParam& own) { return own.spec->name == param.spec->name; });
    if (!has) params.push_back(param);
  }
  return params;
}

bool MemoryFilter::pass(std::span<const TrialParam> candidate) {
  std::vector<TrialParam> params = whole(candidate);
  const MemoryModel::Verdict verdict = memory_.judge(params);
  if (!verdict.refused) return true;
  const double need = memory_.need(params);
  const std::lock_guard lock(mutex_);
  if (least_only_) return least_ && need <= *least_;
  least_ = std::min(least_.value_or(need), need);
  ++refused_.count;
  if (refused_.examples.size() < RefusedCandidates::kMaxExamples) {
    refused_.examples.push_back({std::move(params), verdict});
  }
  return false;
}

bool MemoryFilter::takes(std::span<const TrialParam> candidate) const {
  return !memory_.judge(whole(candidate)).refused;
}

std::optional<double> MemoryFilter::least() const {
  const std::lock_guard lock(mutex_);
  return least_;
}

void MemoryFilter::take_least_only() {
  const std::lock_guard lock(mutex_);
  least_only_ = true;
}

RefusedCandidates MemoryFilter::take_refused() {
  const std::lock_guard lock(mutex_);
  return std::exchange(refused_, {});
}

}  // namespace bluefin
