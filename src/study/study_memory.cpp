// SPDX-License-Identifier: MIT
// What a study knows of memory, and how a sampler's suggestions are kept within it (docs/memory.md).
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/join.hpp"
#include "samplers/prior.hpp"
#include "study/memory_filter.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kHintPrefix = "bluefin:resource_hint:";  // a system attribute of the study each
constexpr int kMaxRounds = 4;   // of candidates that a sampler draws together, before the smallest is taken
constexpr int kMaxDraws = 100;  // of points that are drawn one parameter at a time

std::string point_text(std::span<const TrialParam> params) {
  std::vector<std::string> words;
  for (const TrialParam& param : params) {
    words.push_back(param.spec->name + "=" + to_string(to_external(param.spec->distribution, param.value)));
  }
  return join(words, ", ");
}

std::optional<double> as_number(const std::optional<std::uint64_t>& bytes) {
  return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
}

}  // namespace

ResourceHints resource_hints(const std::vector<Attribute>& system_attrs) {
  ResourceHints hints;
  for (const Attribute& attribute : system_attrs) {
    if (attribute.key.rfind(kHintPrefix, 0) != 0) continue;
    auto params = attribute.value.as_strings();
    if (params && !params->empty()) hints.emplace(attribute.key.substr(kHintPrefix.size()), std::move(*params));
  }
  return hints;
}

void StudyImpl::set_resource_hint(std::string_view hint, const std::vector<std::string>& params) {
  if (hint.empty()) throw Error(ErrorCode::kInvalidArgument, "set_resource_hint: the name of the hint is empty");
  for (const std::string& param : params) {
    if (!param.empty()) continue;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("set_resource_hint: '{}' has a parameter without a name, expected names of parameters", hint));
  }
  const std::string key(hint);
  {
    // What every trial says once more costs a look.
    const std::lock_guard lock(mutex_);
    const auto known = hints_.find(key);
    if (known == hints_.end() ? params.empty() : known->second == params) return;
  }
  const Attribute attribute{std::string(kHintPrefix) + key, params};
  storage->set_study_attributes(id, AttributeKind::kSystem, std::span(&attribute, 1));
  const std::lock_guard lock(mutex_);
  if (params.empty()) {
    hints_.erase(key);
  } else {
    hints_[key] = params;
    cache_.want_memory();
  }
  memory_version_.reset();
}

void StudyImpl::use_memory_model(const MemoryModelOptions& options) {
  const std::lock_guard lock(mutex_);
  memory_options_ = options;
  memory_version_.reset();
}

// A model for each kind of memory that has run out, or of which something was measured.
std::shared_ptr<const StudyMemory> StudyImpl::learn_memory() const {
  std::vector<std::pair<MemoryKind, MemoryModel>> models;
  for (const MemoryKind kind : {MemoryKind::kDevice, MemoryKind::kHost}) {
    const bool device = kind == MemoryKind::kDevice;
    std::vector<MemoryTrial> trials = cache_.memory().trials_of(kind);
    const bool failed = cache_.memory().any_failed(device ? OutOfMemory::kDevice : OutOfMemory::kHost);
    const auto capacity = as_number(device ? memory_options_.device_capacity : memory_options_.host_capacity);
    const bool measured = std::any_of(trials.begin(), trials.end(), [](const auto& t) { return t.peak.has_value(); });
    if (failed || (measured && !hints_.empty())) {
      models.emplace_back(kind, MemoryModel(hints_, std::move(trials), capacity, memory_options_));
    }
  }
  return models.empty() ? nullptr : std::make_shared<const StudyMemory>(std::move(models));
}

std::shared_ptr<const StudyMemory> StudyImpl::memory() {
  if (!memory_options_.on || !cache_.memory().wanted()) return nullptr;
  if (memory_version_ != cache_.memory().version()) {
    memory_ = learn_memory();
    memory_version_ = cache_.memory().version();
  }
  return memory_;
}

std::shared_ptr<const StudyMemory> StudyImpl::memory_now() {
  refresh();
  const std::lock_guard lock(mutex_);
  cache_.want_memory();
  return learn_memory();
}

std::shared_ptr<const StudyMemory> StudyImpl::memory_in_use() {
  const std::lock_guard lock(mutex_);
  return memory();
}

JointSuggestion StudyImpl::draw_within_memory(SamplerModel& model, const HistoryView& history, Draft& draft,
                                              Rng& rng) const {
  MemoryFilter filter(*draft.memory, {});
  JointSuggestion joint;
  const std::vector<SearchSpace> spaces = model.joint_spaces(history);
  if (!spaces.empty()) {
    const auto ask = [&](Rng& stream) {
      return model.suggest_joint({history, draft.expected, stream, {}, &filter.filter()}, spaces);
    };
    Rng smallest = rng;  // the stream of the round in which the smallest need was seen
    std::optional<double> least;
    bool taken = false;
    for (int round = 0; round < kMaxRounds && !taken; ++round) {
      const Rng before = rng;
      joint = ask(rng);
      taken = joint.params.empty() || filter.takes(joint.params);
      if (const auto now = filter.least(); now != least) smallest = before;
      least = filter.least();
    }
    if (!taken) {
      filter.take_least_only();
      joint = ask(smallest);
    }
    draft.refused = filter.take_refused();
    draft.refused.all = !taken;
  }
  // A sampler that draws nothing together is asked for each parameter, so that points are chosen as a whole: one whose
  // first parameter is drawn by itself leaves no room for the others.
  if (joint.params.empty()) joint.params = draw_sizes_within_memory(model, history, draft);
  if (draft.refused.all) {
    log(LogLevel::kWarning,
        fmt::format(
            "study '{}': all candidates for trial {} are expected to run out of memory; the one that needs least "
            "is run: {}",
            name, draft.expected, point_text(joint.params)));
  } else if (draft.refused.count > 0) {
    log(LogLevel::kInfo, fmt::format("study '{}': {} candidate{} for trial {} refused, expected to run out of memory",
                                     name, draft.refused.count, draft.refused.count == 1 ? "" : "s", draft.expected));
  }
  if (draft.refused.count > 0) joint.system_attrs.push_back({RefusedCandidates::kKey, draft.refused.json()});
  return joint;
}

std::vector<TrialParam> StudyImpl::draw_sizes_within_memory(SamplerModel& model, const HistoryView& history,
                                                            Draft& draft) const {
  MemoryFilter filter(*draft.memory, {});
  std::vector<TrialParam> smallest;
  std::optional<double> least;
  std::vector<TrialParam> point;
  bool taken = draft.memory->always().empty();
  for (int attempt = 0; attempt < kMaxDraws && !taken; ++attempt) {
    point.clear();
    for (const ParamSpecPtr& spec : draft.memory->always()) {
      if (is_single(spec->distribution)) {
        point.push_back({spec, only_value(spec->distribution)});
        continue;
      }
      // The first point is the one that the trial would have without a model.
      std::string stream = spec->name;
      if (attempt > 0 || draft.used > 0) stream += fmt::format("\n{}", attempt);
      if (draft.used > 0) stream += fmt::format("\n{}", draft.used);
      Rng rng(seed, static_cast<std::uint64_t>(draft.expected), draft.nonce, stream);
      point.push_back({spec, model.suggest_parameter({history, draft.expected, rng, point, nullptr}, spec)});
    }
    taken = filter.filter()(point);
    if (const auto now = filter.least(); !taken && now != least) smallest = point;
    least = filter.least();
  }
  draft.refused.add(filter.take_refused());
  draft.refused.all = !taken;
  return taken ? point : smallest;
}

double StudyImpl::draw_parameter_within_memory(SamplerModel& model, const SuggestRequest& request, LiveTrial& live,
                                               const ParamSpecPtr& spec) const {
  MemoryFilter filter(*live.memory, live.joint);
  const auto known_and = [&](double value) {
    std::vector<TrialParam> params(request.params.begin(), request.params.end());
    params.push_back({spec, value});
    return params;
  };
  SuggestRequest filtered{request.history, request.number, request.rng, request.params, &filter.filter()};
  const Rng before = request.rng;
  double value = model.suggest_parameter(filtered, spec);
  const bool taken = filter.takes(known_and(value));
  if (!taken) {
    // Its own candidates once more: the smallest of them.
    filter.take_least_only();
    request.rng = before;
    value = model.suggest_parameter(filtered, spec);
    log(LogLevel::kWarning,
        fmt::format("study '{}': all values of '{}' for trial {} are expected to run out of memory; the one that needs "
                    "least is taken: {}",
                    name, spec->name, request.number, to_string(to_external(spec->distribution, value))));
  }
  RefusedCandidates refused = filter.take_refused();
  refused.all = !taken;
  if (refused.count > 0) {
    const std::lock_guard lock(live.mutex);
    live.refused.add(std::move(refused));
    for (auto* attributes : {&live.trial.system_attrs, &live.dirty.system_attrs}) {
      set_attribute(*attributes, RefusedCandidates::kKey, live.refused.json());
    }
  }
  return value;
}

}  // namespace bluefin
