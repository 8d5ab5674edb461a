// SPDX-License-Identifier: MIT
#include "exec/exit_class.hpp"

#include <fmt/core.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace bluefin {
namespace {

struct Sign {
  std::string_view text;
  std::string_view kind;
};

// A line that matches several has the class of the first: what stands for a device is more than "out of memory" alone.
constexpr std::array kSigns = {
    // A client of CUDA's MPS is ended when another one on the card has faulted.
    Sign{"cudaErrorMpsClientTerminated", "neighbour-fault"},
    Sign{"CUDA_ERROR_MPS_CLIENT_TERMINATED", "neighbour-fault"},
    Sign{"MPS client has been terminated", "neighbour-fault"},
    Sign{"CUDA out of memory", "oom-device"},  // PyTorch
    Sign{"HIP out of memory", "oom-device"},
    Sign{"XPU out of memory", "oom-device"},
    Sign{"MPS backend out of memory", "oom-device"},
    Sign{"CUDA error: out of memory", "oom-device"},
    Sign{"cudaErrorMemoryAllocation", "oom-device"},
    Sign{"CUDA_ERROR_OUT_OF_MEMORY", "oom-device"},
    Sign{"cuda runtime error (2)", "oom-device"},
    Sign{"CUBLAS_STATUS_ALLOC_FAILED", "oom-device"},
    Sign{"CUDNN_STATUS_ALLOC_FAILED", "oom-device"},
    Sign{"CUSOLVER_STATUS_ALLOC_FAILED", "oom-device"},
    Sign{"CUSPARSE_STATUS_ALLOC_FAILED", "oom-device"},
    Sign{"java.lang.OutOfMemoryError", "oom-host"},
    Sign{"OutOfMemoryError", "oom-device"},                   // torch.cuda's, torch's, c10's, CuPy's
    Sign{"RESOURCE_EXHAUSTED: Out of memory", "oom-device"},  // JAX
    Sign{"std::bad_alloc", "oom-host"},
    Sign{"MemoryError", "oom-host"},  // Python's, NumPy's _ArrayMemoryError
    Sign{"DefaultCPUAllocator: can't allocate memory", "oom-host"},
    Sign{"DefaultCPUAllocator: not enough memory", "oom-host"},
    Sign{"[Errno 12] Cannot allocate memory", "oom-host"},
};

}  // namespace

std::string class_of_exit(int status) {
  return WIFSIGNALED(status) ? fmt::format("signal:{}", WTERMSIG(status)) : fmt::format("exit:{}", WEXITSTATUS(status));
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

std::string_view class_of_text(std::string_view text) {
  // The last line that says something of the kind: what stands above it may have been dealt with.
  while (!text.empty()) {
    const std::size_t newline = text.rfind('\n');
    const std::string_view line = newline == std::string_view::npos ? text : text.substr(newline + 1);
    text = newline == std::string_view::npos ? std::string_view() : text.substr(0, newline);
    const auto* sign = std::find_if(kSigns.begin(), kSigns.end(),
                                    [&](const Sign& known) { return line.find(known.text) != std::string_view::npos; });
    if (sign != kSigns.end()) {
      return sign->kind;
    }
  }
  return {};
}

bool is_class_of_client(std::string_view word) {
  return word == "exception" || word == "oom-device" || word == "oom-host";
}

}  // namespace bluefin
