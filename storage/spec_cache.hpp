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
  // Parses the text the first time. Throws Error(kCorrupt). Where Optuna takes the distribution and bluefin does not
  // there is a problem(), and the answer is one of the same kind, to compare with others and for nothing else.
  ParamSpecPtr find(std::string_view name, std::string_view text);
  // The same without such answers: throws Error(kInvalidArgument).
  ParamSpecPtr find_held(std::string_view name, std::string_view text);
  // Of an answer, as long as it was the last one: why bluefin does not take it; empty: it does.
  std::string_view problem(const ParamSpec& spec) const;

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
  std::unordered_map<const ParamSpec*, std::string> problems_;
};

}  // namespace bluefin
