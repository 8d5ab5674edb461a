// SPDX-License-Identifier: MIT
// The command line of a trial: {name} in its arguments.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"

namespace bluefin {

class CommandTemplate {
 public:
  // With an empty space the arguments are literal. Throws Error(kInvalidArgument) for a placeholder without a
  // parameter, a parameter without a placeholder (unless they are optional), and a brace that is not closed.
  CommandTemplate(const std::vector<std::string>& arguments, const std::map<std::string, Distribution>& space,
                  bool placeholders_optional);

  std::vector<std::string> fill(const std::vector<std::pair<std::string, Choice>>& params) const;
  // Whether the arguments depend on the parameters.
  bool has_placeholders() const;

 private:
  struct Piece {
    std::string text;
    bool placeholder;
  };
  std::vector<std::vector<Piece>> arguments_;
};

// The first "{name}" that looks like a placeholder in the arguments behind the program, "" where there is none. Those
// of shells, "${name}", are no placeholders.
std::string find_placeholder(const std::vector<std::string>& command);

}  // namespace bluefin
