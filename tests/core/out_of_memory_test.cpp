// SPDX-License-Identifier: MIT
#include "bluefin/out_of_memory.hpp"

#include <new>
#include <stdexcept>
#include <string>

#include "catch.hpp"

using namespace bluefin;

TEST_CASE("out of memory is told by what CUDA, LibTorch, JAX, TensorFlow, Python and the C library say") {
  using Kind = OutOfMemory;
  const auto kind = [](const char* message) { return out_of_memory(std::string_view(message)); };
  CHECK(kind("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of ...") == Kind::kDevice);
  CHECK(kind("torch.OutOfMemoryError: HIP out of memory.") == Kind::kDevice);
  CHECK(kind("cudaMalloc: out of memory") == Kind::kDevice);
  CHECK(kind("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)") == Kind::kDevice);
  CHECK(kind("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes") == Kind::kDevice);
  CHECK(kind("OOM when allocating tensor with shape[64,256]") == Kind::kDevice);
  CHECK(kind("[enforce fail at alloc_cpu.cpp:66] DefaultCPUAllocator: can't allocate memory: you tried ...") ==
        Kind::kHost);
  CHECK(kind("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes.") == Kind::kHost);
  CHECK(kind("std::bad_alloc") == Kind::kHost);
  CHECK(kind("MemoryError: Unable to allocate 8.00 TiB for an array") == Kind::kHost);
  CHECK(kind("OSError: [Errno 12] Cannot allocate memory") == Kind::kHost);
  CHECK(kind("CUDA error: an illegal memory access was encountered") == Kind::kNo);
  CHECK(kind("DefaultCPUAllocator: not aligned") == Kind::kNo);
  CHECK(kind("") == Kind::kNo);
}

TEST_CASE("out of memory is told by the type where that says it") {
  struct Quiet : std::bad_alloc {
    const char* what() const noexcept override { return "no"; }
  };
  CHECK(out_of_memory(std::make_exception_ptr(Quiet())) == OutOfMemory::kHost);
  CHECK(out_of_memory(std::make_exception_ptr(std::runtime_error("CUDA out of memory"))) == OutOfMemory::kDevice);
  CHECK(out_of_memory(std::make_exception_ptr(std::runtime_error("no such file"))) == OutOfMemory::kNo);
  CHECK(out_of_memory(std::make_exception_ptr(42)) == OutOfMemory::kNo);
  CHECK(out_of_memory(std::exception_ptr()) == OutOfMemory::kNo);
}
