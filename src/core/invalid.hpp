// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bluefin/error.hpp"

namespace bluefin {

// For a value that the caller gave.
[[noreturn]] inline void invalid(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

}  // namespace bluefin
