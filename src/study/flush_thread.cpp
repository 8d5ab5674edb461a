// SPDX-License-Identifier: MIT
#include "study/flush_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <thread>

namespace bluefin {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(250);

// Shared by all that flush, alone for whoever forks: a child must not begin in the middle of a flush, with locks held
// by a thread that it does not have. Never destroyed: threads may outlive the end of main().
std::shared_mutex& flushing() {
  static auto* const mutex = [] {
    // The child has a new one: in it the lock belongs to a thread of the parent, and cannot be given back.
    pthread_atfork([] { flushing().lock(); }, [] { flushing().unlock(); }, [] { new (&flushing()) std::shared_mutex; });
    return new std::shared_mutex;
  }();
  return *mutex;
}

}  // namespace

struct FlushThread::State {
  explicit State(std::function<bool()> f) : flush(std::move(f)) {}

  const std::function<bool()> flush;
  std::atomic<pid_t> process = 0;  // that has the thread; 0: none has begun
  std::mutex mutex;                // guards everything below
  std::condition_variable changed;
  std::condition_variable ended;
  bool is_awake = false;
  bool ends = false;
  bool has_ended = false;

  void run() {
    std::unique_lock lock(mutex);
    while (!ends) {
      changed.wait(lock, [&] { return is_awake || ends; });
      if (changed.wait_for(lock, kInterval, [&] { return ends; })) break;
      is_awake = false;  // a trial that begins from here on counts
      lock.unlock();
      bool any = false;
      {
        const std::shared_lock no_fork(flushing());
        any = flush();
      }
      lock.lock();
      is_awake |= any;
    }
    has_ended = true;
    ended.notify_one();
  }
};

FlushThread::FlushThread(std::function<bool()> flush) : state_(std::make_unique<State>(std::move(flush))) {}

FlushThread::~FlushThread() {
  const pid_t process = state_->process;
  if (process == 0) return;
  if (process != getpid()) {
    // Its locks are as the parent's thread had them, and a condition that a thread waits for cannot be destroyed.
    static_cast<void>(state_.release());
    return;
  }
  std::unique_lock lock(state_->mutex);
  state_->ends = true;
  state_->changed.notify_one();
  state_->ended.wait(lock, [&] { return state_->has_ended; });
}

void FlushThread::wake() {
  if (const pid_t process = state_->process; process != 0 && process != getpid()) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->is_awake) return;
  if (state_->process == 0) {
    flushing();
    // Detached: a std::thread could neither be joined nor destroyed in a child after fork().
    std::thread([state = state_.get()] { state->run(); }).detach();
    state_->process = getpid();
  }
  state_->is_awake = true;
  state_->changed.notify_one();
}

}  // namespace bluefin
