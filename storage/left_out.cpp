// SPDX-License-Identifier: MIT
#include "storage/left_out.hpp"

#include <fmt/core.h>

#include "bluefin/log.hpp"

namespace bluefin {

std::string left_out_text(int trial, const LeftOut& left_out) {
  return fmt::format("trial {}: {}{}", trial, left_out.what, left_out.why);
}

void LeftOutWarnings::warn(StudyId study, std::string_view study_name, int trial, const LeftOut& left_out) {
  if (!said_.emplace(study, left_out.what).second) return;
  log(LogLevel::kWarning, fmt::format("study '{}', {}; it is left out, also of other trials of this study", study_name,
                                      left_out_text(trial, left_out)));
}

}  // namespace bluefin
