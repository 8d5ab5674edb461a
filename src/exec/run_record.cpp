// SPDX-License-Identifier: MIT
#include "exec/run_record.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <thread>
#include <utility>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"
#include "devices/process_info.hpp"
#include "exec/record_json.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kPrefix = "run.";
constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr int kRunFileTries = 20;  // to pass the gate
constexpr mode_t kMode = 0644;

bool is_run_file(const std::string& name) { return name.compare(0, kPrefix.size(), kPrefix) == 0; }

template <class T>
void write(JsonTree& tree, const char* key, const std::optional<T>& value) {
  if (value) tree[key] = *value;
}

JsonTree list_of(const JsonTree& tree, const char* key) {
  const auto found = tree.find(key);
  return found != tree.end() && found->is_array() ? *found : JsonTree::array();
}

JsonTree tree_of(const SlotIdle& idle) {
  return {{"slot", idle.slot},
          {"trials", idle.trials},
          {"gaps", idle.gaps},
          {"busy_seconds", idle.busy_seconds},
          {"idle_seconds", idle.idle_seconds},
          {"p50_seconds", idle.p50_seconds},
          {"p95_seconds", idle.p95_seconds}};
}

SlotIdle idle_of(const JsonTree& tree) {
  SlotIdle idle;
  read_member(tree, "slot", idle.slot);
  read_member(tree, "trials", idle.trials);
  read_member(tree, "gaps", idle.gaps);
  read_member(tree, "busy_seconds", idle.busy_seconds);
  read_member(tree, "idle_seconds", idle.idle_seconds);
  read_member(tree, "p50_seconds", idle.p50_seconds);
  read_member(tree, "p95_seconds", idle.p95_seconds);
  return idle;
}

JsonTree tree_of(const RunningTrial& trial) {
  JsonTree tree = {{"trial", trial.number}, {"pid", trial.pid}, {"slots", trial.slots}, {"since_ns", trial.since_ns}};
  write(tree, "peak_host", trial.peak_host);
  write(tree, "utilisation", trial.utilisation);
  write(tree, "power_watts", trial.power_watts);
  write(tree, "memory_used", trial.memory_used);
  write(tree, "memory_total", trial.memory_total);
  return tree;
}

RunningTrial trial_of(const JsonTree& tree) {
  RunningTrial trial;
  read_member(tree, "trial", trial.number);
  read_member(tree, "pid", trial.pid);
  read_member(tree, "since_ns", trial.since_ns);
  for (const JsonTree& slot : list_of(tree, "slots")) {
    if (slot.is_string()) trial.slots.push_back(slot.get<std::string>());
  }
  read_member(tree, "peak_host", trial.peak_host);
  read_member(tree, "utilisation", trial.utilisation);
  read_member(tree, "power_watts", trial.power_watts);
  read_member(tree, "memory_used", trial.memory_used);
  read_member(tree, "memory_total", trial.memory_total);
  return trial;
}

std::string read_record(const UniqueFd& file) {
  std::string text;
  char bytes[16384];
  ssize_t n = 0;
  while (text.size() < kMostBytes &&
         (n = ::pread(file.get(), bytes, sizeof bytes, static_cast<off_t>(text.size()))) > 0) {
    text.append(bytes, static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace

std::string RunRecord::text() const {
  JsonTree tree = {{"pid", pid},           {"study", study},       {"storage", storage},   {"workers", workers},
                   {"since_ns", since_ns}, {"at_ns", at_ns},       {"finished", finished}, {"waiting", waiting},
                   {"reason", reason},     {"idle", tree_of(idle)}};
  write(tree, "n_trials", n_trials);
  tree["running"] = JsonTree::array();
  for (const RunningTrial& trial : running) {
    tree["running"].push_back(tree_of(trial));
  }
  tree["slots"] = JsonTree::array();
  for (const SlotIdle& slot : idle_slots) {
    tree["slots"].push_back(tree_of(slot));
  }
  return dump_json(tree) + "\n";
}

std::optional<RunRecord> RunRecord::parse(const std::string& text) {
  const JsonTree tree = record_tree(text);
  if (tree.empty()) {
    return std::nullopt;
  }
  RunRecord record;
  read_member(tree, "pid", record.pid);
  read_member(tree, "study", record.study);
  read_member(tree, "storage", record.storage);
  read_member(tree, "workers", record.workers);
  read_member(tree, "since_ns", record.since_ns);
  read_member(tree, "at_ns", record.at_ns);
  read_member(tree, "finished", record.finished);
  read_member(tree, "n_trials", record.n_trials);
  read_member(tree, "waiting", record.waiting);
  read_member(tree, "reason", record.reason);
  for (const JsonTree& trial : list_of(tree, "running")) {
    if (trial.is_object()) record.running.push_back(trial_of(trial));
  }
  for (const JsonTree& slot : list_of(tree, "slots")) {
    if (slot.is_object()) record.idle_slots.push_back(idle_of(slot));
  }
  if (const auto idle = tree.find("idle"); idle != tree.end() && idle->is_object()) {
    record.idle = idle_of(*idle);
  }
  return record;
}

RunFile::RunFile() : files_(LockFolder::default_path()) {
  std::random_device random;
  name_ = fmt::format("{}{}.{:08x}", kPrefix, ::getpid(), random());
  for (int i = 0; i < kRunFileTries; ++i) {
    // Others take a file without a lock for a dead run's; they look with the gate held.
    if (const SlotFiles::Gate gate(files_); gate) {
      file_ = files_.folder().open(name_);
      if (try_lock(file_)) {
        ::fchmod(file_.get(), kMode);
        return;
      }
    }
  }
  throw Error(ErrorCode::kUnavailable,
              fmt::format("{}/gate is locked by a process that does not give it back", files_.folder().path()));
}

RunFile::~RunFile() { files_.folder().remove(name_); }

void RunFile::write(const RunRecord& record) noexcept {
  try {
    write_file(file_, record.text());
  } catch (...) {  // no memory: others see what was written before
  }
}

std::vector<RunRecord> living_runs() {
  const std::string path = LockFolder::default_path();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return {};
  }
  const SlotFiles files(path);
  const SlotFiles::Gate gate(files);
  std::vector<RunRecord> runs;
  for (const std::string& name : files.folder().names()) {
    if (!is_run_file(name)) {
      continue;
    }
    const UniqueFd file = files.folder().open_existing(name);
    if (!file) {
      continue;
    }
    if (!is_locked(file)) {
      if (gate) files.folder().remove(name);  // in vain for files of other users
      continue;
    }
    if (auto run = RunRecord::parse(read_record(file))) {
      run->user = user_name(owner_of(file));
      runs.push_back(std::move(*run));
    }
  }
  std::sort(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) { return a.pid < b.pid; });
  return runs;
}

}  // namespace bluefin
