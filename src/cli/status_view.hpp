// SPDX-License-Identifier: MIT
// `bluefin status` as lines of a terminal.
#pragma once

#include <string>
#include <vector>

#include "status_model.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {

// At most style.height lines (0: all of them), none wider than style.width. What does not fit is left out with a line
// that says how much: trials give way last, the curve first.
std::vector<std::string> status_lines(const Status& status, const TerminalStyle& style);

}  // namespace bluefin::cli
