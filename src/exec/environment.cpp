// SPDX-License-Identifier: MIT
#include "exec/environment.hpp"

#include <unistd.h>

#include <string_view>

namespace bluefin {

Environment Environment::of_this_process() {
  Environment environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      environment.variables_.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

std::vector<std::string> Environment::entries() const {
  std::vector<std::string> result;
  result.reserve(variables_.size());
  for (const auto& [name, value] : variables_) {
    result.push_back(name + "=" + value);
  }
  return result;
}

}  // namespace bluefin
