// SPDX-License-Identifier: MIT
// A small study with a bit of everything.
#pragma once

#include <string>

namespace bluefin::fuzz {

// Two studies: one objective with trials of each state and all kinds of parameters, and one with two objectives.
void make_sample(const std::string& url);

}  // namespace bluefin::fuzz
