// SPDX-License-Identifier: MIT
// What trials use while they run in processes of their own, how long their slots stand idle, and a file in which
// `bluefin status` finds both. run_supervised() and Python's workers have one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/json.hpp"
#include "bluefin/slots.hpp"

namespace bluefin {

// The user attribute of a trial that keeps its TrialUsage.
inline constexpr std::string_view kTelemetryKey = "bluefin:telemetry";

// What a trial has used. Absent: it could not be measured here, or not in so short a time.
struct TrialUsage {
  double wall_seconds = 0;                        // since its process was started, or its trial began if that was later
  std::optional<double> gpu_busy_seconds = {};    // in which any kernel ran; of several GPUs the mean
  std::optional<double> utilisation = {};         // gpu_busy_seconds / wall_seconds
  std::optional<std::uint64_t> peak_memory = {};  // bytes of a GPU; of several the most that one had
  std::optional<std::uint64_t> peak_host = {};    // bytes of main memory of its process and what descends from it
  std::optional<double> energy_joules = {};       // of its GPUs together
  int slots_per_gpu = 1;                          // how many trials might be on its GPU, at most

  // {"wall_seconds": 12.3, "gpu_busy_seconds": 11.9, "utilisation": 0.967, "peak_memory_bytes": 8589934592,
  //  "peak_host_bytes": 1073741824, "energy_joules": 3012.5, "slots_per_gpu": 2} without what is absent, or 1 trial on
  //  a GPU.
  Json json() const;
};

// A slot, or several together, in the course of a run.
struct SlotIdle {
  std::string slot = {};    // "GPU 0"; empty: all together
  int trials = 0;           // that have begun
  int gaps = 0;             // between two of them
  double busy_seconds = 0;  // with a trial's process
  double idle_seconds = 0;  // between two trials
  double p50_seconds = 0;   // of the gaps
  double p95_seconds = 0;
  double share() const;  // idle / (busy + idle)
};

struct TelemetryOptions {
  std::string study = {};
  std::string storage = {};               // URL
  int workers = 1;                        // trials at a time
  std::optional<int> n_trials = {};       // that are to run; unset: no limit
  std::shared_ptr<SlotPool> slots = {};   // where they run; may be null
  std::chrono::milliseconds period{500};  // between two looks
};

// Two looks a second at every trial by one thread, which also writes the file for `bluefin status` beside the files of
// slots. The file is locked as long as this object lives, so that of a process that was killed is known to be a dead
// one's. The looks at processes take a hundredth of a core at most: with many they become rarer. Any method from any
// thread; none throws for what cannot be measured or written.
class Telemetry {
 public:
  explicit Telemetry(TelemetryOptions options);
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;
  ~Telemetry();

  // The trial's process is there. `lease`: its slot, or null; not kept. `fresh`: the process was started for this
  // trial; else its peak of main memory is counted anew, and begins with what it has. `since`: when it began, before
  // its process was started, say; unset: now.
  void begin(int trial, std::int64_t pid, const SlotLease* lease, bool fresh = true,
             std::optional<std::chrono::steady_clock::time_point> since = {});
  // Its program has started up, and asks for the trial. Until then its slot counts as idle.
  void ready(int trial);
  // So far; of an ended process with the peak of main memory that the kernel has told at its end (0: nothing).
  TrialUsage usage(int trial, std::uint64_t peak_host = 0);
  // All processes of the trial have ended.
  void end(int trial);
  // For `bluefin status`: how many further trials could begin but wait, and why.
  void set_waiting(int trials, std::string_view reason);
  // Nothing is looked at any more, and the file is removed.
  void close();

  SlotIdle idle() const;
  std::vector<SlotIdle> idle_slots() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace bluefin
