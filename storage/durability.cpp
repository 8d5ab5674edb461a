// SPDX-License-Identifier: MIT
#include "bluefin/durability.hpp"

#include <fmt/core.h>

#include <cstdlib>

#include "bluefin/error.hpp"

namespace bluefin {

std::string_view to_string(Durability durability) {
  switch (durability) {
    case Durability::kTrial:
      return "trial";
    case Durability::kGroup:
      return "group";
    case Durability::kOs:
      return "os";
  }
  return "";
}

Durability parse_durability(std::string_view text, std::string_view what) {
  for (const Durability known : {Durability::kTrial, Durability::kGroup, Durability::kOs}) {
    if (text == to_string(known)) return known;
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: '{}', expected trial, group or os", what, text));
}

Durability default_durability() {
  const char* text = std::getenv("BLUEFIN_DURABILITY");
  return text == nullptr || *text == '\0' ? Durability::kTrial : parse_durability(text, "$BLUEFIN_DURABILITY");
}

}  // namespace bluefin
