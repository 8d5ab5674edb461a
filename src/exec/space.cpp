// SPDX-License-Identifier: MIT
// Search spaces written by people.
#include "exec/space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/supervisor.hpp"

namespace bluefin {
namespace {

constexpr const char* kForms =
    R"({"type": "float" or "int", "low": ..., "high": ..., "step": ..., "log": true}, a list of choices, or )"
    R"({"name": "FloatDistribution", "attributes": {...}})";

std::string position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_begin = before.rfind('\n') + 1;  // npos + 1 == 0
  return fmt::format("line {}, column {}", line, before.size() - line_begin + 1);
}

// Where the parameter is defined: its name as a key.
std::string position_of_key(std::string_view text, const std::string& name) {
  const std::string quoted = dump_json(JsonTree(name));
  for (auto at = text.find(quoted); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
    const auto next = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (next != std::string_view::npos && text[next] == ':') {
      return position(text, at);
    }
  }
  return "line 1, column 1";
}

[[noreturn]] void fail(const std::string& where, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, what));
}

// Reads the text; a name that comes twice is an error, which a JSON object does not show any more.
JsonTree parse(std::string_view text) {
  std::set<std::string> names;
  std::string twice;
  const auto note = [&](int depth, JsonTree::parse_event_t event, JsonTree& value) {
    if (event == JsonTree::parse_event_t::key && depth == 1 && !names.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  JsonTree tree;
  try {
    tree = JsonTree::parse(text, note);
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while ...": only the end counts.
    if (const auto begin = what.find(": "); begin != std::string_view::npos) {
      what.remove_prefix(begin + 2);
    }
    fail(position(text, error.byte == 0 ? 0 : error.byte - 1), what);
  } catch (const nlohmann::json::out_of_range&) {
    fail(position(text, 0), "a number is too large for a double");
  }
  if (!twice.empty()) {
    fail(position_of_key(text, twice), fmt::format("parameter \"{}\" stands here twice", twice));
  }
  return tree;
}

void check_short_form(const JsonTree& tree) {
  constexpr std::array<std::string_view, 6> kKnown{"type", "low", "high", "step", "log", "choices"};
  for (const auto& [key, value] : tree.items()) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("unknown field \"{}\", expected {}", key, kForms));
    }
  }
  const std::string type = tree.contains("type") && tree["type"].is_string() ? tree["type"].get<std::string>() : "";
  if (type != "float" && type != "int" && type != "categorical") {
    throw Error(ErrorCode::kInvalidArgument, "\"type\" must be \"float\", \"int\" or \"categorical\"");
  }
  for (const char* key : {"low", "high"}) {
    if (type != "categorical" && (!tree.contains(key) || !tree[key].is_number())) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is missing or no number", key));
    }
    if (type == "int" && !tree[key].is_number_integer()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" = {}, must be an integer", key, tree[key].dump()));
    }
  }
  if (type == "categorical" && (!tree.contains("choices") || !tree["choices"].is_array())) {
    throw Error(ErrorCode::kInvalidArgument, "\"choices\" is missing or no list");
  }
}

}  // namespace

Distribution read_distribution(const JsonTree& tree) {
  if (!tree.is_array() && !tree.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("expected {}", kForms));
  }
  if (tree.is_object() && !tree.contains("name")) {
    check_short_form(tree);
  }
  try {
    return distribution_from_json(
        dump_json(tree.is_array() ? JsonTree{{"type", "categorical"}, {"choices", tree}} : tree));
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());
  }
}

std::map<std::string, Distribution> parse_space(std::string_view text) {
  const JsonTree tree = parse(text);
  if (!tree.is_object() || tree.empty()) {
    fail("line 1, column 1", "expected a JSON object, parameter name to distribution, with at least one parameter");
  }
  std::map<std::string, Distribution> space;
  for (const auto& [name, value] : tree.items()) {
    try {
      space.emplace(name, read_distribution(value));
    } catch (const Error& error) {
      fail(position_of_key(text, name), fmt::format("parameter \"{}\": {}", name, error.what()));
    }
  }
  return space;
}

}  // namespace bluefin
