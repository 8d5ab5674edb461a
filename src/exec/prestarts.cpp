// SPDX-License-Identifier: MIT
#include "exec/prestarts.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "bluefin/log.hpp"
#include "exec/exit_class.hpp"
#include "exec/output_tail.hpp"
#include "exec/process_tree.hpp"
#include "exec/protocol.hpp"
#include "exec/read_some.hpp"

namespace bluefin {
namespace {

using namespace std::chrono_literals;

constexpr int kMostDeaths = 2;
constexpr auto kSurplus = 1s;                // so long a program waits for a slot that somebody else may have now
constexpr std::size_t kLongestHello = 4096;  // bytes

// What a program's slot has to have for a trial to be begun there.
std::string devices_of(const SlotLease* lease) {
  std::string devices;
  if (lease != nullptr) {
    for (const Device& device : lease->devices()) {
      devices += device.uuid + ",";
    }
  }
  return devices;
}

bool is_readable(const UniqueFd& fd) {
  pollfd one{fd.get(), POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

// The last line of what it has printed, of standard error if there is any.
std::string last_words(ChildProcess& child) {
  for (UniqueFd* output : {&child.standard_error, &child.standard_output}) {
    OutputTail tail;
    read_some(*output, [&](std::string_view bytes) { tail.append(bytes); });
    if (const std::string text = tail.text(); !text.empty()) {
      return ": " + text.substr(text.rfind('\n') + 1);
    }
  }
  return "";
}

}  // namespace

Prestarts::Prestarts(const SupervisorOptions& options, TrialStarter& starter, Strays& strays, Guard& guard)
    : starter_(starter),
      strays_(strays),
      guard_(guard),
      mode_(starter.has_placeholders() ? Prestart::kOff : options.prestart),
      pace_(mode_) {}

// --- which and when --------------------------------------------------------------------------------------------------

void Prestarts::look(const Runs& running, std::optional<int> room, Clock::time_point now) {
  if (mode_ == Prestart::kOff && waiting_.empty()) {
    return;
  }
  drop_dead(now);
  drop_surplus(running, room, now);
  for (const auto& run : running) {
    const auto ready = run->ready_at();
    if (!ready) {
      continue;
    }
    const auto [seen, is_new] = seen_.emplace(run->number(), false);
    if (is_new && !run->was_ahead()) {
      pace_.started_up(*ready - run->begin());
      able_ = run->can_be_ahead();
    }
    const auto delay = pace_.delay();
    if (seen->second || !may_start_beside(*run) || !delay || now < *ready + *delay) {
      continue;
    }
    seen->second = true;
    const std::string devices = devices_of(run->lease());
    const auto n_waiting = std::count_if(waiting_.begin(), waiting_.end(),
                                         [&](const auto& one) { return !one->awaited && one->devices == devices; });
    const auto n_running = std::count_if(running.begin(), running.end(),
                                         [&](const auto& other) { return devices_of(other->lease()) == devices; });
    if (n_waiting < n_running && (!room || static_cast<int>(waiting_.size()) < *room)) {
      start_beside(*run, now);
    }
  }
}

bool Prestarts::may_start_beside(const TrialRun& run) const {
  // A program that makes itself a context on its GPU before its trial begins takes memory that is another trial's.
  const bool on_gpu = run.lease() != nullptr && !run.lease()->devices().empty();
  return able_ && (mode_ == Prestart::kOn || (mode_ == Prestart::kAuto && !on_gpu));
}

void Prestarts::start_beside(const TrialRun& run, Clock::time_point now) {
  auto one = std::make_unique<Prestarted>();
  one->mark = strays_.new_program();
  one->devices = devices_of(run.lease());
  one->begun = now;
  try {
    one->child = starter_.start_ahead(run.lease(), strays_.mark(one->mark));
  } catch (const Error& error) {
    return give_up(error.what());
  }
  guard_.add(one->child->pid());
  strays_.add_child(one->child->pid());
  strays_.begin(one->mark, one->child->pid());
  waiting_.push_back(std::move(one));
}

void Prestarts::forget(const TrialRun& run, Clock::time_point now) {
  if (run.ready_at()) {
    pace_.trial_took(now - *run.ready_at());
  }
  seen_.erase(run.number());
}

std::optional<Prestarts::Clock::time_point> Prestarts::due(const Runs& running) const {
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point time) { next = next ? std::min(*next, time) : time; };
  if (const auto delay = pace_.delay()) {
    for (const auto& run : running) {
      const auto seen = seen_.find(run->number());
      if (run->ready_at() && (seen == seen_.end() || !seen->second) && may_start_beside(*run)) {
        consider(*run->ready_at() + *delay);
      }
    }
  }
  for (const auto& one : waiting_) {
    if (one->awaited) {
      consider(one->begun + pace_.patience());
    }
  }
  return next;
}

// --- the end of a wait -----------------------------------------------------------------------------------------------

std::unique_ptr<Prestarted> Prestarts::take(const SlotLease* lease) {
  const std::string devices = devices_of(lease);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& one) {
    return !one->awaited && one->devices == devices && state_of(*one) == State::kReady;
  });
  if (found == waiting_.end()) {
    return nullptr;
  }
  std::unique_ptr<Prestarted> one = std::move(*found);
  waiting_.erase(found);
  return one;
}

bool Prestarts::await(std::unique_ptr<SlotLease>& lease) {
  const std::string devices = devices_of(lease.get());
  Prestarted* starting = nullptr;
  for (const auto& one : waiting_) {
    if (one->awaited || one->devices != devices) {
      continue;
    }
    const State state = state_of(*one);
    if (state == State::kReady) {
      return false;
    }
    if (state == State::kUnfit) {
      unfit(*one);
    } else if (starting == nullptr && state == State::kStarting && Clock::now() < one->begun + pace_.patience()) {
      starting = one.get();
    }
  }
  forget_ended();
  if (starting == nullptr) {
    return false;
  }
  starting->awaited = true;
  starting->lease = std::move(lease);
  return true;
}

bool Prestarts::take_awaited(std::unique_ptr<SlotLease>& lease) {
  for (const auto& one : waiting_) {
    if (one->awaited && state_of(*one) == State::kReady) {
      one->awaited = false;
      lease = std::move(one->lease);
      return true;
    }
  }
  return false;
}

int Prestarts::awaited() const {
  return static_cast<int>(
      std::count_if(waiting_.begin(), waiting_.end(), [](const auto& one) { return one->awaited; }));
}

void Prestarts::append_polls(std::vector<pollfd>& polls) const {
  for (const auto& one : waiting_) {
    polls.push_back({one->child->exited.get(), POLLIN, 0});
    if (one->awaited) {
      polls.push_back({one->child->socket.get(), POLLIN, 0});
    }
  }
}

// The hello stays in the socket for the trial that it will be answered for.
Prestarts::State Prestarts::state_of(Prestarted& one) {
  if (is_readable(one.child->exited)) {
    return State::kDead;
  }
  char bytes[kLongestHello];
  const ssize_t n = ::recv(one.child->socket.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (n == 0) {
    one.child->socket.reset();  // it is about to end
  }
  if (n <= 0) {
    return State::kStarting;
  }
  const std::string_view text(bytes, static_cast<std::size_t>(n));
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    return text.size() == kLongestHello ? State::kUnfit : State::kStarting;
  }
  try {
    const JsonTree hello = parse_json(text.substr(0, end));
    if (hello.is_object() && protocol::string_member(hello, "op") == "hello" &&
        hello.value("prestart", JsonTree()) == JsonTree(true)) {
      return State::kReady;
    }
  } catch (const Error&) {
    // No hello, whatever it is.
  }
  return State::kUnfit;
}

// --- those that are of no use ----------------------------------------------------------------------------------------

void Prestarts::drop_dead(Clock::time_point now) {
  for (auto& one : waiting_) {
    const State state = one->awaited ? state_of(*one) : is_readable(one->child->exited) ? State::kDead : State::kReady;
    if (state == State::kDead) {
      died(*one);
    } else if (state == State::kUnfit) {
      unfit(*one);
    } else if (state == State::kStarting && now >= one->begun + pace_.patience()) {
      end(*one);
      give_up("one has not asked for its trial for much longer than others have taken");
    }
  }
  forget_ended();
}

void Prestarts::forget_ended() {
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), [](const auto& one) { return !one->child; }),
                 waiting_.end());
}

void Prestarts::unfit(Prestarted& one) {
  end(one);
  give_up("the program does not ask for its trial as it did at first");
}

void Prestarts::drop_surplus(const Runs& running, std::optional<int> room, Clock::time_point now) {
  const auto drop_one = [&](const auto& is_one) {
    const auto last = std::find_if(waiting_.rbegin(), waiting_.rend(), is_one);
    if (last == waiting_.rend()) {
      return false;
    }
    end(**last);
    waiting_.erase(std::next(last).base());
    return true;
  };
  while (room && static_cast<int>(waiting_.size()) > *room) {
    if (!drop_one([](const auto& one) { return !one->awaited; })) {
      drop_one([](const auto&) { return true; });
    }
  }
  std::map<std::string, int> surplus;
  for (const auto& one : waiting_) {
    surplus[one->devices] += one->awaited ? 0 : 1;
  }
  for (const auto& run : running) {
    --surplus[devices_of(run->lease())];
  }
  for (auto& [devices, count] : surplus) {
    if (count <= 0) {
      surplus_since_.erase(devices);
    } else if (now - surplus_since_.emplace(devices, now).first->second >= kSurplus) {
      while (count-- > 0) {
        drop_one([&, &of = devices](const auto& one) { return !one->awaited && one->devices == of; });
      }
      surplus_since_.erase(devices);
    }
  }
}

void Prestarts::died(Prestarted& one) {
  const std::string how = describe_exit(one.child->reap());
  const std::string words = last_words(*one.child);
  end(one);
  if (++deaths_ <= kMostDeaths) {
    log(LogLevel::kWarning, fmt::format("a program that was started ahead of its trial has ended: {}{}; it costs no "
                                        "trial, and the next one's is started as usual",
                                        how, words));
  }
  if (deaths_ == kMostDeaths) {
    give_up(fmt::format("{} have ended before their trials began", deaths_));
  }
}

void Prestarts::give_up(const std::string& why) {
  if (std::exchange(mode_, Prestart::kOff) != Prestart::kOff) {
    log(LogLevel::kWarning, fmt::format("no program is started ahead of its trial any more (--prestart): {}", why));
  }
}

void Prestarts::obey_memory_limit(std::uint64_t bytes) {
  for (auto& one : waiting_) {
    std::vector<pid_t> roots = strays_.of(one->mark);
    roots.push_back(one->child->pid());
    if (memory_of(with_descendants(roots), bytes) > bytes) {
      one->child->signal_group(SIGKILL);
    }
  }
}

void Prestarts::end(Prestarted& one) noexcept {
  const pid_t pid = one.child->pid();
  one.child.reset();  // kills the group and waits
  one.lease.reset();
  guard_.remove(pid);
  strays_.remove_child(pid);
  strays_.end(one.mark);
}

void Prestarts::end_all() noexcept {
  for (auto& one : waiting_) {
    end(*one);
  }
  waiting_.clear();
}

}  // namespace bluefin
