// SPDX-License-Identifier: MIT
// What the tests of the supervisor share.
#pragma once

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bluefin/pruners/nop.hpp"
#include "bluefin/supervisor.hpp"

namespace bluefin::testing {

inline std::string tool(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tools" / name).string();
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bluefin-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline Study memory_study(std::vector<Direction> directions = {Direction::kMinimize},
                          const std::string& pruner = "nop") {
  StudyOptions options;
  options.name = "s";
  options.directions = std::move(directions);
  options.sampler = make_sampler("random");
  options.pruner = make_pruner(pruner, pruner == "median" ? OptionMap{{"n_startup_trials", 1}} : OptionMap{});
  options.seed = 1;
  return create_study(options);
}

inline SupervisorOptions options_for(std::vector<std::string> command, int n_trials) {
  SupervisorOptions options;
  options.command = std::move(command);
  options.n_trials = n_trials;
  options.max_failures_in_row = 0;
  options.grace = std::chrono::milliseconds(200);
  return options;
}

inline std::string attribute(const FrozenTrial& trial, const char* key) {
  const Json* value = find_attribute(trial.user_attrs, key);
  return value != nullptr ? value->as_string().value_or(value->text()) : "";
}

// The only trial of a run of one.
struct OneTrial {
  FrozenTrial trial;
  SupervisorSummary summary;
  std::string fail() const { return text("bluefin:fail"); }
  std::string error() const { return text("bluefin:error"); }
  std::string text(const char* key) const { return attribute(trial, key); }
};

inline OneTrial run_one(Study study, const SupervisorOptions& options) {
  OneTrial result;
  result.summary = run_supervised(study, options);
  result.trial = *study.trials().back();
  return result;
}
inline OneTrial run_tool(std::vector<std::string> arguments, Study study = memory_study()) {
  arguments.insert(arguments.begin(), tool("trial_program"));
  return run_one(std::move(study), options_for(std::move(arguments), 1));
}
inline OneTrial run_shell(const std::string& script, Study study = memory_study()) {
  return run_one(std::move(study), options_for({"/bin/sh", "-c", script}, 1));
}

// Waits for something that another process does; false after ten seconds.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

inline std::vector<pid_t> read_pids(const std::string& path) {
  std::vector<pid_t> pids;
  std::ifstream file(path);
  for (pid_t pid = 0; file >> pid;) {
    pids.push_back(pid);
  }
  return pids;
}

// Neither running nor waiting to be collected.
inline bool is_gone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number;
  std::string name;
  std::string state;
  return !(file >> number >> name >> state) || state == "Z" || state == "X";
}

}  // namespace bluefin::testing
