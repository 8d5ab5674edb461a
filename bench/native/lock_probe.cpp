// SPDX-License-Identifier: MIT
// Loaded before the C library (LD_PRELOAD) into every process of bench/storage, whatever library it measures: notes how
// long the process waits for SQLite's write lock, and makes a slow disk of a fast one.
//
//   BLUEFIN_PROBE_FOLDER   where each process writes PID.waits (WaitFile), in shared memory, so that a process can be
//                          killed at any time
//   BLUEFIN_PROBE_SYNC_MS  what each fsync() and fdatasync() takes longer
//
// A wait begins with the first try to get a lock that leads to writing: bluefin's gate (an flock), or the byte that
// SQLite locks to write (in WAL mode in FILE-shm, else in the file). It ends when that byte is locked. Everybody is
// seen alike, since everybody's SQLite asks the C library, also the one that Rustuna brings.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>

namespace {

constexpr std::uint64_t kMaxWaits = 1U << 22U;  // the file is sparse

// bench/speed/storage.py reads it.
struct WaitFile {
  std::atomic<std::uint64_t> n_waits;
  std::atomic<std::uint64_t> asked_ns;  // a wait that has not ended; 0: none
  struct {
    std::uint64_t asked_ns;  // CLOCK_MONOTONIC
    std::uint64_t waited_ns;
  } waits[kMaxWaits];
};

// https://www.sqlite.org/walformat.html and sqlite3.c, PENDING_BYTE: where SQLite has its locks.
constexpr off_t kWalWriteLock = 120;
constexpr off_t kReservedLock = 0x40000001;

std::uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Null when nothing is to be noted. After fork() the child makes a file of its own.
WaitFile* waits() {
  static const char* const folder = std::getenv("BLUEFIN_PROBE_FOLDER");
  static std::mutex mutex;
  static pid_t owner = 0;
  static WaitFile* file = nullptr;
  if (folder == nullptr) return nullptr;
  const std::lock_guard lock(mutex);
  if (owner == getpid()) return file;
  owner = getpid();
  file = nullptr;
  char path[4096];
  std::snprintf(path, sizeof path, "%s/%d.waits", folder, static_cast<int>(owner));
  const int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor >= 0 && ftruncate(descriptor, sizeof(WaitFile)) == 0) {
    void* memory = mmap(nullptr, sizeof(WaitFile), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory != MAP_FAILED) file = static_cast<WaitFile*>(memory);
  }
  if (descriptor >= 0) close(descriptor);
  if (file == nullptr) std::fprintf(stderr, "lock_probe: %s cannot be written\n", path);
  return file;
}

void asks() {
  if (WaitFile* file = waits(); file != nullptr && file->asked_ns == 0) file->asked_ns = now();
}

void has_it() {
  WaitFile* file = waits();
  if (file == nullptr || file->asked_ns == 0) return;
  const std::uint64_t n = file->n_waits;
  if (n < kMaxWaits) {
    file->waits[n] = {file->asked_ns, now() - file->asked_ns};
    file->n_waits = n + 1;
  }
  file->asked_ns = 0;
}

void gives_up() {
  if (WaitFile* file = waits(); file != nullptr) file->asked_ns = 0;
}

bool is_write_lock(const struct flock& lock) {
  return lock.l_type == F_WRLCK && lock.l_len == 1 && (lock.l_start == kWalWriteLock || lock.l_start == kReservedLock);
}

using Fcntl = int(int, int, ...);

int locking(Fcntl* real, int descriptor, int command, void* argument) {
  const bool locks = command == F_SETLK || command == F_SETLKW;
  if (!locks || !is_write_lock(*static_cast<struct flock*>(argument))) return real(descriptor, command, argument);
  asks();
  const int code = real(descriptor, command, argument);
  if (code == 0) has_it();
  return code;
}

using Sync = int(int);

int slow(Sync* real, int descriptor) {
  static const char* const text = std::getenv("BLUEFIN_PROBE_SYNC_MS");
  static const double millis = text == nullptr ? 0.0 : std::atof(text);
  const int code = real(descriptor);
  if (millis > 0.0) usleep(static_cast<useconds_t>(millis * 1000.0));
  return code;
}

}  // namespace

// NOLINTBEGIN: the C library's names and types.
extern "C" {

int fcntl(int descriptor, int command, ...) {
  static Fcntl* const real = next<Fcntl>("fcntl");
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return locking(real, descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...) {
  static Fcntl* const real = next<Fcntl>("fcntl64");
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return locking(real, descriptor, command, argument);
}

int flock(int descriptor, int operation) {
  static auto* const real = next<int(int, int)>("flock");
  if ((operation & LOCK_EX) != 0) asks();
  const int code = real(descriptor, operation);
  if ((operation & LOCK_UN) != 0) gives_up();
  return code;
}

int fsync(int descriptor) {
  static Sync* const real = next<Sync>("fsync");
  return slow(real, descriptor);
}

int fdatasync(int descriptor) {
  static Sync* const real = next<Sync>("fdatasync");
  return slow(real, descriptor);
}
}
// NOLINTEND
