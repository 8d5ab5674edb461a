// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "bluefin/log.hpp"

namespace bluefin::test {

// While it lives nothing is logged.
struct Quiet {
  Quiet() {
    set_log_sink([](LogLevel, std::string_view) {});
  }
  ~Quiet() { set_log_sink({}); }
};

}  // namespace bluefin::test
