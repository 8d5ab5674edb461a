// SPDX-License-Identifier: MIT
#include "storage/sqlite_fork.hpp"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <utility>

namespace bluefin {
namespace {

// In the order in which SQLite may take one while it has another: memory comes last.
constexpr std::array<int, 8> kStatic{SQLITE_MUTEX_STATIC_MAIN, SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_VFS1,
                                     SQLITE_MUTEX_STATIC_VFS2, SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_LRU,
                                     SQLITE_MUTEX_STATIC_PMEM, SQLITE_MUTEX_STATIC_MEM};

std::atomic<std::mutex*> g_ours{nullptr};   // null: SQLite is not used
thread_local std::mutex* g_held = nullptr;  // between prepare() and release()
dev_t g_salt = 0;

void prepare() {
  g_held = g_ours;
  if (g_held == nullptr) return;
  g_held->lock();
  for (const int which : kStatic) sqlite3_mutex_enter(sqlite3_mutex_alloc(which));
}

void release() {
  std::mutex* const ours = std::exchange(g_held, nullptr);
  if (ours == nullptr) return;
  for (auto which = kStatic.rbegin(); which != kStatic.rend(); ++which)
    sqlite3_mutex_leave(sqlite3_mutex_alloc(*which));
  ours->unlock();
}

// SQLite asks for no more than device and inode by them, to know a file again, and for sizes. By both: one of them
// alone would lead it to the parent's entry of the file, whose mutex a thread of the parent may have held.
int fstat_of_child(int descriptor, struct stat* status) {
  const int result = fstat(descriptor, status);
  status->st_dev ^= g_salt;
  return result;
}
int stat_of_child(const char* path, struct stat* status) {
  const int result = stat(path, status);
  status->st_dev ^= g_salt;
  return result;
}

void begin_child() {
  release();
  if (g_ours == nullptr) return;
  // Another one in each generation: a grandchild is not its parent either.
  g_salt += dev_t{1} << 40;
  if (sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr); vfs != nullptr && vfs->iVersion >= 3 && g_salt == dev_t{1} << 40) {
    vfs->xSetSystemCall(vfs, "fstat", reinterpret_cast<sqlite3_syscall_ptr>(fstat_of_child));
    vfs->xSetSystemCall(vfs, "stat", reinterpret_cast<sqlite3_syscall_ptr>(stat_of_child));
  }
}

// While the program is loaded: handlers of a later registration, which wait for threads that use SQLite, have to come
// before these when the process forks.
[[maybe_unused]] const int registered = pthread_atfork(prepare, release, begin_child);

}  // namespace

void let_sqlite_fork(std::mutex& ours) { g_ours = &ours; }

}  // namespace bluefin
