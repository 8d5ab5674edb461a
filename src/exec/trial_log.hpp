// SPDX-License-Identifier: MIT
// The file that keeps what a trial's program has printed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/unique_fd.hpp"

namespace bluefin {

// A study's name as the name of a folder: letters, digits, "-", "_", "." (not first) and what is no ASCII stay; all
// else is %XX, and a long name ends with a hash. Never empty, "." or "..", never with a slash; two names never become
// one.
std::string folder_name(std::string_view study);

// Where a trial's output is, in the folder of its study.
std::string trial_log_path(const std::string& folder, int number);

// Says once for all trials of a run that their output is not kept. Shared by their logs.
using LogTrouble = std::shared_ptr<bool>;

class TrialLog {
 public:
  static constexpr std::uint64_t kMinLimit = std::uint64_t{64} << 10;
  static constexpr std::size_t kMaxAppend = std::size_t{16} << 10;

  // Makes nothing yet: a program that prints nothing has no file. `limit` >= kMinLimit; an empty path keeps nothing.
  TrialLog(std::string path, std::uint64_t limit, LogTrouble trouble);

  // At most kMaxAppend bytes. A file that would grow beyond the limit keeps its first half and its end, at least a
  // quarter of the limit, with a line between them that says how much was left out. What cannot be written is a
  // warning: the trial is worth more than its output.
  void append(std::string_view bytes) noexcept;

 private:
  void open();
  void leave_out();
  std::string read(std::uint64_t begin, std::uint64_t end) const;
  void write(std::string_view bytes, std::uint64_t at) const;

  std::string path_;
  std::uint64_t limit_;
  LogTrouble trouble_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
  std::uint64_t head_ = 0;    // bytes above the line about what was left out; 0: nothing was
  std::uint64_t marker_ = 0;  // bytes of that line
  std::uint64_t left_out_ = 0;
};

}  // namespace bluefin
