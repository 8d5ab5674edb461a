// SPDX-License-Identifier: MIT
#include "exec/exit_class.hpp"

#include <fmt/core.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/memory_words.hpp"

namespace bluefin {
namespace {

// A client of CUDA's MPS is ended when another one on the card has faulted. Looked for before memory.
constexpr std::array<std::string_view, 3> kNeighbourFault = {
    "cudaErrorMpsClientTerminated", "CUDA_ERROR_MPS_CLIENT_TERMINATED", "MPS client has been terminated"};

std::string_view class_of_line(std::string_view line) {
  const bool neighbour = std::any_of(kNeighbourFault.begin(), kNeighbourFault.end(), [&](std::string_view words) {
    return line.find(words) != std::string_view::npos;
  });
  return neighbour ? "neighbour-fault" : fail_class(out_of_memory_in_line(line));
}

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
    if (const std::string_view kind = class_of_line(line); !kind.empty()) {
      return kind;
    }
  }
  return {};
}

bool is_class_of_client(std::string_view word) {
  return word == "exception" || word == "oom-device" || word == "oom-host";
}

}  // namespace bluefin
