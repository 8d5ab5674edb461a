// SPDX-License-Identifier: MIT
// Why a trial failed, in one word: the user attribute `bluefin:fail` (docs/protocol.md).
#pragma once

#include <string>
#include <string_view>

namespace bluefin {

// "exit:3", "signal:11", from a status of waitpid().
std::string class_of_exit(int status);
// "exit code 3", "killed by signal 11 (Segmentation fault)".
std::string describe_exit(int status);

// `oom-device`, `oom-host` or `neighbour-fault` when what a failed program has written, or the text of its exception,
// says so in the words of CUDA, PyTorch, JAX, Python or C++; else empty. The last lines are enough.
std::string_view class_of_text(std::string_view text);

// Whether a client may give this class to its own failure.
bool is_class_of_client(std::string_view word);

}  // namespace bluefin
