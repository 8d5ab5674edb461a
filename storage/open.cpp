// SPDX-License-Identifier: MIT
// The table of storages by URL scheme: a new one is one line here.
#include <fmt/core.h>

#include <array>
#include <string_view>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "storage/journal_storage.hpp"
#include "storage/memory_storage.hpp"
#include "storage/sqlite_storage.hpp"

namespace bluefin {
namespace {

struct Scheme {
  std::string_view prefix;
  std::string_view forms;  // for messages
  std::shared_ptr<Storage> (*open)(const std::string& url, const StorageOptions& options);
};

constexpr std::array<Scheme, 3> kSchemes{{
    {"memory:", "memory:", [](const std::string& url, const StorageOptions&) { return open_memory_storage(url); }},
    {"sqlite:", "sqlite:///relative/path.db, sqlite:////absolute/path.db",
     [](const std::string& url, const StorageOptions& options) {
       return open_sqlite_storage(url, {.durability = options.durability});
     }},
    {"journal:", "journal:///relative/path.log, journal:////absolute/path.log",
     [](const std::string& url, const StorageOptions&) { return open_journal_storage(url); }},
}};

// "postgresql://user:***@host/db": it may be in a log for everybody to read.
std::string without_password(const std::string& url) {
  const auto begin = url.find("://");
  const auto end = begin == std::string::npos ? begin : url.rfind('@');
  if (end == std::string::npos || end < begin) return url;
  const auto colon = url.find(':', begin + 3);
  return colon < end ? url.substr(0, colon + 1) + "***" + url.substr(end) : url;
}

Error no_heartbeats(const Storage& storage) {
  return {ErrorCode::kInvalidArgument, fmt::format("{} has no heartbeats; use an SQLite file", storage.url())};
}

}  // namespace

std::optional<FrozenTrial> Storage::read_trial(StudyId study, TrialId trial) {
  auto found = find_trial(trial);
  if (!found || found->study != study) return std::nullopt;
  return std::move(found->trial);
}

FrozenTrial Storage::finish_and_start(StudyId study, const TrialUpdate& finished, const NewTrial& next) {
  update_trial(study, finished);
  return start_trial(study, next);
}

void Storage::record_heartbeat(TrialId) { throw no_heartbeats(*this); }
std::vector<TrialId> Storage::stale_trials(StudyId, std::chrono::seconds) { throw no_heartbeats(*this); }

std::shared_ptr<Storage> open_storage(const std::string& url, const StorageOptions& options) {
  std::string forms;
  for (const Scheme& scheme : kSchemes) {
    if (url.compare(0, scheme.prefix.size(), scheme.prefix) == 0) return scheme.open(url, options);
    forms.append(forms.empty() ? "" : ", ").append(scheme.forms);
  }
  if (url.empty()) throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: empty, expected one of: {}", forms));
  const bool is_path = url.find(':') == std::string::npos;
  throw Error(
      ErrorCode::kInvalidArgument,
      is_path ? fmt::format("storage: '{}' is not a URL; for an SQLite file of that name write sqlite:///{}", url, url)
              : fmt::format("storage: '{}' has an unknown scheme, expected one of: {}", without_password(url), forms));
}

}  // namespace bluefin
