// SPDX-License-Identifier: MIT
#pragma once

namespace bluefin::cli {

// A file that reaches the limit of its size (ulimit -f) is an error of the write then, not the end of the process. For
// programs, not for the library: a handler that is there already stays.
void ignore_file_size_signal();

}  // namespace bluefin::cli
