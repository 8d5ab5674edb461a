// SPDX-License-Identifier: MIT
// bluefin status
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/storage_file.hpp"
#include "command_line.hpp"
#include "exec/run_record.hpp"
#include "exec/signals.hpp"
#include "option_values.hpp"
#include "report_text.hpp"
#include "status_model.hpp"
#include "status_view.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kResizeInterval = 200ms;  // a terminal's size is looked at
constexpr double kLeastInterval_s = 0.1;
constexpr double kMostInterval_s = 86400;

bool has_storage(const CommandLine& line) {
  const auto given = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  return line.has("storage") || given("BLUEFIN_STORAGE") || given("OPTUNA_STORAGE");
}

// A storage in the memory of another process, or one written in Python, cannot be opened here.
bool has_file(const std::string& url) {
  try {
    return !storage_file(url).empty();
  } catch (const Error&) {
    return false;
  }
}

StatusReader reader_of_run(const std::string& url, const std::string& name) {
  if (!has_file(url)) {
    return StatusReader(url, name, std::nullopt);
  }
  StudyOptions options;
  options.storage = url;
  options.name = name;
  return StatusReader(url, name, load_study(options));
}

// Without a storage: the study that runs on this machine, where there is one alone.
StatusReader find_study(const CommandLine& line) {
  if (has_storage(line)) {
    StudyOptions options;
    options.open_storage = line.open_existing_storage();
    options.name = line.get_text("study-name");
    const Study study = load_study(options);
    return StatusReader(study.storage().url(), study.name(), study);
  }
  const std::string name = line.get_text("study-name");
  std::vector<std::pair<std::string, std::string>> found;
  for (const RunRecord& run : living_runs()) {
    std::pair<std::string, std::string> study{run.storage, run.study};
    if ((name.empty() || name == run.study) && std::find(found.begin(), found.end(), study) == found.end()) {
      found.push_back(std::move(study));
    }
  }
  if (found.size() == 1) {
    return reader_of_run(found.front().first, found.front().second);
  }
  if (found.empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("no run of {} on this machine: give --storage URL to look at a study that does not run here",
                    name.empty() ? "any study" : "study " + printable(name)));
  }
  std::string text = "several studies run on this machine; choose one:";
  for (const auto& [url, study] : found) {
    text += fmt::format("\n  bluefin status --storage {} --study-name {}", quoted(url), quoted(study));
  }
  throw Error(ErrorCode::kInvalidArgument, text);
}

void write(const std::string& text) {
  std::cout << text << std::flush;
  check_standard_output();
}

std::string page(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// A whole screen, drawn over the last one in one piece, so that nothing flickers. One line and one column stay free:
// terminals scroll or wrap when the last ones are written.
std::string screen(const Status& status, TerminalStyle style, bool first) {
  style.height -= 1;
  style.width -= 1;
  std::string text = first ? "\x1b[?25l\x1b[2J\x1b[H" : "\x1b[H";
  for (const std::string& line : status_lines(status, style)) text += line + "\x1b[K\n";
  return text + "\x1b[J";
}

// Until a signal comes. False: one came.
bool wait_for(const SignalReader& signals, Clock::duration duration) {
  pollfd signal{signals.descriptor(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max<Clock::duration>(duration, 0ms)).count();
  return ::poll(&signal, 1, static_cast<int>(ms)) <= 0;
}

void watch_terminal(StatusReader& reader, Clock::duration interval) {
  const SignalReader signals(true);
  TerminalStyle style;
  bool first = true;
  bool go_on = true;
  try {
    while (go_on) {
      const Status status = reader.read();
      const auto next = Clock::now() + interval;
      do {  // the same again, as soon as the terminal has another size
        const TerminalStyle now = output_style();
        if (first || now.width != style.width || now.height != style.height) {
          write(screen(status, now, true));
        } else {
          write(screen(status, now, false));
        }
        style = now;
        first = false;
        TerminalStyle seen = now;
        while ((go_on = wait_for(signals, std::min<Clock::duration>(kResizeInterval, next - Clock::now()))) &&
               Clock::now() < next && seen.width == style.width && seen.height == style.height) {
          seen = output_style();
        }
      } while (go_on && Clock::now() < next);
    }
  } catch (...) {
    write("\x1b[?25h");
    throw;
  }
  write("\x1b[?25h");
}

// For a file or a program: one page, or one line of JSON, after the other.
void watch_pages(StatusReader& reader, Clock::duration interval, bool json) {
  const SignalReader signals(true);
  for (bool first = true;; first = false) {
    const Status status = reader.read();
    write(json ? json_text(status_json(status)) + "\n"
               : (first ? "" : "\n") + page(status_lines(status, output_style())));
    if (!wait_for(signals, interval)) return;
  }
}

}  // namespace

int run_status(const Arguments& arguments) {
  CommandLine line("status",
                   "$ bluefin status --watch\n"
                   "$ bluefin status --storage sqlite:///lr.db --study-name lr --json");
  line.note(
          "A row for each slot of the runs of a study on this machine: trial, time, last\n"
          "report and how it compares with what complete trials have reported at that step\n"
          "(the median), memory, utilisation and power of its GPU. Above: the best value\n"
          "over the trials; below: what waits, and why. Trials that run on other machines\n"
          "are listed as elsewhere. Without a storage: the study that runs here.\n"
          "Colours on a terminal, unless NO_COLOR is set.")
      .text("study-name", "NAME", "default: the only study of the storage, or that runs here")
      .flag("watch", "again and again, until Ctrl-C, which leaves the last screen")
      .text("interval", "SECONDS", "between two looks of --watch; default: 1")
      .flag("json", "one JSON object, with --watch one in a line; bytes, seconds, watts");
  if (!line.parse(arguments)) return 0;
  double interval = 1;
  if (line.has("interval")) {
    if (!line.is_set("watch")) throw line.usage_error("--interval is for --watch");
    const auto seconds = parse_duration(line.get_text("interval"));
    if (!seconds || *seconds < kLeastInterval_s || *seconds > kMostInterval_s) {
      throw line.usage_error(fmt::format("--interval {}: expected seconds, 0.1 to 86400", line.get_text("interval")));
    }
    interval = *seconds;
  }
  StatusReader reader = find_study(line);
  const auto pause = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(interval));
  const bool json = line.is_set("json");
  if (!line.is_set("watch")) {
    const Status status = reader.read();
    TerminalStyle style = output_style();
    style.height = 0;
    write(json ? json_text(status_json(status)) + "\n" : page(status_lines(status, style)));
  } else if (::isatty(STDOUT_FILENO) && !json) {
    watch_terminal(reader, pause);
  } else {
    watch_pages(reader, pause, json);
  }
  return 0;
}

}  // namespace bluefin::cli
