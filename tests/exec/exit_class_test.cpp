// SPDX-License-Identifier: MIT
#include "exec/exit_class.hpp"

#include "catch.hpp"

using namespace bluefin;

TEST_CASE("what programs say of memory is known", "[exec]") {
  const auto is = [](std::string_view text) { return std::string(class_of_text(text)); };
  CHECK(is("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...") == "oom-device");
  CHECK(is("RuntimeError: CUDA error: out of memory\nCUDA kernel errors might be ...\n") == "oom-device");
  CHECK(is("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)") == "oom-device");
  CHECK(is("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to") == "oom-device");
  CHECK(is("cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,589,934,592 bytes") == "oom-device");
  CHECK(is("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc") == "oom-host");
  CHECK(is("MemoryError") == "oom-host");
  CHECK(is("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array") == "oom-host");
  CHECK(is("Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space") == "oom-host");
  CHECK(is("CUDA error: MPS client has been terminated: cudaErrorMpsClientTerminated") == "neighbour-fault");
  CHECK(is("").empty());
  CHECK(is("ValueError: the memory of an elephant is out of reach").empty());
  // The last one counts: programs go on after a failure that they were prepared for.
  CHECK(is("CUDA out of memory: trying a smaller batch\nMemoryError\n") == "oom-host");
}
