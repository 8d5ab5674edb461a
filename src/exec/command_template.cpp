// SPDX-License-Identifier: MIT
#include "exec/command_template.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

[[noreturn]] void refuse_argument(const std::string& argument, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("argument '{}': {}", argument, what));
}

}  // namespace

CommandTemplate::CommandTemplate(const std::vector<std::string>& arguments,
                                 const std::map<std::string, Distribution>& space, bool placeholders_optional) {
  std::set<std::string> used;
  for (const std::string& argument : arguments) {
    std::vector<Piece>& pieces = arguments_.emplace_back();
    if (space.empty()) {
      pieces.push_back({argument, false});
      continue;
    }
    std::string text;
    for (std::size_t i = 0; i < argument.size(); ++i) {
      const char c = argument[i];
      if ((c == '{' || c == '}') && i + 1 < argument.size() && argument[i + 1] == c) {
        text += c;
        ++i;
      } else if (c == '}') {
        refuse_argument(argument, "} without {; write }} for a brace");
      } else if (c == '{') {
        const std::size_t end = argument.find('}', i);
        if (end == std::string::npos) {
          refuse_argument(argument, "{ is not closed; write {{ for a brace");
        }
        const std::string name = argument.substr(i + 1, end - i - 1);
        if (!space.count(name)) {
          refuse_argument(argument,
                          fmt::format("{{{}}} is not a parameter of the space; write {{{{ and }}}} for braces", name));
        }
        used.insert(name);
        pieces.push_back({text, false});
        pieces.push_back({name, true});
        text.clear();
        i = end;
      } else {
        text += c;
      }
    }
    pieces.push_back({text, false});
  }
  for (const auto& [name, distribution] : space) {
    if (!placeholders_optional && !used.count(name)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("parameter \"{0}\" of the space has no {{{0}}} in the program's arguments", name));
    }
  }
}

bool CommandTemplate::has_placeholders() const {
  return std::any_of(arguments_.begin(), arguments_.end(), [](const std::vector<Piece>& pieces) {
    return std::any_of(pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.placeholder; });
  });
}

std::vector<std::string> CommandTemplate::fill(const std::vector<std::pair<std::string, Choice>>& params) const {
  std::vector<std::string> filled;
  for (const std::vector<Piece>& pieces : arguments_) {
    std::string& argument = filled.emplace_back();
    for (const Piece& piece : pieces) {
      if (!piece.placeholder) {
        argument += piece.text;
        continue;
      }
      for (const auto& [name, value] : params) {
        if (name == piece.text) {
          argument += to_string(value);
        }
      }
    }
  }
  return filled;
}

std::string find_placeholder(const std::vector<std::string>& command) {
  static constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  for (std::size_t word = 1; word < command.size(); ++word) {
    const std::string& text = command[word];
    for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
      const std::size_t end = text.find_first_not_of(kName, at + 1);
      const bool is_digit = end != std::string::npos && end > at + 1 && text[at + 1] >= '0' && text[at + 1] <= '9';
      const bool is_other = at > 0 && (text[at - 1] == '$' || text[at - 1] == '{');
      if (end != std::string::npos && end > at + 1 && text[end] == '}' && !is_digit && !is_other) {
        return text.substr(at, end + 1 - at);
      }
    }
  }
  return "";
}

}  // namespace bluefin
