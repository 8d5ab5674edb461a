// SPDX-License-Identifier: MIT
// Search spaces written by people.
#include "exec/space.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>

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

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); }

void check_integer(const char* key, const JsonTree& value) {
  if (!value.is_number_integer()) refuse(fmt::format("\"{}\" = {}, must be an integer", key, value.dump()));
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    refuse(fmt::format("\"{}\" = {} is too large for an integer parameter", key, value.dump()));
  }
}

// What people and programs write is checked more strictly than what a file holds: a misspelt "log" would be a search on
// the wrong scale, half an integer another search space. `kind`: float, int or categorical.
void check_fields(const JsonTree& fields, std::string_view kind) {
  static const std::set<std::string> kNumeric{"type", "low", "high", "step", "log"};
  static const std::set<std::string> kCategorical{"type", "choices"};
  for (const auto& [key, value] : fields.items()) {
    if ((kind == "categorical" ? kCategorical : kNumeric).count(key) == 0) {
      refuse(fmt::format("unknown field \"{}\" of a parameter that is {}, expected {}", key, kind, kForms));
    }
  }
  if (kind == "categorical") {
    if (!fields.contains("choices") || !fields["choices"].is_array()) refuse("\"choices\" is missing or no list");
    return;
  }
  for (const char* key : {"low", "high"}) {
    if (!fields.contains(key) || !fields[key].is_number()) refuse(fmt::format("\"{}\" is missing or no number", key));
    if (kind == "int") check_integer(key, fields[key]);
  }
  if (const auto step = fields.find("step"); step != fields.end() && !step->is_null()) {
    if (!step->is_number() || !(step->get<double>() > 0.0)) {
      refuse(fmt::format("\"step\" = {}, must be a number > 0", step->dump()));
    }
    if (kind == "int") check_integer("step", *step);
  }
  if (const auto log = fields.find("log"); log != fields.end() && !log->is_boolean()) {
    refuse(fmt::format("\"log\" = {}, must be true or false", log->dump()));
  }
}

void check_form(const JsonTree& tree) {
  if (!tree.contains("name")) {
    const std::string type = tree.contains("type") && tree["type"].is_string() ? tree["type"].get<std::string>() : "";
    if (type != "float" && type != "int" && type != "categorical") {
      refuse("\"type\" must be \"float\", \"int\" or \"categorical\"");
    }
    return check_fields(tree, type);
  }
  // Classes of Optuna 2 are left to distribution_from_json().
  static const std::map<std::string, std::string> kKinds{
      {"FloatDistribution", "float"}, {"IntDistribution", "int"}, {"CategoricalDistribution", "categorical"}};
  const auto kind = kKinds.find(tree["name"].is_string() ? tree["name"].get<std::string>() : "");
  if (kind == kKinds.end()) return;
  if (!tree.contains("attributes") || !tree["attributes"].is_object()) refuse("\"attributes\" is missing or no object");
  check_fields(tree["attributes"], kind->second);
}

}  // namespace

Distribution read_distribution(const JsonTree& tree) {
  if (!tree.is_array() && !tree.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("expected {}", kForms));
  }
  if (tree.is_object()) {
    check_form(tree);
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
