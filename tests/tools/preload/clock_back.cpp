// SPDX-License-Identifier: MIT
// For LD_PRELOAD: the wall clock of the process is set back by an hour again and again, each time it was asked 40
// times. The monotonic clock goes on.
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

#include <atomic>

namespace {

time_t step_back() {
  static std::atomic<time_t> asked{0};
  return asked++ / 40 * 3600;
}

int real_clock_gettime(clockid_t clock, timespec* time) {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "clock_gettime"));
  return real(clock, time);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* result) noexcept {
  const int code = real_clock_gettime(clock, result);
  if (code == 0 && clock == CLOCK_REALTIME) result->tv_sec -= step_back();
  return code;
}

int gettimeofday(timeval* result, void* /*zone*/) noexcept {
  timespec now{};
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  *result = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
