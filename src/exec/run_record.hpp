// SPDX-License-Identifier: MIT
// What a run tells the rest of the machine about itself, for `bluefin status`: a file run.<pid>.<word> beside the files
// of slots, rewritten twice a second by its telemetry. A file and not a socket, since a reader needs nothing of the run
// then, not even that it has time to answer. Its lock goes with the run, however that ends, so a file that is not
// locked is a dead run's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bluefin/telemetry.hpp"
#include "core/unique_fd.hpp"
#include "exec/slot_files.hpp"

namespace bluefin {

// A trial that runs.
struct RunningTrial {
  int number = -1;
  std::int64_t pid = 0;
  std::vector<std::string> slots = {};
  std::int64_t since_ns = 0;                    // shared_clock_ns()
  std::optional<std::uint64_t> peak_host = {};  // bytes, so far
  // Of its GPUs now: the mean, the sum, and the memory of the one that is fullest.
  std::optional<double> utilisation = {};
  std::optional<double> power_watts = {};
  std::optional<std::uint64_t> memory_used = {};
  std::optional<std::uint64_t> memory_total = {};
};

struct RunRecord {
  std::int64_t pid = 0;
  std::string study = {};
  std::string storage = {};  // URL with an absolute path
  int workers = 1;
  std::int64_t since_ns = 0;  // when it began
  std::int64_t at_ns = 0;     // when this was written
  int finished = 0;
  std::optional<int> n_trials = {};  // that it is to run
  int waiting = 0;                   // trials that could begin but for a slot
  std::string reason = {};           // why they wait
  std::vector<RunningTrial> running = {};
  SlotIdle idle = {};
  std::vector<SlotIdle> idle_slots = {};

  std::string text() const;
  static std::optional<RunRecord> parse(const std::string& text);

  // Not in the text:
  std::string user = {};  // the file's owner, which cannot be pretended
};

// The file of this process; one for each object.
class RunFile {
 public:
  // Throws Error(kUnavailable).
  RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;
  ~RunFile();

  void write(const RunRecord& record) noexcept;

 private:
  SlotFiles files_;
  std::string name_;
  UniqueFd file_;
};

// The runs of this machine that live, by pid; empty where there is no folder of slots. Throws Error(kUnavailable) when
// there is one that cannot be looked at. Files of dead runs are removed.
std::vector<RunRecord> living_runs();

}  // namespace bluefin
