// SPDX-License-Identifier: MIT
// Search spaces written by people.
#include "exec/space.hpp"

#include <fmt/core.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/supervisor.hpp"
#include "exec/json_places.hpp"

namespace bluefin {
namespace {

constexpr const char* kForms =
    R"({"type": "float" or "int", "low": ..., "high": ..., "step": ..., "log": true}, a list of choices, or )"
    R"({"name": "FloatDistribution", "attributes": {...}})";

[[noreturn]] void fail_at(const std::string& where, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", where, what));
}

// Lists in lists are choices, too, and whoever writes one out or compares it calls itself as deep.
constexpr int kDeepest = 100;

void check_depth(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      at += c == '\\' ? 1 : 0;
      continue;
    }
    depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
    if (depth > kDeepest) {
      fail_at(line_and_column(text, at),
              fmt::format("lists or objects within each other, more than {} deep", kDeepest));
    }
  }
}

JsonTree parse(std::string_view text) {
  check_depth(text);
  try {
    return JsonTree::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while ...": only the end counts.
    if (const auto begin = what.find(": "); begin != std::string_view::npos) {
      what.remove_prefix(begin + 2);
    }
    fail_at(line_and_column(text, error.byte == 0 ? 0 : error.byte - 1), what);
  } catch (const nlohmann::json::out_of_range&) {
    fail_at(line_and_column(text, find_huge_number(text).value_or(0)), "a number is too large for a double");
  }
}

// What is wrong with one field of a parameter; empty: with the parameter.
class FieldError : public Error {
 public:
  FieldError(JsonPath path, const std::string& what)
      : Error(ErrorCode::kInvalidArgument, what), path_(std::move(path)) {}
  const JsonPath& path() const { return path_; }

 private:
  JsonPath path_;
};

[[noreturn]] void refuse_field(const JsonPath& field, const std::string& what) { throw FieldError(field, what); }

void check_integer(const JsonPath& field, const JsonTree& value) {
  constexpr double kLimit = 0x1p63;
  const bool beyond = value.is_number_unsigned() ? value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()
                                                 : value.is_number_float() && std::abs(value.get<double>()) >= kLimit;
  if (beyond) {
    refuse_field(field, fmt::format("\"{}\" = {} is beyond what an integer parameter holds, -2^63 to 2^63 - 1",
                                    field.back(), value.dump()));
  }
  if (!value.is_number_integer()) {
    refuse_field(field, fmt::format("\"{}\" = {}, must be an integer", field.back(), value.dump()));
  }
}

// What people and programs write is checked more strictly than what a file holds: a misspelt "log" would be a search on
// the wrong scale, half an integer another search space. `kind`: float, int or categorical; `where`: of the fields in
// the parameter.
void check_fields(const JsonTree& fields, std::string_view kind, const JsonPath& where) {
  static const std::set<std::string> kNumeric{"type", "low", "high", "step", "log"};
  static const std::set<std::string> kCategorical{"type", "choices"};
  const auto in = [&](const std::string& field) {
    JsonPath path = where;
    path.push_back(field);
    return path;
  };
  for (const auto& [key, value] : fields.items()) {
    if ((kind == "categorical" ? kCategorical : kNumeric).count(key) == 0) {
      refuse_field(in(key),
                   fmt::format("unknown field \"{}\" of a parameter that is {}, expected {}", key, kind, kForms));
    }
  }
  if (kind == "categorical") {
    if (!fields.contains("choices") || !fields["choices"].is_array()) {
      refuse_field(in("choices"), "\"choices\" is missing or no list");
    }
    return;
  }
  for (const char* key : {"low", "high"}) {
    if (!fields.contains(key) || !fields[key].is_number()) {
      refuse_field(in(key), fmt::format("\"{}\" is missing or no number", key));
    }
    if (kind == "int") check_integer(in(key), fields[key]);
  }
  if (const auto step = fields.find("step"); step != fields.end() && !step->is_null()) {
    if (!step->is_number() || !(step->get<double>() > 0.0)) {
      refuse_field(in("step"), fmt::format("\"step\" = {}, must be a number > 0", step->dump()));
    }
    if (kind == "int") check_integer(in("step"), *step);
  }
  if (const auto log = fields.find("log"); log != fields.end() && !log->is_boolean()) {
    refuse_field(in("log"), fmt::format("\"log\" = {}, must be true or false", log->dump()));
  }
}

// The form that the parameter is written in: where its fields are, and of what kind it is; empty: one of Optuna 2.
std::pair<JsonPath, std::string> check_form(const JsonTree& tree) {
  if (!tree.contains("name")) {
    const std::string type = tree.contains("type") && tree["type"].is_string() ? tree["type"].get<std::string>() : "";
    if (type != "float" && type != "int" && type != "categorical") {
      refuse_field({"type"}, "\"type\" must be \"float\", \"int\" or \"categorical\"");
    }
    check_fields(tree, type, {});
    return {{}, type};
  }
  // Classes of Optuna 2 are left to distribution_from_json().
  static const std::map<std::string, std::string> kKinds{
      {"FloatDistribution", "float"}, {"IntDistribution", "int"}, {"CategoricalDistribution", "categorical"}};
  const auto kind = kKinds.find(tree["name"].is_string() ? tree["name"].get<std::string>() : "");
  if (kind == kKinds.end()) return {};
  if (!tree.contains("attributes") || !tree["attributes"].is_object()) {
    refuse_field({"attributes"}, "\"attributes\" is missing or no object");
  }
  check_fields(tree["attributes"], kind->second, {"attributes"});
  return {{"attributes"}, kind->second};
}

// The field that makes a distribution impossible whose fields are right by themselves; empty: not one alone.
JsonPath field_at_fault(const JsonTree& fields, const JsonPath& where, const std::string& kind) {
  JsonPath path = where;
  const bool log = fields.contains("log") && fields["log"] == true;
  if (kind == "categorical") {
    path.emplace_back("choices");
  } else if (kind != "float" && kind != "int") {
    return {};
  } else if (fields["low"] > fields["high"]) {
    path.emplace_back("high");
  } else if (log && fields["low"].get<double>() < (kind == "int" ? 1.0 : 0x1p-1074)) {
    path.emplace_back("low");
  } else if (log && fields.contains("step") && !fields["step"].is_null()) {
    path.emplace_back("step");
  } else {
    return {};
  }
  return path;
}

}  // namespace

Distribution read_distribution(const JsonTree& tree) {
  if (!tree.is_array() && !tree.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("expected {}", kForms));
  }
  std::pair<JsonPath, std::string> form;
  if (tree.is_object()) {
    form = check_form(tree);
  }
  try {
    return distribution_from_json(
        dump_json(tree.is_array() ? JsonTree{{"type", "categorical"}, {"choices", tree}} : tree));
  } catch (const Error& error) {
    const auto& [where, kind] = form;
    refuse_field(field_at_fault(where.empty() ? tree : tree[where.front()], where, kind), error.what());
  }
}

std::map<std::string, Distribution> parse_space(std::string_view text) {
  constexpr const char* kExpected = "a JSON object, parameter name to distribution, with at least one parameter";
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    fail_at("line 1, column 1", fmt::format("empty, expected {}", kExpected));
  }
  const JsonTree tree = parse(text);
  if (!tree.is_object() || tree.empty()) {
    fail_at("line 1, column 1", fmt::format("expected {}", kExpected));
  }
  const JsonPlaces places(text, 3);
  if (places.repeated()) {
    const JsonPath& path = *places.repeated();
    const std::string field = path.size() == 1 ? "" : fmt::format(": field \"{}\"", path.back());
    fail_at(line_and_column(text, places.name(path).value_or(0)),
            fmt::format("parameter \"{}\"{} stands here twice", path.front(), field));
  }
  std::map<std::string, Distribution> space;
  for (const auto& [name, value] : tree.items()) {
    JsonPath path = {name};
    try {
      space.emplace(name, read_distribution(value));
    } catch (const FieldError& error) {
      path.insert(path.end(), error.path().begin(), error.path().end());
      // What is missing has no place of its own.
      const auto place = path.size() > 1 && places.value(path) ? places.value(path) : places.name({name});
      fail_at(line_and_column(text, place.value_or(0)), fmt::format("parameter \"{}\": {}", name, error.what()));
    } catch (const Error& error) {
      fail_at(line_and_column(text, places.name(path).value_or(0)),
              fmt::format("parameter \"{}\": {}", name, error.what()));
    }
  }
  return space;
}

}  // namespace bluefin
