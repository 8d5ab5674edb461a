// SPDX-License-Identifier: MIT
// What `bluefin status` shows, gathered from the files of runs on this machine and from the study's storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "best_curve.hpp"
#include "bluefin/study.hpp"
#include "exec/run_record.hpp"
#include "text.hpp"

namespace bluefin::cli {

// A place for a trial, and the trial that runs there.
struct StatusRow {
  std::string place = {};              // "GPU 0", "worker 3"; empty: not on this machine, or in a program's own process
  std::int64_t run = 0;                // pid of the run that it belongs to; 0: as above
  std::optional<int> trial = {};       // none: nothing runs there
  bool ending = false;                 // the trial has finished, its process has not
  std::optional<double> elapsed = {};  // seconds
  std::optional<Report> last = {};     // in the user's sign
  std::optional<double> median = {};   // of what complete trials have reported at the same step
  std::optional<std::uint64_t> host_memory = {};  // bytes, the peak so far
  std::optional<std::uint64_t> gpu_memory_used = {};
  std::optional<std::uint64_t> gpu_memory_total = {};
  std::optional<double> utilisation = {};  // 0 to 1
  std::optional<double> power_watts = {};
  std::optional<double> idle_share = {};  // of the slot's time
  std::string params = {};
  std::string taken_by = {};  // "trial 3 of study lr (ada, pid 4711)": of another run, and none of this one runs there
};

struct StatusWait {
  std::string who = {};  // "run of bob (pid 977)"
  int trials = 0;        // that could begin but for a slot
  std::string reason = {};
  std::string study = {};  // that it runs; empty: the one that is shown
};

struct Status {
  std::string study = {};
  std::string storage = {};  // URL
  bool readable = false;     // the study is in a storage that can be read from here; the rest of this block is known
  std::string problem = {};  // why not
  std::vector<Direction> directions = {};
  std::string sampler = {};
  std::string pruner = {};
  int complete = 0;
  int pruned = 0;
  int failed = 0;
  int running = 0;
  std::vector<int> queued = {};  // numbers of trials that wait to be taken
  std::vector<BestPoint> curve = {};
  int last_number = -1;
  std::string best_params = {};
  std::optional<double> best_age = {};  // seconds since the best trial has ended
  int pareto = 0;                       // trials of the front, with several objectives

  std::vector<RunRecord> runs = {};  // of this study
  std::int64_t now_ns = 0;           // shared_clock_ns()
  std::vector<StatusRow> rows = {};
  std::vector<StatusWait> waits = {};  // of this study's runs first, then of all others

  int n_trials() const { return complete + pruned + failed + running + static_cast<int>(queued.size()); }
};

// Seconds without a word after which a run is taken for stopped (it writes twice a second).
inline constexpr double kSilence_s = 10;

// Looks again and again at one study.
class StatusReader {
 public:
  // `url`: absolute, see shared_url(). A storage in a process's memory has no study to be read.
  StatusReader(std::string url, std::string name, std::optional<Study> study);
  Status read();

 private:
  void read_study(Status& status);
  void read_rows(Status& status);
  std::optional<double> median_at(std::int64_t step, const HistoryView& history) const;

  std::string url_;
  std::string name_;
  std::optional<Study> study_;
};

// Parts of read() that need no study:
// The improvements among finished trials, `better` before `worse` by number.
std::vector<BestPoint> improvements(const HistoryView& history, bool maximize);
// Whether two URLs mean the same storage.
bool same_storage(const std::string& a, const std::string& b);

Tree status_json(const Status& status);

}  // namespace bluefin::cli
