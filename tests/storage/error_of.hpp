// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "bluefin/error.hpp"
#include "catch.hpp"

namespace bluefin::test {

// The message of the error that the work ends with, which must be of this code.
inline std::string error_of(const std::function<void()>& work, ErrorCode code) {
  try {
    work();
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.code()) == static_cast<int>(code));
    return e.what();
  }
  return "it went through";
}

}  // namespace bluefin::test
