// SPDX-License-Identifier: MIT
#include "format.hpp"

#include <algorithm>
#include <set>

#include "bluefin/error.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {
namespace {

// Records with one value a header column. Rows are objects in the order of the header.
struct Sheet {
  std::vector<std::string> header;
  std::set<std::string> tuples;  // columns whose arrays are tuples
  std::vector<Tree> rows;

  // As value, table and csv show it: json and yaml have escapes for what a terminal would obey.
  std::string shown(const Tree& cell, const std::string& column) const {
    return for_output(python_text(cell, tuples.count(column) > 0));
  }
};

bool has_arrays(const std::vector<Record>& records, const Column& column) {
  return std::any_of(records.begin(), records.end(), [&](const Record& record) {
    const auto value = record.find(column);
    return value != record.end() && value->second.is_array();
  });
}

std::string flat_name(const Column& column) {
  return column.name + "_" + (column.index >= 0 ? std::to_string(column.index) : column.key);
}

Sheet flatten_records(const std::vector<Record>& records, const std::vector<Column>& columns) {
  Sheet sheet;
  sheet.rows.assign(records.size(), Tree::object());
  for (const Column& column : columns) {
    const bool spread = !column.is_nested() && has_arrays(records, column);
    std::size_t longest = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto found = records[i].find(column);
      if (found == records[i].end()) continue;
      const Tree& value = found->second;
      if (spread) {
        for (std::size_t k = 0; k < value.size(); ++k) sheet.rows[i][column.name + "_" + std::to_string(k)] = value[k];
        longest = std::max(longest, value.size());
      } else {
        sheet.rows[i][column.is_nested() ? flat_name(column) : column.name] = value;
      }
    }
    if (spread) {
      for (std::size_t k = 0; k < longest; ++k) sheet.header.push_back(column.name + "_" + std::to_string(k));
    } else {
      sheet.header.push_back(column.is_nested() ? flat_name(column) : column.name);
    }
  }
  return sheet;
}

Sheet nest_records(const std::vector<Record>& records, const std::vector<Column>& columns) {
  Sheet sheet;
  for (const Column& column : columns) {
    if (std::find(sheet.header.begin(), sheet.header.end(), column.name) == sheet.header.end()) {
      sheet.header.push_back(column.name);
    }
    if (column.tuple) sheet.tuples.insert(column.name);
  }
  for (const Record& record : records) {
    Tree row = Tree::object();
    for (const std::string& name : sheet.header) row[name] = Tree::object();
    for (const Column& column : columns) {
      const auto found = record.find(column);
      if (found == record.end()) continue;
      Tree& cell = row[column.name];
      if (column.index >= 0) {
        if (!cell.is_array()) cell = Tree::array();
        cell[static_cast<std::size_t>(column.index)] = found->second;  // gaps become null
      } else if (!column.key.empty()) {
        if (!cell.is_object()) cell = Tree::object();
        cell[column.key] = found->second;
      } else {
        cell = found->second;
      }
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

// Null also where the row has no such column.
const Tree& cell_of(const Tree& row, const std::string& name) {
  static const Tree kNull = nullptr;
  const auto found = row.find(name);
  return found == row.end() ? kNull : *found;
}

std::string value_text(const Sheet& sheet) {
  std::string text;
  for (const Tree& row : sheet.rows) {
    if (&row != &sheet.rows.front()) text += "\n";
    for (std::size_t i = 0; i < sheet.header.size(); ++i) {
      const Tree& cell = cell_of(row, sheet.header[i]);
      if (i > 0) text += " ";
      if (!cell.is_null()) text += sheet.shown(cell, sheet.header[i]);
    }
  }
  return text;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string fill(width - decode_utf8(text).size(), ' ');
  return right ? fill + text : text + fill;
}

std::string table_text(const Sheet& sheet) {
  std::string rule = "+";
  std::string head = "|";
  std::vector<std::string> lines(sheet.rows.size(), "|");
  for (const std::string& name : sheet.header) {
    const std::string title = for_output(name);
    bool numeric = true;  // such a column stands to the right
    std::size_t width = decode_utf8(title).size();
    for (const Tree& row : sheet.rows) {
      const Tree& cell = cell_of(row, name);
      if (!cell.is_null() && !cell.is_number() && !cell.is_boolean()) numeric = false;
      width = std::max(width, decode_utf8(sheet.shown(cell, name)).size());  // None counts although it is left blank
    }
    rule += std::string(width + 2, '-') + "+";
    head += " " + padded(title, width, numeric) + " |";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Tree& cell = cell_of(sheet.rows[i], name);
      lines[i] += " " + padded(cell.is_null() ? "" : sheet.shown(cell, name), width, numeric) + " |";
    }
  }
  std::string text = rule + "\n" + head + "\n" + rule + "\n";
  for (const std::string& line : lines) text += line + "\n";
  return text + rule;
}

// RFC 4180, with \n as the end of a line; null is empty, nested values are JSON.
std::string csv_field(const Tree& cell) {
  if (cell.is_null()) return "";
  std::string text = cell.is_array() || cell.is_object() ? json_text(cell) : for_output(python_text(cell));
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_text(const Sheet& sheet) {
  std::string text;
  for (std::size_t i = 0; i < sheet.header.size(); ++i) text += (i > 0 ? "," : "") + csv_field(sheet.header[i]);
  for (const Tree& row : sheet.rows) {
    text += "\n";
    for (std::size_t i = 0; i < sheet.header.size(); ++i) {
      text += (i > 0 ? "," : "") + csv_field(cell_of(row, sheet.header[i]));
    }
  }
  return text;
}

std::string strip(const std::string& text) {
  constexpr const char* kSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::string format_records(const std::vector<Record>& records, const std::vector<Column>& columns,
                           std::string_view format, bool flatten, bool single) {
  const Sheet sheet = flatten ? flatten_records(records, columns) : nest_records(records, columns);
  if (format == "value") return strip(value_text(sheet));
  if (format == "table") return table_text(sheet);
  if (format == "csv") return csv_text(sheet);
  const Tree tree = single ? sheet.rows.at(0) : Tree(sheet.rows);
  if (format == "json") return json_text(tree);
  if (format == "yaml") return strip(yaml_text(tree));
  throw Error(ErrorCode::kInvalidArgument,
              "format " + std::string(format) + ": expected value, json, table, yaml or csv");
}

}  // namespace bluefin::cli
