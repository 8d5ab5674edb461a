// SPDX-License-Identifier: MIT
// Records as `-f value|json|table|yaml|csv` prints them. Rules: optuna/cli.py, _format_output.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text.hpp"

namespace bluefin::cli {

// Where a value goes: `name` alone, or a member of it, by key or by index.
struct Column {
  std::string name;
  int index = -1;        // >= 0: element of a list
  std::string key = {};  // not empty: member of a dictionary
  bool tuple = false;    // arrays are shown with parentheses
  friend auto operator<=>(const Column& a, const Column& b) {
    if (const auto order = a.name.compare(b.name); order != 0) return order <=> 0;
    if (const auto order = a.index <=> b.index; order != 0) return order;
    return a.key.compare(b.key) <=> 0;
  }
  friend bool operator==(const Column& a, const Column& b) { return (a <=> b) == 0; }
  bool is_nested() const { return index >= 0 || !key.empty(); }
};

using Record = std::map<Column, Tree>;  // columns may be missing

// A list of records, or with `single` the only one (json and yaml then show an object, not an array).
// `format` is value, json, table, yaml or csv. No trailing newline. Where standard output is a terminal, control
// characters in names and values are spaces.
std::string format_records(const std::vector<Record>& records, const std::vector<Column>& columns,
                           std::string_view format, bool flatten, bool single = false);

}  // namespace bluefin::cli
