// SPDX-License-Identifier: MIT
#include "kernel.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace cuda_kernel {
namespace {

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": CUDA error: " + cudaGetErrorString(error));
  }
}

// Memory of the GPU that is given back.
class Buffer {
 public:
  explicit Buffer(std::size_t floats) { check(cudaMalloc(&data_, floats * sizeof(float)), "cudaMalloc"); }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* get() const { return static_cast<float*>(data_); }

 private:
  void* data_ = nullptr;
};

// Each block computes a square of C with an edge of blockDim.x * kTile. It walks along a row of A and a column of B,
// `depth` elements at a time, which its threads bring into shared memory together.
template <int kTile, int kUnroll>
__global__ void multiply(const float* a, const float* b, float* c, int n, int depth) {
  extern __shared__ float shared[];
  const int edge = blockDim.x * kTile;
  float* const of_a = shared;                 // [depth][edge]
  float* const of_b = shared + depth * edge;  // [depth][edge]
  const int row0 = blockIdx.y * edge;
  const int column0 = blockIdx.x * edge;
  const int thread = threadIdx.y * blockDim.x + threadIdx.x;
  const int threads = blockDim.x * blockDim.y;
  float sums[kTile][kTile] = {};

  for (int k0 = 0; k0 < n; k0 += depth) {
    for (int i = thread; i < depth * edge; i += threads) {
      const int row = row0 + i / depth;
      const int k = k0 + i % depth;
      of_a[(i % depth) * edge + i / depth] = row < n && k < n ? a[static_cast<std::size_t>(row) * n + k] : 0.0F;
    }
    for (int i = thread; i < depth * edge; i += threads) {
      const int k = k0 + i / edge;
      const int column = column0 + i % edge;
      of_b[i] = k < n && column < n ? b[static_cast<std::size_t>(k) * n + column] : 0.0F;
    }
    __syncthreads();
#pragma unroll(kUnroll)
    for (int k = 0; k < depth; ++k) {
      float left[kTile];
      float right[kTile];
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
        left[i] = of_a[k * edge + threadIdx.y + i * blockDim.y];
        right[i] = of_b[k * edge + threadIdx.x + i * blockDim.x];
      }
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
#pragma unroll
        for (int j = 0; j < kTile; ++j) sums[i][j] += left[i] * right[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kTile; ++i) {
#pragma unroll
    for (int j = 0; j < kTile; ++j) {
      const int row = row0 + threadIdx.y + i * blockDim.y;
      const int column = column0 + threadIdx.x + j * blockDim.x;
      if (row < n && column < n) c[static_cast<std::size_t>(row) * n + column] = sums[i][j];
    }
  }
}

using Kernel = void (*)(const float*, const float*, float*, int, int);

template <int kTile>
Kernel kernel_of(int unroll) {
  switch (unroll) {
    case 1:
      return multiply<kTile, 1>;
    case 2:
      return multiply<kTile, 2>;
    case 4:
      return multiply<kTile, 4>;
    case 8:
      return multiply<kTile, 8>;
    default:
      throw std::runtime_error("unroll = " + std::to_string(unroll) + ", must be 1, 2, 4 or 8");
  }
}

Kernel kernel_of(const Configuration& configuration) {
  switch (configuration.tile) {
    case 1:
      return kernel_of<1>(configuration.unroll);
    case 2:
      return kernel_of<2>(configuration.unroll);
    case 4:
      return kernel_of<4>(configuration.unroll);
    case 8:
      return kernel_of<8>(configuration.unroll);
    default:
      throw std::runtime_error("tile = " + std::to_string(configuration.tile) + ", must be 1, 2, 4 or 8");
  }
}

// The same numbers in every run, between -1 and 1.
std::vector<float> numbers(std::size_t count, std::uint32_t seed) {
  std::vector<float> result(count);
  for (float& number : result) {
    seed = seed * 1664525U + 1013904223U;
    number = static_cast<float>(seed >> 8U) * (2.0F / 16777216.0F) - 1.0F;
  }
  return result;
}

// A kernel that is fast and wrong must not win: some elements are computed once more.
void check_product(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c, int n) {
  const auto size = static_cast<std::size_t>(n);
  for (std::size_t sample = 0; sample < 64; ++sample) {
    const std::size_t row = sample * 7919 % size;
    const std::size_t column = sample * 104729 % size;
    double expected = 0;
    for (std::size_t k = 0; k < size; ++k) {
      expected += static_cast<double>(a[row * size + k]) * static_cast<double>(b[k * size + column]);
    }
    const double is = c[row * size + column];
    if (!(std::abs(is - expected) <= 1e-5 * static_cast<double>(n))) {
      throw std::runtime_error("wrong result: element " + std::to_string(row) + ", " + std::to_string(column) + " is " +
                               std::to_string(is) + ", not " + std::to_string(expected));
    }
  }
}

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

std::int64_t threads_per_block(const Configuration& configuration) {
  return std::int64_t{configuration.block} * configuration.block;
}

std::int64_t shared_bytes(const Configuration& configuration) {
  constexpr std::int64_t kMatrices = 2;
  return kMatrices * configuration.depth * configuration.block * configuration.tile *
         static_cast<std::int64_t>(sizeof(float));
}

Limits limits(int device) {
  int threads = 0;
  int bytes = 0;
  check(cudaDeviceGetAttribute(&threads, cudaDevAttrMaxThreadsPerBlock, device), "no GPU can be used");
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "no GPU can be used");
  return {threads, bytes};
}

double milliseconds(const Configuration& configuration, int n, int device) {
  check(cudaSetDevice(device), "no GPU can be used");
  const Kernel kernel = kernel_of(configuration);
  const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  const std::vector<float> a = numbers(size, 1);
  const std::vector<float> b = numbers(size, 2);
  std::vector<float> c(size);
  const Buffer on_a(size);
  const Buffer on_b(size);
  const Buffer on_c(size);
  check(cudaMemcpy(on_a.get(), a.data(), size * sizeof(float), cudaMemcpyHostToDevice), "cudaMemcpy");
  check(cudaMemcpy(on_b.get(), b.data(), size * sizeof(float), cudaMemcpyHostToDevice), "cudaMemcpy");

  const auto shared = static_cast<std::size_t>(shared_bytes(configuration));
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)),
        "shared memory of a block");
  const int edge = configuration.block * configuration.tile;
  const auto blocks = static_cast<unsigned>((n + edge - 1) / edge);
  const auto threads = static_cast<unsigned>(configuration.block);
  const auto launch = [&] {
    kernel<<<dim3(blocks, blocks), dim3(threads, threads), shared>>>(on_a.get(), on_b.get(), on_c.get(), n,
                                                                     configuration.depth);
    check(cudaGetLastError(), "launch");
  };
  launch();  // to warm up, and to see that it runs at all
  check(cudaDeviceSynchronize(), "multiply");

  const Event begin;
  const Event end;
  float best = 0;
  float sum = 0;
  for (int run = 0; run < 3 || (run < 100 && sum < 50); ++run) {
    check(cudaEventRecord(begin.get()), "cudaEventRecord");
    launch();
    check(cudaEventRecord(end.get()), "cudaEventRecord");
    check(cudaEventSynchronize(end.get()), "multiply");
    float time = 0;
    check(cudaEventElapsedTime(&time, begin.get(), end.get()), "cudaEventElapsedTime");
    best = run == 0 ? time : std::min(best, time);
    sum += time;
  }
  check(cudaMemcpy(c.data(), on_c.get(), size * sizeof(float), cudaMemcpyDeviceToHost), "cudaMemcpy");
  check_product(a, b, c, n);
  return best;
}

}  // namespace cuda_kernel
