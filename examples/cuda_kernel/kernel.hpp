// SPDX-License-Identifier: MIT
// A matrix product on a GPU with everything left open that its speed depends on. No CUDA in this header.
#pragma once

#include <cstdint>

namespace cuda_kernel {

struct Configuration {
  int block;   // a block has block x block threads
  int tile;    // each of which computes tile x tile elements; 1, 2, 4 or 8
  int depth;   // columns of A and rows of B that are in shared memory at a time
  int unroll;  // of the loop over them; 1, 2, 4 or 8
};

std::int64_t threads_per_block(const Configuration& configuration);
std::int64_t shared_bytes(const Configuration& configuration);

struct Limits {
  std::int64_t threads_per_block;
  std::int64_t shared_bytes;  // for each block
};
// Throws std::runtime_error, as the next one, with what CUDA says: without a GPU, say.
Limits limits(int device);

// Milliseconds that C = A B takes, all of them n x n matrices: the best of several runs. Throws also when the GPU
// cannot run the configuration (more threads, registers or shared memory than it has), or when the result is wrong.
double milliseconds(const Configuration& configuration, int n, int device);

}  // namespace cuda_kernel
