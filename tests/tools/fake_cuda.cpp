// SPDX-License-Identifier: MIT
// Stands for libcuda.so.1: a shared library with the few functions of CUDA's driver that tests/gpu/zygote_trial.py
// calls. Its GPU is the first of $CUDA_VISIBLE_DEVICES, its memory is the process's. As with the real one, what a
// process has opened cannot be used in a copy of it. With $FAKE_CUDA_THREAD opening it starts a thread, by which that
// can be seen.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

constexpr int kSuccess = 0;
constexpr int kNotInitialized = 3;

pid_t opened_by = 0;

int usable() { return opened_by == ::getpid() ? kSuccess : kNotInitialized; }

}  // namespace

extern "C" {

int cuInit(unsigned /*flags*/) {
  if (opened_by == 0) {
    opened_by = ::getpid();
    if (std::getenv("FAKE_CUDA_THREAD") != nullptr) {
      std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
    }
  }
  return usable();
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return usable();
}

// "GPU-" and 32 hexadecimal digits with dashes between them.
int cuDeviceGetUuid(unsigned char* uuid, int /*device*/) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string all = visible != nullptr ? visible : "";
  std::string digits;
  for (std::size_t i = 4; i < std::min<std::size_t>(all.size(), 40); ++i) {
    if (all[i] != '-') digits += all[i];
  }
  for (std::size_t i = 0; i < 16 && 2 * i + 2 <= digits.size(); ++i) {
    uuid[i] = static_cast<unsigned char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  }
  return usable();
}

int cuDevicePrimaryCtxRetain(void** context, int /*device*/) {
  *context = nullptr;
  return usable();
}

int cuCtxSetCurrent(void* /*context*/) { return usable(); }

int cuMemAlloc_v2(std::uint64_t* memory, std::size_t bytes) {
  if (usable() == kSuccess) *memory = reinterpret_cast<std::uintptr_t>(std::malloc(bytes));
  return usable();
}

int cuMemsetD32_v2(std::uint64_t memory, unsigned value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(reinterpret_cast<char*>(memory) + 4 * i, &value, 4);
  }
  return usable();
}

int cuMemcpyDtoH_v2(void* to, std::uint64_t from, std::size_t bytes) {
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return usable();
}
}
