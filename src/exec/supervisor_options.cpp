// SPDX-License-Identifier: MIT
#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <thread>

#include "bluefin/auto_slots.hpp"
#include "bluefin/error.hpp"
#include "bluefin/storage_file.hpp"
#include "bluefin/supervisor.hpp"
#include "exec/command_template.hpp"
#include "exec/program_file.hpp"
#include "exec/trial_log.hpp"

namespace bluefin {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr std::uint64_t kMinMemory = std::uint64_t{1} << 20;  // no process runs in less

void check(bool good, const std::string& message) {
  if (!good) {
    throw Error(ErrorCode::kInvalidArgument, message);
  }
}

void check_limits(const SupervisorOptions& options) {
  const auto positive = [](const char* name, const std::optional<std::chrono::duration<double>>& limit) {
    check(!limit || limit->count() > 0,
          fmt::format("{} = {:g} s, must be > 0", name, limit.value_or(std::chrono::seconds()).count()));
  };
  positive("trial_timeout", options.trial_timeout);
  positive("report_timeout", options.report_timeout);
  check(
      !options.trial_timeout || !options.report_timeout || *options.report_timeout < *options.trial_timeout,
      fmt::format("report_timeout = {:g} s, must be shorter than trial_timeout = {:g} s, which would always come first",
                  options.report_timeout.value_or(std::chrono::seconds()).count(),
                  options.trial_timeout.value_or(std::chrono::seconds()).count()));
  check(!options.memory_limit || *options.memory_limit >= kMinMemory,
        fmt::format("memory_limit = {} bytes, must be at least 1 MiB", options.memory_limit.value_or(0)));
  check(options.log_limit >= TrialLog::kMinLimit,
        fmt::format("log_limit = {} bytes, must be at least 64 KiB", options.log_limit));
}

}  // namespace

int trials_at_a_time(const SupervisorOptions& options) {
  return trials_at_a_time(options.workers, options.slots.get());
}

void check_supervisor_options(const SupervisorOptions& options) {
  check(!options.command.empty(), "no program to run was given");
  if (options.executable.empty()) {
    const std::string& program = options.command.front();
    check_startable(find_program(program), program, options.environment);
  }
  const CommandTemplate command(options.command, options.space, options.space_in_environment);
  check(options.prestart != Prestart::kOn || !command.has_placeholders(),
        "prestart = on, but the program's arguments depend on the trial's parameters: without placeholders it can be "
        "started before they are known");
  check(!options.zygote || !command.has_placeholders(),
        "zygote = on, but the program's arguments depend on the trial's parameters: without placeholders it can be "
        "loaded once for all trials");
  check(options.workers >= 1 && options.workers <= kMaxWorkers,
        fmt::format("workers = {}, must be between 1 and {}", options.workers, kMaxWorkers));
  check(!options.slots || options.workers <= options.slots->size(),
        fmt::format("workers = {}, but there are slots for {} trials at a time ({})", options.workers,
                    options.slots ? options.slots->size() : 0, options.slots ? options.slots->description() : ""));
  check(!options.n_trials || *options.n_trials >= 0,
        fmt::format("n_trials = {}, must be >= 0", options.n_trials.value_or(0)));
  check(!options.timeout || options.timeout->count() >= 0,
        fmt::format("timeout = {}, must be >= 0", options.timeout.value_or(std::chrono::duration<double>()).count()));
  check(options.max_failures_in_row >= 0,
        fmt::format("max_failures_in_row = {}, must be >= 0", options.max_failures_in_row));
  check(options.retry >= 0, fmt::format("retry = {}, must be >= 0", options.retry));
  check(options.grace.count() >= 0, fmt::format("grace = {} ms, must be >= 0", options.grace.count()));
  check_limits(options);
}

void check_supervisor_options(const SupervisorOptions& options, const Study& study) {
  check_supervisor_options(options);
  check(!options.report_timeout || study.directions().size() == 1,
        fmt::format("report_timeout is for studies with one objective: with {}, as study {} has, trials cannot report",
                    study.directions().size(), study.name()));
}

std::string log_folder(const Study& study, const std::string& base) {
  std::string folder = base;
  if (folder.empty()) {
    folder = storage_file(study.storage().url());
    if (folder.empty()) {
      return "";
    }
    folder += ".logs";
  }
  return folder + "/" + folder_name(study.name());
}

std::string log_file(const std::string& folder, int number) { return trial_log_path(folder, number); }

int available_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace bluefin
