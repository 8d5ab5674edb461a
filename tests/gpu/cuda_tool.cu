// SPDX-License-Identifier: MIT
// A trial's program for tests/gpu/run: what it does with the GPU is its first argument. It knows nothing of bluefin; what
// it has seen goes into $GPU_TEST_OUT/<trial number>.json, its last line is the trial's value.
//
//   cuda_tool device                     how many GPUs it sees, and their UUIDs
//   cuda_tool spin SECONDS MIB           takes memory and computes so long, in one kernel
//   cuda_tool work SECONDS               a sum over and over; fails if it is ever another one
//   cuda_tool segfault | assert          takes memory, then fails so
//   cuda_tool start                      makes a context and a kernel, and says when it was ready
#include <cuda_runtime.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) {
    std::fprintf(stderr, "%s: CUDA error: %s\n", what, cudaGetErrorString(error));
    std::exit(1);
  }
}

void write_result(const std::string& json) {
  const char* folder = std::getenv("GPU_TEST_OUT");
  const char* number = std::getenv("BLUEFIN_TRIAL_NUMBER");
  if (folder == nullptr) return;
  const std::string path = std::string(folder) + "/" + (number != nullptr ? number : "alone") + ".json";
  const std::string next = path + ".new";
  if (std::FILE* file = std::fopen(next.c_str(), "w")) {
    std::fputs(json.c_str(), file);
    std::fclose(file);
    std::rename(next.c_str(), path.c_str());
  }
}

__global__ void spin(unsigned long long nanoseconds) {
  unsigned long long begin = 0;
  unsigned long long time = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
  do {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  } while (time - begin < nanoseconds);
}

__global__ void sum(const unsigned* values, unsigned count, unsigned* result) {
  unsigned mine = 0;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) mine += values[i];
  atomicAdd(result, mine);
}

__global__ void fault() { asm volatile("trap;"); }

__global__ void nothing() {}

void* take(std::size_t mib) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, mib << 20U), "cudaMalloc");
  check(cudaMemset(memory, 1, mib << 20U), "cudaMemset");
  check(cudaDeviceSynchronize(), "cudaMemset");
  return memory;
}

int device() {
  int count = 0;
  check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  std::string uuids;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
    std::string text = "GPU-";
    for (int byte = 0; byte < 16; ++byte) {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned char>(properties.uuid.bytes[byte]));
      text += (byte == 4 || byte == 6 || byte == 8 || byte == 10 ? "-" : "") + std::string(hex);
    }
    uuids += (i > 0 ? ", \"" : "\"") + text + "\"";
  }
  write_result("{\"count\": " + std::to_string(count) + ", \"uuids\": [" + uuids + "]}\n");
  std::printf("%d\n", count);
  return 0;
}

int spin_for(double seconds, std::size_t mib, double begin) {
  take(mib);
  const double ready = now();
  write_result("{\"begin\": " + std::to_string(begin) + ", \"ready\": " + std::to_string(ready) + "}\n");
  spin<<<1, 1>>>(static_cast<unsigned long long>(seconds * 1e9));
  check(cudaDeviceSynchronize(), "spin");
  write_result("{\"begin\": " + std::to_string(begin) + ", \"ready\": " + std::to_string(ready) + ", \"end\": " +
               std::to_string(now()) + "}\n");
  std::printf("%f\n", now() - ready);
  return 0;
}

int work_for(double seconds) {
  constexpr unsigned kCount = 1U << 24U;
  std::vector<unsigned> host(kCount);
  unsigned expected = 0;
  for (unsigned i = 0; i < kCount; ++i) {
    host[i] = i * 2654435761U;
    expected += host[i];
  }
  void* values = nullptr;
  void* result = nullptr;
  check(cudaMalloc(&values, kCount * sizeof(unsigned)), "cudaMalloc");
  check(cudaMalloc(&result, sizeof(unsigned)), "cudaMalloc");
  check(cudaMemcpy(values, host.data(), kCount * sizeof(unsigned), cudaMemcpyHostToDevice), "cudaMemcpy");
  long rounds = 0;
  for (const double end = now() + seconds; now() < end; ++rounds) {
    check(cudaMemset(result, 0, sizeof(unsigned)), "cudaMemset");
    sum<<<256, 256>>>(static_cast<const unsigned*>(values), kCount, static_cast<unsigned*>(result));
    unsigned is = 0;
    check(cudaMemcpy(&is, result, sizeof is, cudaMemcpyDeviceToHost), "sum");
    if (is != expected) {
      std::fprintf(stderr, "round %ld: the sum is %u, not %u\n", rounds, is, expected);
      return 1;
    }
  }
  std::printf("%ld\n", rounds);
  return 0;
}

int start(double begin) {
  nothing<<<1, 1>>>();
  check(cudaDeviceSynchronize(), "nothing");
  write_result("{\"begin\": " + std::to_string(begin) + ", \"ready\": " + std::to_string(now()) + "}\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // its memory is looked at
  std::printf("0\n");
  return 0;
}

}  // namespace

int cuda_tool(int argc, char** argv) {
  const double begin = now();
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "device") return device();
  if (what == "spin" && argc == 4) return spin_for(std::atof(argv[2]), std::strtoul(argv[3], nullptr, 10), begin);
  if (what == "work" && argc == 3) return work_for(std::atof(argv[2]));
  if (what == "start") return start(begin);
  if (what == "segfault") {
    take(256);
    std::raise(SIGSEGV);
  }
  if (what == "assert") {
    take(256);
    fault<<<1, 1>>>();
    check(cudaDeviceSynchronize(), "fault");
  }
  std::fprintf(stderr, "usage: cuda_tool device | spin SECONDS MIB | work SECONDS | segfault | assert | start\n");
  return 2;
}
