// SPDX-License-Identifier: MIT
// db repair.
#include <fmt/core.h>

#include <iostream>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "command_line.hpp"
#include "format.hpp"

namespace bluefin::cli {
namespace {

std::string why(const FrozenTrial& trial) {
  const Json* reason = find_attribute(trial.user_attrs, "bluefin:error");
  return reason == nullptr ? "" : reason->as_string().value_or("");
}

}  // namespace

int run_db_repair(const Arguments& arguments) {
  CommandLine line("db repair",
                   "$ bluefin db repair --storage sqlite:///lr.db --retry 1\n"
                   "lr 17 process 4711 on host, which ran it, has ended");
  line.note(
          "Fails the running trials that nobody will finish: those whose process on this\n"
          "machine has ended, as every worker does that joins the study, and with\n"
          "--grace-period those whose heartbeat is older. A line for each: study, number,\n"
          "why. Nothing is deleted.")
      .text("study-name", "NAME", "of this study only")
      .integer("retry", "N", "queue such a trial again, with its parameters, N times at most; default: 0")
      .grace_period()
      .format("value", /*can_flatten=*/false);
  if (!line.parse(arguments)) return 0;
  const std::int64_t retry = line.has("retry") ? line.get_integer("retry") : 0;
  if (retry < 0 || retry > 1'000'000) {
    throw line.usage_error(fmt::format("--retry {}: must be between 0 and 1000000", retry));
  }
  const auto grace = line.get_grace_period();
  if (const std::string url = line.storage_url(); !url.starts_with("sqlite:")) {
    throw line.usage_error(fmt::format(
        "{}: only SQLite files know which process runs a trial; `bluefin tell --trial-number N --state fail` ends one "
        "by hand",
        url));
  }
  const auto storage = line.open_existing_storage();
  std::vector<Record> records;
  bool found = false;
  for (const StudyRecord& record : storage->list_studies()) {
    if (line.has("study-name") && record.name != line.get_text("study-name")) continue;
    found = true;
    for (const FrozenTrial& trial : storage->fail_lost_trials(record.id, static_cast<int>(retry), grace)) {
      Record shown;
      shown[{"study"}] = record.name;
      shown[{"number"}] = trial.number;
      shown[{"why"}] = why(trial);
      records.push_back(std::move(shown));
    }
  }
  if (line.has("study-name") && !found) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("study '{}' was not found in '{}'", line.get_text("study-name"), storage->url()));
  }
  const std::string format = line.get_text("format");
  if (!records.empty() || format != "value") {
    std::cout << format_records(records, {{"study"}, {"number"}, {"why"}}, format, false) << "\n";
  }
  log(LogLevel::kInfo, records.empty() ? "No trial was lost." : fmt::format("{} failed", records.size()));
  return 0;
}

}  // namespace bluefin::cli
