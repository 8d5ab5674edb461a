// SPDX-License-Identifier: MIT
#include "exec/strays.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>

#include "exec/process_tree.hpp"

namespace bluefin {

Strays::Strays(bool sole_parent)
    : sole_parent_(sole_parent),
      run_(fmt::format("{}-{:x}", ::getpid(), std::chrono::steady_clock::now().time_since_epoch().count())) {
  ::prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper_);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const pid_t pid : children_of(::getpid())) {
    children_.insert(pid);
  }
}

Strays::~Strays() { ::prctl(PR_SET_CHILD_SUBREAPER, was_subreaper_); }

std::string Strays::mark(int program) const { return fmt::format("{}.{:010}", run_, program); }

void Strays::begin(int program, pid_t group) {
  groups_.erase(group);  // the number is used again
  running_[program] = {next_++, group};
}

void Strays::end(int program) {
  if (const auto it = running_.find(program); it != running_.end()) {
    groups_.insert(it->second.group);
    running_.erase(it);
  }
}

Strays::Stray Strays::identify(pid_t pid) const {
  Stray stray{-1, next_};
  const std::string text = initial_variable(pid, kVariable);
  if (text.compare(0, run_.size() + 1, run_ + ".") == 0) {
    std::from_chars(text.data() + run_.size() + 1, text.data() + text.size(), stray.program);
  }
  return stray;
}

bool Strays::is_over(const Stray& stray) const {
  if (stray.program >= 0) {
    return running_.count(stray.program) == 0;
  }
  return sole_parent_ && std::none_of(running_.begin(), running_.end(),
                                      [&](const auto& program) { return program.second.begun < stray.seen; });
}

bool Strays::look() noexcept {
  bool dying = false;
  try {
    // The groups themselves have been killed; nobody else has children in them.
    for (const pid_t group : groups_) {
      while (::waitpid(-group, nullptr, WNOHANG) > 0) {
      }
    }
    std::map<pid_t, Stray> left;
    for (const pid_t pid : children_of(::getpid())) {
      if (children_.count(pid) > 0) {
        continue;
      }
      const auto known = strays_.find(pid);
      const Stray stray = known != strays_.end() ? known->second : identify(pid);
      // Of one that is dying the environment is empty, but it is still in the group.
      const bool is_killed = groups_.count(::getpgid(pid)) > 0;
      const bool ours = sole_parent_ || stray.program >= 0 || is_killed;
      if (ours && ::waitpid(pid, nullptr, WNOHANG) == pid) {
        dying = true;  // its children are ours now
        continue;
      }
      if (is_killed || is_over(stray)) {
        ::kill(pid, SIGKILL);
        dying = true;
      }
      left.emplace(pid, stray);
    }
    strays_ = std::move(left);
    if (!dying) {
      groups_.clear();
    }
  } catch (const std::exception&) {  // no memory, no descriptor: another time
    dying = true;
  }
  return dying;
}

std::vector<pid_t> Strays::of(int program) const {
  std::vector<pid_t> found;
  for (const auto& [pid, stray] : strays_) {
    if (stray.program == program) {
      found.push_back(pid);
    }
  }
  return found;
}

}  // namespace bluefin
