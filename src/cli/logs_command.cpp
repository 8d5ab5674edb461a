// SPDX-License-Identifier: MIT
// bluefin logs
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/supervisor.hpp"
#include "command_line.hpp"

namespace bluefin::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBlock = std::size_t{1} << 16;

// Where the last `lines` lines begin. A line that is not complete yet is one.
std::uint64_t begin_of_last_lines(std::ifstream& file, std::uint64_t size, std::int64_t lines) {
  std::uint64_t begin = size;
  bool last_byte = true;  // a newline there ends the last line and begins none
  std::string block;
  while (begin > 0) {
    const std::uint64_t n = std::min<std::uint64_t>(begin, kBlock);
    block.resize(n);
    file.seekg(static_cast<std::streamoff>(begin - n));
    file.read(block.data(), static_cast<std::streamsize>(n));
    for (std::uint64_t i = n; i-- > 0;) {
      if (block[i] == '\n' && !last_byte && --lines == 0) return begin - n + i + 1;
      last_byte = false;
    }
    begin -= n;
  }
  return 0;
}

class Printer {
 public:
  explicit Printer(std::string path) : path_(std::move(path)) {}

  // Prints what is new. False: there is no file yet.
  bool print(std::optional<std::int64_t> tail) {
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path_, error);
    if (error) return false;
    std::ifstream file(path_, std::ios::binary);
    if (!file) throw Error(ErrorCode::kUnavailable, fmt::format("{}: the file cannot be read", path_));
    if (tail && printed_ == 0) printed_ = *tail == 0 ? size : begin_of_last_lines(file, size, *tail);
    // Its middle was left out meanwhile: what comes next is at its end.
    printed_ = std::min(printed_, size);
    file.clear();
    file.seekg(static_cast<std::streamoff>(printed_));
    std::string block(kBlock, '\0');
    while (printed_ < size) {
      const std::uint64_t n = std::min<std::uint64_t>(size - printed_, kBlock);
      file.read(block.data(), static_cast<std::streamsize>(n));
      if (file.gcount() <= 0) break;
      std::cout.write(block.data(), file.gcount());
      printed_ += static_cast<std::uint64_t>(file.gcount());
    }
    std::cout << std::flush;
    return true;
  }

 private:
  std::string path_;
  std::uint64_t printed_ = 0;
};

TrialState state_of(const Study& study, std::int64_t number) {
  for (const auto& trial : study.trials()) {
    if (trial->number == number) return trial->state;
  }
  throw Error(ErrorCode::kNotFound, fmt::format("study {} has no trial {}", study.name(), number));
}

bool is_over(TrialState state) { return state != TrialState::kRunning && state != TrialState::kWaiting; }

}  // namespace

int run_logs(const Arguments& arguments) {
  CommandLine line("logs", "$ bluefin logs --storage sqlite:///lr.db --study-name lr 12 --tail 100");
  line.note(
          "Standard output and standard error of a trial that 'bluefin run', or a program\n"
          "made with run_main, has run, as they came. The number of the trial may also\n"
          "stand alone, without its option.")
      .text("study-name", "NAME", "default: the only study of the storage")
      .integer("trial-number", "N", "the trial", Need::kRequired)
      .positional("trial-number")
      .integer("tail", "K", "the last K lines only")
      .flag("follow", "wait for more until the trial ends")
      .text("log-dir", "DIR", "as it was given to the run; default: <storage file>.logs");
  if (!line.parse(arguments)) return 0;
  const std::int64_t number = line.get_integer("trial-number");
  std::optional<std::int64_t> tail;
  if (line.has("tail")) tail = line.get_integer("tail");
  if (tail && *tail < 0) throw line.usage_error(fmt::format("--tail {} must be >= 0", *tail));
  const Study study = line.load_study();
  const std::string folder = log_folder(study, line.get_text("log-dir"));
  if (folder.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} has no file beside which output is kept: give --log-dir", study.storage().url()));
  }
  TrialState state = state_of(study, number);
  const std::string path = log_file(folder, static_cast<int>(number));
  Printer printer(path);
  bool found = printer.print(tail);
  for (int round = 1; line.is_set("follow") && !is_over(state); ++round) {
    std::this_thread::sleep_for(100ms);
    if (round % 10 == 0) state = state_of(study, number);
    found = printer.print(tail) || found;
  }
  if (found) return 0;
  throw Error(ErrorCode::kNotFound,
              fmt::format("there is no {}: trial {} {}, or its run had --no-logs or another --log-dir", path, number,
                          is_over(state) ? "has printed nothing" : "has printed nothing yet"));
}

}  // namespace bluefin::cli
