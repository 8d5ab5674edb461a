// SPDX-License-Identifier: MIT
// The one table of what programs say when memory is out; bluefin/out_of_memory.hpp is made of it.
#pragma once

#include <string_view>

#include "bluefin/out_of_memory.hpp"

namespace bluefin {

// A line that a program has printed: advice to use less memory, or a word in a progress bar, may be among them, so only
// what nothing but the failure itself would say counts.
OutOfMemory out_of_memory_in_line(std::string_view line);

}  // namespace bluefin
