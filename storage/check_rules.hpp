// SPDX-License-Identifier: MIT
// The rules that rows can break by themselves, as queries: all that needs no parser.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bluefin {

struct CheckRule {
  std::string_view table;
  std::string_view key;  // the table's primary key
  std::string sql;       // gives (id, problem) for each row that breaks the rule
};

const std::vector<CheckRule>& check_rules();

}  // namespace bluefin
