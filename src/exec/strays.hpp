// SPDX-License-Identifier: MIT
// Processes that have left their trial's group, and whose own parents have ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace bluefin {

// A program here is one that the supervisor has started for a trial, or ahead of one; it is over when the trial is.
// While it lives the kernel gives such processes to this one (PR_SET_CHILD_SUBREAPER) instead of to init, so that none
// gets out of sight. To which program each belongs is read from a variable of its environment, the program's mark.
// Without one (`env -i`) it belongs to one that was running when it was first seen, and ends when all of these have
// ended.
class Strays {
 public:
  static constexpr const char* kVariable = "BLUEFIN_MARK";

  // sole_parent: only trials have processes here. Otherwise whatever else this process has started is left alone: what
  // bears no mark is not ended, and not waited for.
  explicit Strays(bool sole_parent);
  Strays(const Strays&) = delete;
  Strays& operator=(const Strays&) = delete;
  ~Strays();

  // What all marks of this run begin with.
  const std::string& run() const { return run_; }
  // The number of a program that is to be started.
  int new_program() { return programs_++; }
  // All of a run are of one length, so that a process that is forked instead of started can be given its own.
  std::string mark(int program) const;

  // A child that somebody else waits for.
  void add_child(pid_t pid) { children_.insert(pid); }
  void remove_child(pid_t pid) { children_.erase(pid); }
  // From its beginning to its end what bears a program's mark is let live.
  void begin(int program, pid_t group);
  void end(int program);

  // Kills those whose program has ended and collects those that have ended. True: some are still dying, look again.
  bool look() noexcept;
  // Those of a running program that were seen when look() was last called.
  std::vector<pid_t> of(int program) const;

 private:
  struct Running {
    std::uint64_t begun = 0;
    pid_t group = 0;
  };
  struct Stray {
    int program = -1;        // -1: it bears no mark
    std::uint64_t seen = 0;  // programs that had begun before that
  };

  Stray identify(pid_t pid) const;
  bool is_over(const Stray& stray) const;

  const bool sole_parent_;
  const std::string run_;
  int was_subreaper_ = 0;
  std::set<pid_t> children_;  // those that were there before, and add_child()
  std::set<pid_t> groups_;    // of programs that have ended a moment ago
  std::map<int, Running> running_;
  int programs_ = 0;
  std::map<pid_t, Stray> strays_;
  std::uint64_t next_ = 0;
};

}  // namespace bluefin
