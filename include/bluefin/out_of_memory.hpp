// SPDX-License-Identifier: MIT
// Running out of memory is an outcome like others for who tries how much fits; this tells it from other errors.
#pragma once

#include <cstdint>
#include <exception>
#include <string_view>

namespace bluefin {

enum class OutOfMemory : std::uint8_t {
  kNo,      // another error
  kHost,    // std::bad_alloc, Python's MemoryError, LibTorch's CPU allocator
  kDevice,  // of a GPU: "CUDA out of memory", CUBLAS_STATUS_ALLOC_FAILED, ...
};

// By what an error says: CUDA and HIP, cuBLAS and its kin, LibTorch, JAX, TensorFlow, Python and the C library are
// known.
OutOfMemory out_of_memory(std::string_view message);
// std::bad_alloc, whatever it says, and what std::exceptions say. kNo for null.
OutOfMemory out_of_memory(const std::exception_ptr& error);

// The class of a trial that fails with it, for the user attribute `bluefin:fail`: "oom-host", "oom-device" or "".
std::string_view fail_class(OutOfMemory kind);

}  // namespace bluefin
