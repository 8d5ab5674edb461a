// SPDX-License-Identifier: MIT
// Words and numbers of a run's report.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/frozen_trial.hpp"

namespace bluefin::cli {

// The text as one line that a terminal cannot be confused by.
std::string printable(const std::string& text);
// At most `width` characters.
std::string shorten(const std::string& text, std::size_t width);
std::string number_text(double value);  // six digits
// "1 trial", "2 trials".
std::string plural(std::int64_t count, std::string_view what);
std::string values_text(const std::vector<double>& values);
// "lr=0.001 optimizer=adam"
std::string params_text(const FrozenTrial& trial);
// The text of a user attribute; empty when there is none.
std::string attribute_text(const FrozenTrial& trial, const char* key);
double seconds_of(const FrozenTrial& trial);
// The last line that is not empty, which is where programs say what went wrong.
std::string last_line(const std::string& text);
// For a command line that can be pasted into a shell; what a terminal would obey stands there as an escape, as bash,
// zsh and ksh read it ($'a\033b').
std::string quoted(const std::string& word);
// "0.4s", "12s", "2m05s", "1h02m".
std::string duration_text(double seconds);
// The same with milliseconds: "12ms".
std::string gap_text(double seconds);

}  // namespace bluefin::cli
