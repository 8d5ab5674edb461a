// SPDX-License-Identifier: MIT
// The environment of a trial's process.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace bluefin {

class Environment {
 public:
  static Environment of_this_process();

  void set(const std::string& name, const std::string& value) { variables_[name] = value; }
  void set_default(const std::string& name, const std::string& value) { variables_.emplace(name, value); }
  void unset(const std::string& name) { variables_.erase(name); }
  std::vector<std::string> entries() const;  // NAME=value

 private:
  std::map<std::string, std::string> variables_;
};

}  // namespace bluefin
