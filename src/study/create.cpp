// SPDX-License-Identifier: MIT
// Making, opening, deleting and copying studies.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/pruners/median.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "bluefin/study.hpp"
#include "storage/study_import.hpp"
#include "study/config.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

std::string uuid4() {
  Rng rng(random_seed());
  std::uint64_t a = rng();
  std::uint64_t b = rng();
  a = (a & 0xffffffffffff0fffU) | 0x4000U;              // version 4
  b = (b & 0x3fffffffffffffffU) | 0x8000000000000000U;  // variant 1
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32U, (a >> 16U) & 0xffffU, a & 0xffffU, b >> 48U,
                     b & 0xffffffffffffU);
}

std::shared_ptr<Storage> storage_of(const StudyOptions& options) {
  return options.open_storage ? options.open_storage : open_storage(options.storage);
}

// Empty: the caller said nothing.
std::vector<Direction> directions_of(const StudyOptions& options) {
  if (!options.directions.empty() && options.direction != Direction::kNotSet) {
    throw Error(ErrorCode::kInvalidArgument, "specify only one of direction and directions");
  }
  std::vector<Direction> directions = options.directions;
  if (options.direction != Direction::kNotSet) directions = {options.direction};
  for (const Direction direction : directions) {
    if (direction != Direction::kMinimize && direction != Direction::kMaximize) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("direction {} is not allowed, expected MINIMIZE or MAXIMIZE", to_string(direction)));
    }
  }
  return directions;
}

std::string words(const std::vector<Direction>& directions) {
  std::string text;
  for (const Direction direction : directions) text += (text.empty() ? "" : ", ") + std::string(to_string(direction));
  return text;
}

std::string known_names(Storage& storage) {
  std::string text;
  int shown = 0;
  for (const auto& study : storage.list_studies()) {
    if (++shown > 10) return text + ", ...";
    text += (text.empty() ? "" : ", ") + study.name;
  }
  return text.empty() ? "it holds no study" : "it holds: " + text;
}

// Seeds fit into the integers of every JSON reader.
std::uint64_t new_seed() { return random_seed() >> 11U; }

std::shared_ptr<const Sampler> default_sampler(const StudyOptions& options) {
  return options.default_sampler ? options.default_sampler : make_sampler(TpeOptions{});
}

Study open(std::shared_ptr<Storage> storage, StudyRecord record, const StudyOptions& options) {
  const Config config = read_config(record.system_attrs);
  const auto differs = [&](std::string_view what, const auto& given, const std::string& stored,
                           const OptionMap& stored_options) {
    if (!given || stored.empty() || (given->name() == stored && given->options() == stored_options)) return;
    log(LogLevel::kInfo, fmt::format("study '{}' was made with {} '{}'; this process uses '{}' with its own options",
                                     record.name, what, stored, given->name()));
  };
  differs("sampler", options.sampler, config.sampler, config.sampler_options);
  differs("pruner", options.pruner, config.pruner, config.pruner_options);
  if (options.seed && config.seed && *options.seed != *config.seed) {
    log(LogLevel::kInfo, fmt::format("study '{}' was made with seed {}; this process uses {}", record.name,
                                     *config.seed, *options.seed));
  }
  StudyImpl::Parts parts;
  parts.sampler = options.sampler ? options.sampler : stored_sampler(config);
  parts.pruner = options.pruner ? options.pruner : stored_pruner(config);
  if (!parts.sampler) parts.sampler = default_sampler(options);
  if (!parts.pruner) parts.pruner = make_pruner(MedianOptions{});
  parts.seed = options.seed ? *options.seed : config.seed ? *config.seed : new_seed();
  parts.storage = std::move(storage);
  parts.record = std::move(record);
  auto impl = std::make_shared<StudyImpl>(std::move(parts));
  impl->refresh();
  return Study(std::move(impl));
}

}  // namespace

Study create_study(const StudyOptions& options) {
  std::vector<Direction> directions = directions_of(options);
  const std::shared_ptr<Storage> storage = storage_of(options);
  const auto join = [&](StudyRecord record) {
    if (!directions.empty() && directions != record.directions) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("study '{}' exists with directions [{}], but [{}] was asked for", record.name,
                              words(record.directions), words(directions)));
    }
    return open(storage, std::move(record), options);
  };

  NewStudy study;
  study.name = options.name.empty() ? "no-name-" + uuid4() : options.name;
  if (options.load_if_exists) {
    if (auto record = storage->find_study(study.name)) return join(std::move(*record));
  }
  study.directions = directions.empty() ? std::vector{Direction::kMinimize} : directions;
  StudyOptions complete = options;
  if (!complete.sampler) complete.sampler = default_sampler(options);
  if (!complete.pruner) complete.pruner = make_pruner(MedianOptions{});
  if (!complete.seed) complete.seed = new_seed();
  if (options.store_config) {
    study.system_attrs.push_back({kConfigKey, write_config(*complete.sampler, *complete.pruner, *complete.seed)});
  }
  StudyId id{};
  try {
    id = storage->create_study(study);
  } catch (const Error& e) {
    // Another process may have made it between the look and the insert.
    if (e.code() != ErrorCode::kAlreadyExists || !options.load_if_exists) throw;
    if (auto record = storage->find_study(study.name)) return join(std::move(*record));
    throw;
  }
  return open(storage, storage->get_study(id), complete);
}

Study load_study(const StudyOptions& options) {
  const std::shared_ptr<Storage> storage = storage_of(options);
  if (options.name.empty()) {
    // Programs of Optuna may have given one the empty name.
    if (auto record = storage->find_study("")) return open(storage, std::move(*record), options);
    auto studies = storage->list_studies();
    if (studies.size() == 1) return open(storage, std::move(studies.front()), options);
    throw Error(studies.empty() ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                fmt::format("no study name was given and '{}' does not hold exactly one study ({})", storage->url(),
                            known_names(*storage)));
  }
  auto record = storage->find_study(options.name);
  if (!record) {
    throw Error(ErrorCode::kNotFound, fmt::format("study '{}' was not found in '{}' ({})", options.name, storage->url(),
                                                  known_names(*storage)));
  }
  return open(storage, std::move(*record), options);
}

void delete_study(const std::string& storage_url, const std::string& name) {
  const auto storage = open_storage(storage_url);
  const auto record = storage->find_study(name);
  if (!record) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("study '{}' was not found in '{}' ({})", name, storage_url, known_names(*storage)));
  }
  storage->delete_study(record->id);
}

void copy_study(const std::string& from_storage, const std::string& from_name, const std::string& to_storage,
                const std::string& to_name) {
  const auto from = open_storage(from_storage);
  const auto to = from_storage == to_storage ? from : open_storage(to_storage);
  const Study source = load_study({.name = from_name, .open_storage = from});
  WholeStudy whole = read_whole_study(*from, from->get_study(source.id()));
  if (!to_name.empty()) whole.study.name = to_name;
  write_whole_study(*to, whole);
}

std::vector<std::string> study_names(Storage& storage) {
  std::vector<std::string> names;
  for (auto& study : storage.list_studies()) names.push_back(std::move(study.name));
  return names;
}

std::vector<StudySummary> study_summaries(const std::shared_ptr<Storage>& storage) {
  std::vector<StudySummary> summaries;
  for (auto& record : storage->list_studies()) {
    StudySummary summary;
    summary.name = record.name;
    summary.directions = record.directions;
    summary.user_attrs = record.user_attrs;
    summary.system_attrs = record.system_attrs;
    try {
      const Study study = open(storage, std::move(record), {});
      for (const auto& trial : study.trials()) {
        ++summary.n_trials;
        if (trial->datetime_start && (!summary.datetime_start || *trial->datetime_start < *summary.datetime_start)) {
          summary.datetime_start = trial->datetime_start;
        }
      }
      if (study.directions().size() == 1) summary.best_trial = study.impl().best_trial();
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kCorrupt) throw;
      summary.problem = e.what();  // the other studies can be read all the same
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

}  // namespace bluefin
