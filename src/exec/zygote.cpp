// SPDX-License-Identifier: MIT
#include "exec/zygote.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/json_nlohmann.hpp"
#include "exec/clock_time.hpp"
#include "exec/descriptor_passing.hpp"
#include "exec/exit_class.hpp"
#include "exec/process_tree.hpp"
#include "exec/read_some.hpp"

namespace bluefin {
namespace {

// Whether it is a child of this process, ended or not.
bool is_child(pid_t pid) {
  siginfo_t info{};
  return pid > 1 && ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

Zygote::Zygote(SpawnOptions options, int program, TrialLog log, Patience patience, Strays& strays, Guard& guard)
    : program_(program),
      log_(std::move(log)),
      patience_(patience),
      strays_(strays),
      guard_(guard),
      state_(State::kLoading),
      begun_(Clock::now()) {
  options.environment.push_back(fmt::format("BLUEFIN_ZYGOTE={}", kChildSocket));
  try {
    child_ = std::make_unique<ChildProcess>(options);
  } catch (const Error& error) {
    give_up(error.what());
    return;
  }
  cpu_set_t own;
  if (::sched_getaffinity(0, sizeof own, &own) == 0) {
    cores_ = own;
  }
  guard_.add(child_->pid());
  strays_.add_child(child_->pid());
  strays_.begin(program_, child_->pid());
}

void Zygote::end() noexcept {
  state_ = State::kGone;
  if (!child_) {
    return;
  }
  const pid_t pid = child_->pid();
  child_.reset();  // kills the group and waits
  guard_.remove(pid);
  strays_.remove_child(pid);
  strays_.end(program_);
}

void Zygote::give_up(const std::string& why) {
  if (state_ == State::kGone) {
    return;
  }
  end();
  log(LogLevel::kWarning,
      fmt::format("no trial is forked from a loaded program any more (--zygote), each starts its own: {}", why));
}

// --- its life --------------------------------------------------------------------------------------------------------

void Zygote::append_polls(std::vector<pollfd>& polls) const {
  const auto add = [&](const UniqueFd ChildProcess::*fd) {
    polls.push_back({child_ ? ((*child_).*fd).get() : -1, POLLIN, 0});
  };
  add(&ChildProcess::socket);
  add(&ChildProcess::standard_output);
  add(&ChildProcess::standard_error);
  add(&ChildProcess::exited);
}

void Zygote::handle(const pollfd* polls) {
  if (!child_) {
    return;
  }
  if (polls[1].revents != 0 || polls[2].revents != 0) {
    read_output();
  }
  if (polls[0].revents != 0) {
    read_socket();
  }
  if (child_ && polls[3].revents != 0) {
    ended();
  }
}

void Zygote::read_output() {
  const auto read = [this](UniqueFd& fd, OutputTail& tail) {
    const auto take = [&](std::string_view bytes) {
      tail.append(bytes);
      log_.append(bytes);
    };
    if (fd && !read_some(fd, take)) {
      fd.reset();
    }
  };
  read(child_->standard_output, output_tail_);
  read(child_->standard_error, error_tail_);
}

// That it is ready. Later it speaks only when it is asked.
void Zygote::read_socket() {
  const bool open = read_some(child_->socket, [this](std::string_view bytes) { lines_.append(bytes); });
  if (const auto line = lines_.next()) {
    try {
      const JsonTree ready = parse_json(*line);
      if (state_ != State::kLoading || protocol::string_member(ready, "op") != "zygote" ||
          protocol::integer_member(ready, "version") != protocol::kVersion) {
        throw Error(ErrorCode::kInvalidArgument, "unasked");
      }
      if (ready.contains("problem")) {
        return give_up(protocol::string_member(ready, "problem"));
      }
      state_ = State::kReady;
    } catch (const Error&) {
      return give_up("it says something else than docs/protocol.md: " + line->substr(0, 200));
    }
  } else if (lines_.too_long()) {
    return give_up("it says something else than docs/protocol.md");
  }
  if (!open) {
    child_->socket.reset();  // it is about to end
  }
}

void Zygote::ended() {
  const bool loading = is_loading();
  const std::string how = describe_exit(child_->reap());
  read_output();
  std::string words = error_tail_.text();
  if (words.empty()) {
    words = output_tail_.text();
  }
  if (!words.empty()) {
    words = ": " + words.substr(words.rfind('\n') + 1);
  }
  give_up(fmt::format("it has ended{}: {}{}", loading ? " while it was loading" : "", how, words));
}

std::optional<Zygote::Clock::time_point> Zygote::due() const {
  return is_loading() ? std::optional(begun_ + patience_.load) : std::nullopt;
}

void Zygote::look(Clock::time_point now) {
  if (is_loading() && now >= begun_ + patience_.load) {
    give_up(fmt::format("it has not loaded within {}", seconds_text(patience_.load)));
  }
}

void Zygote::obey_memory_limit(std::uint64_t bytes) {
  if (!child_) {
    return;
  }
  std::vector<pid_t> roots = strays_.of(program_);
  roots.push_back(child_->pid());
  if (memory_of(with_descendants(roots), bytes) > bytes) {
    give_up("it has more memory than a trial may have (memory_limit)");
  }
}

// --- a trial's process -----------------------------------------------------------------------------------------------

std::unique_ptr<ChildProcess> Zygote::fork(const Variables& variables, const std::vector<int>& inherited,
                                           const std::optional<cpu_set_t>& cores) {
  if (!is_ready()) {
    return nullptr;
  }
  ChildPipes pipes;
  JsonTree environment = JsonTree::object();
  for (const auto& [name, value] : variables) {
    environment[name] = value;
  }
  std::vector<int> descriptors = {pipes.child_socket.get(), pipes.child_output.get(), pipes.child_error.get()};
  descriptors.insert(descriptors.end(), inherited.begin(), inherited.end());
  const std::string request = dump_json(JsonTree{{"op", "fork"}, {"environment", environment}}) + "\n";
  const Clock::time_point end = Clock::now() + patience_.fork;
  std::string line;
  std::string problem;
  if (!keep_to(cores)) {
    problem = fmt::format("its cores cannot be chosen: {}", std::strerror(errno));
  }
  if (problem.empty()) problem = send_request(request, descriptors, end);
  if (problem.empty()) problem = receive_reply(line, end);
  if (!problem.empty()) {
    give_up(problem);
    return nullptr;
  }
  pid_t pid = -1;
  try {
    const JsonTree reply = parse_json(line);
    if (!reply.value("ok", false)) {
      give_up(protocol::string_member(protocol::member(reply, "error"), "message"));
      return nullptr;
    }
    pid = static_cast<pid_t>(protocol::integer_member(reply, "pid"));
  } catch (const Error&) {
    give_up("it says something else than docs/protocol.md: " + line.substr(0, 200));
    return nullptr;
  }
  if (!is_child(pid)) {
    // A program that adopts orphans itself. The process finds its socket closed and ends.
    give_up("the processes that it forks do not become children of this one");
    return nullptr;
  }
  return std::make_unique<ChildProcess>(pid, std::move(pipes));
}

// What it forks keeps to the same cores. It has one thread, and does nothing in between.
bool Zygote::keep_to(const std::optional<cpu_set_t>& cores) {
  cpu_set_t wanted;
  if (cores) {
    wanted = *cores;
  } else if (::sched_getaffinity(0, sizeof wanted, &wanted) != 0) {
    return false;
  }
  if (cores_ && CPU_EQUAL(&*cores_, &wanted)) {
    return true;
  }
  cores_ = wanted;
  return ::sched_setaffinity(child_->pid(), sizeof wanted, &wanted) == 0;
}

std::string Zygote::wait_for(short events, Clock::time_point end) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd polls[] = {{child_->socket.get(), events, 0},
                      {child_->exited.get(), POLLIN, 0},
                      {child_->standard_output.get(), POLLIN, 0},
                      {child_->standard_error.get(), POLLIN, 0}};
    const int n = ::poll(polls, 4, static_cast<int>(std::max<decltype(left)>(left, 0)));
    if (n < 0 && errno != EINTR) {
      return fmt::format("poll: {}", std::strerror(errno));
    }
    if (n > 0 && polls[0].revents != 0) {
      return "";
    }
    if (n > 0 && polls[1].revents != 0) {
      return "it has ended: " + describe_exit(child_->reap());
    }
    if (n > 0) {
      read_output();  // a full pipe must not keep it from answering
    } else if (n == 0 && left <= 0) {
      return fmt::format("it has not answered for {}", seconds_text(patience_.fork));
    }
  }
}

std::string Zygote::send_request(const std::string& line, const std::vector<int>& descriptors, Clock::time_point end) {
  if (!child_->socket) {
    return wait_for_end(end);  // a process that is killed closes its files before its end can be seen
  }
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = send_with_descriptors(child_->socket.get(), std::string_view(line).substr(sent),
                                            sent == 0 ? descriptors : std::vector<int>());
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (std::string problem = wait_for(POLLOUT, end); !problem.empty()) {
        return problem;
      }
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return wait_for_end(end);
    } else if (errno != EINTR) {
      return fmt::format("it cannot be asked: {}", std::strerror(errno));
    }
  }
  return "";
}

std::string Zygote::receive_reply(std::string& line, Clock::time_point end) {
  while (true) {
    if (auto next = lines_.next()) {
      line = std::move(*next);
      return "";
    }
    if (lines_.too_long()) {
      return "it says something else than docs/protocol.md";
    }
    if (std::string problem = wait_for(POLLIN, end); !problem.empty()) {
      return problem;
    }
    if (!read_some(child_->socket, [this](std::string_view bytes) { lines_.append(bytes); })) {
      return wait_for_end(end);
    }
  }
}

std::string Zygote::wait_for_end(Clock::time_point end) {
  child_->socket.reset();  // poll() ignores it then
  return wait_for(POLLIN, end);
}

}  // namespace bluefin
