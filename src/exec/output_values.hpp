// SPDX-License-Identifier: MIT
// What a program that knows nothing of bluefin prints: its value, and reports on the way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bluefin/types.hpp"

namespace bluefin {

inline constexpr std::string_view kReportPrefix = "bluefin:report";

std::string_view trim(std::string_view text);  // white space at both ends

// "bluefin:report STEP VALUE". Throws Error(kInvalidArgument).
Report parse_report(std::string_view line);
// Numbers with white space or commas between them; "inf" and "nan" in any case are numbers.
// Throws Error(kInvalidArgument) for anything else, also for an empty line.
std::vector<double> parse_values(std::string_view line);
// Why these cannot be the values of a COMPLETE trial; empty when they can.
std::string check_values(const std::vector<double>& values, std::size_t n_objectives);

}  // namespace bluefin
