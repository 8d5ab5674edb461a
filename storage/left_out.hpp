// SPDX-License-Identifier: MIT
// What programs write into a study and bluefin cannot hold: the trial is read without it, and people are told.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bluefin/types.hpp"

namespace bluefin {

struct LeftOut {
  std::string what;  // "parameter 'x'"
  std::string why;   // " = 1e+18: bounds must lie within ..."
};

// In words: "trial 3: parameter 'x' = 1e+18: bounds must lie within ...".
std::string left_out_text(int trial, const LeftOut& left_out);

// What was said already, so that thousands of trials with one such parameter are one warning.
class LeftOutWarnings {
 public:
  void warn(StudyId study, std::string_view study_name, int trial, const LeftOut& left_out);

 private:
  std::set<std::pair<StudyId, std::string>> said_;
};

}  // namespace bluefin
