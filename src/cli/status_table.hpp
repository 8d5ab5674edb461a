// SPDX-License-Identifier: MIT
// The rows of `bluefin status`, one for each slot.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "status_model.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {

// A head and as many rows as fit into `height` lines (0: all of them); on a wide terminal two rows stand side by side
// where they would not fit otherwise. What does not fit is counted in a line at the end.
std::vector<std::string> status_table(const Status& status, const TerminalStyle& style, std::size_t height);

// "61.2G", "512M", "3.1k": in units of 1024, four digits at most.
std::string size_text(std::uint64_t bytes);
// "12% better", "3% worse", "equal"; of values that have no ratio "better" or "worse".
std::string comparison_text(double value, double median, bool maximize);

}  // namespace bluefin::cli
