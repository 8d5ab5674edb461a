// SPDX-License-Identifier: MIT
// The environment that a process was started with, which others see in /proc: setenv() does not change it.
#pragma once

#include <string>
#include <string_view>

namespace bluefin {

// Writes another value of the same length over a variable's, in this process. False when there is no such variable with
// a value of this length, or the system does not allow it.
bool overwrite_initial_variable(std::string_view name, std::string_view value);

}  // namespace bluefin
