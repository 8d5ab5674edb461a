// SPDX-License-Identifier: MIT
#include "storage/own_descriptor.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace bluefin {

struct OwnDescriptor::Slot {
  std::atomic<int> descriptor{-1};
  std::atomic<bool> used{true};
  Slot* next = nullptr;
};

// All that there ever were; those that are not used any more are used again. Without a mutex: another thread may have
// it when a process forks, and one that fork() waits for could be a part of a circle. A fork between open() and the
// next instruction is therefore missed.
struct OwnDescriptor::Slots {
  static inline std::atomic<Slot*> first{nullptr};

  static Slot* take() {
    static const int registered = pthread_atfork(nullptr, nullptr, &Slots::close_all);
    static_cast<void>(registered);
    for (Slot* slot = first; slot != nullptr; slot = slot->next) {
      bool used = false;
      if (slot->used.compare_exchange_strong(used, true)) return slot;
    }
    auto* const slot = new Slot;
    slot->next = first;
    while (!first.compare_exchange_weak(slot->next, slot)) {
    }
    return slot;
  }

  static void close_all() {  // in the child: only what is allowed in a handler of signals
    for (Slot* slot = first; slot != nullptr; slot = slot->next) {
      if (const int descriptor = slot->descriptor.exchange(-1); descriptor >= 0) ::close(descriptor);
    }
  }
};

OwnDescriptor::~OwnDescriptor() {
  close();
  if (slot_ != nullptr) slot_->used = false;
}

bool OwnDescriptor::open(const char* path, int flags, mode_t mode) {
  if (slot_ == nullptr) slot_ = Slots::take();
  close();
  slot_->descriptor = ::open(path, flags | O_CLOEXEC, mode);
  return slot_->descriptor >= 0;
}

int OwnDescriptor::get() const { return slot_ == nullptr ? -1 : slot_->descriptor.load(); }

void OwnDescriptor::close() {
  if (slot_ == nullptr) return;
  if (const int descriptor = slot_->descriptor.exchange(-1); descriptor >= 0) ::close(descriptor);
}

}  // namespace bluefin
