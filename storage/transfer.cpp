// SPDX-License-Identifier: MIT
#include "bluefin/transfer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string_view>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/storage_file.hpp"
#include "core/file_size_signal.hpp"
#include "storage/draft_file.hpp"
#include "storage/sqlite_open.hpp"
#include "storage/study_import.hpp"
#include "storage/study_lines.hpp"

namespace bluefin {
namespace {

// Opening makes a file where there is none; there is nothing to read in that.
std::shared_ptr<Storage> open_source(const std::string& url) {
  const std::string path = storage_file(url);
  std::error_code ignored;
  if (!path.empty() && !std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", url));
  }
  return open_storage(url);
}

bool is_same_file(const std::string& a, const std::string& b) {
  const std::string path_a = storage_file(a);
  const std::string path_b = storage_file(b);
  std::error_code ignored;
  return path_a.empty() || path_b.empty() ? a == b : std::filesystem::equivalent(path_a, path_b, ignored);
}

std::vector<StudyRecord> chosen(Storage& storage, const std::optional<std::string>& name) {
  std::vector<StudyRecord> studies = storage.list_studies();
  if (!name) return studies;
  std::string known;
  for (const StudyRecord& study : studies) {
    if (study.name == *name) return {study};
    known += (known.empty() ? "" : ", ") + study.name;
  }
  throw Error(ErrorCode::kNotFound, fmt::format("study '{}' was not found in '{}' ({})", *name, storage.url(),
                                                known.empty() ? "it holds no study" : "it holds: " + known));
}

Error name_is_taken(const Storage& to, std::string_view names) {
  return {
      ErrorCode::kAlreadyExists,
      fmt::format("'{}' has already: {}; give the copy another name, leave it out (--if-exists skip) or replace what "
                  "is there (--if-exists replace)",
                  to.url(), names)};
}

Transferred put(Storage& to, const WholeStudy& whole, const TransferOptions& options, std::string_view verb) {
  Transferred done{.study = whole.study.name, .n_trials = whole.trials.size()};
  try {
    write_whole_study(to, whole, options.if_exists == IfExists::kReplace);
  } catch (const Error& e) {
    // Somebody may have made it just now, so only the attempt knows.
    if (e.code() != ErrorCode::kAlreadyExists) throw;
    if (options.if_exists != IfExists::kSkip) throw name_is_taken(to, done.study);
    log(LogLevel::kInfo, fmt::format("study '{}' exists already, left as it is", done.study));
    done.skipped = true;
    return done;
  }
  log(LogLevel::kInfo,
      fmt::format("study '{}' {}: {} trial{}", done.study, verb, done.n_trials, done.n_trials == 1 ? "" : "s"));
  return done;
}

}  // namespace

std::vector<Transferred> copy_studies(const std::string& from_url, const std::string& to_url,
                                      const TransferOptions& options) {
  const auto from = open_source(from_url);
  const auto studies = chosen(*from, options.study);
  const auto name_of = [&](const StudyRecord& study) { return options.to_study.value_or(study.name); };
  const bool same = is_same_file(from_url, to_url);
  const auto onto_itself = std::find_if(studies.begin(), studies.end(),
                                        [&](const StudyRecord& study) { return same && name_of(study) == study.name; });
  if (onto_itself != studies.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("study '{}' cannot be copied onto itself; give the copy another name", onto_itself->name));
  }
  const auto to = same ? from : open_storage(to_url);
  std::string taken;
  for (const StudyRecord& study : studies) {
    if (to->find_study(name_of(study))) taken += (taken.empty() ? "" : ", ") + name_of(study);
  }
  if (!taken.empty() && options.if_exists == IfExists::kError) throw name_is_taken(*to, taken);
  std::vector<Transferred> done;
  for (const StudyRecord& study : studies) {
    WholeStudy whole = read_whole_study(*from, study);
    whole.study.name = name_of(study);
    done.push_back(put(*to, whole, options, "copied"));
  }
  return done;
}

std::vector<Transferred> export_studies(const std::string& url, std::ostream& out,
                                        const std::optional<std::string>& study) {
  const auto from = open_source(url);
  const auto studies = chosen(*from, study);
  write_header_line(out, studies.size());
  std::vector<Transferred> done;
  for (const StudyRecord& record : studies) {
    const WholeStudy whole = read_whole_study(*from, record);
    write_study_lines(out, whole);
    if (!out) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("study '{}' could not be written: {}", record.name, std::strerror(errno)));
    }
    log(LogLevel::kInfo, fmt::format("study '{}' exported: {} trial{}", record.name, whole.trials.size(),
                                     whole.trials.size() == 1 ? "" : "s"));
    done.push_back({.study = record.name, .n_trials = whole.trials.size()});
  }
  return done;
}

std::vector<Transferred> export_studies(const std::string& url, const std::string& path, bool overwrite,
                                        const std::optional<std::string>& study) {
  // Whatever a file of studies is named, --yes is not meant for it.
  if (is_sqlite_file(path)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is an SQLite database, which JSON Lines do not replace; give another path", path));
  }
  const FileSizeSignalHeld no_signal;
  DraftFile draft(path, overwrite);
  std::ofstream out(draft.path(), std::ios::binary);
  std::vector<Transferred> done;
  try {
    done = export_studies(url, out, study);
  } catch (const Error& e) {
    if (out) throw;
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path, e.what()));
  }
  out.close();
  if (!out) throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  draft.finish();
  return done;
}

std::vector<Transferred> import_studies(std::istream& in, const std::string& name, const std::string& to_url,
                                        const TransferOptions& options) {
  StudyLinesReader reader(in, name);
  const auto to = open_storage(to_url);
  std::vector<Transferred> done;
  while (auto whole = reader.next()) {
    if (options.study && whole->study.name != *options.study) continue;
    if (options.to_study) whole->study.name = *options.to_study;
    // Else the second one would replace the first, or be left out as if it were that.
    if (std::any_of(done.begin(), done.end(), [&](const Transferred& one) { return one.study == whole->study.name; })) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: it holds two studies of the name '{}'", name, whole->study.name));
    }
    done.push_back(put(*to, *whole, options, "imported"));
  }
  if (options.study && done.empty()) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: it holds no study '{}'", name, *options.study));
  }
  return done;
}

}  // namespace bluefin
