// SPDX-License-Identifier: MIT
// Distributions by their text: a study has few distinct ones, its trials refer to them thousands of times.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bluefin/distribution.hpp"

namespace bluefin {

class SpecCache {
 public:
  // Parses the text the first time. Throws Error(kCorrupt).
  ParamSpecPtr find(std::string_view name, std::string_view text);

 private:
  struct Recent {
    std::string text;
    ParamSpecPtr spec;
  };

  ParamSpecPtr look_up(std::string_view name, std::string_view text);

  std::vector<Recent> recent_;  // the answers of the last lookups
  std::size_t last_ = 0;        // of them: the last one
  std::string key_;             // kept to save an allocation a lookup
  std::unordered_map<std::string, ParamSpecPtr> specs_;
};

}  // namespace bluefin
