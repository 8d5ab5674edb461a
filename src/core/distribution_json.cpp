// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "bluefin/distribution.hpp"
#include "bluefin/error.hpp"
#include "core/choice_json.hpp"
#include "core/exact_int.hpp"
#include "core/json_members.hpp"
#include "core/json_nlohmann.hpp"
#include "core/stored_distribution.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kShown = 200;

[[noreturn]] void corrupt(std::string_view text, std::string_view why) {
  throw Error(ErrorCode::kCorrupt, fmt::format("not a distribution: {} ({})", text.substr(0, kShown), why));
}

// What is in a JSON text as a distribution's fields.
class Fields {
 public:
  explicit Fields(const JsonTree& attributes) : attributes_(attributes) {}

  double number(const char* key) {
    const auto value = attributes_.at(key).get<double>();
    if (!std::isfinite(value)) problem_ = fmt::format("bounds must be finite, but got {}", named(key));
    return value;
  }

  double step(const char* key) { return has(key) ? number(key) : 0.0; }

  // Optuna's integers may have been written as floats (suggest_int with 1e3), and may be of any size.
  std::int64_t integer(const char* key) {
    const auto value = attributes_.at(key).get<double>();
    if (!(std::abs(value) <= static_cast<double>(kMaxExactInt))) {
      problem_ = fmt::format("bounds must lie within -2^53 and 2^53, but got {}", named(key));
      return 1;
    }
    return static_cast<std::int64_t>(value);
  }

  std::int64_t int_step() { return has("step") ? integer("step") : 1; }

  bool flag(const char* key) const { return has(key) && attributes_.at(key).get<bool>(); }

  StoredDistribution found(FloatDistribution d) const {
    if (!problem_.empty()) d = {1.0, 1.0, 0.0, d.log};
    return {normalize(d), problem_};
  }
  StoredDistribution found(IntDistribution d) const {
    if (!problem_.empty()) d = {1, 1, 1, d.log};
    return {normalize(d), problem_};
  }

 private:
  bool has(const char* key) const {
    const auto it = attributes_.find(key);
    return it != attributes_.end() && !it->is_null();
  }
  std::string named(const char* key) const { return fmt::format("{} = {}", key, dump_json(attributes_.at(key))); }

  const JsonTree& attributes_;
  std::string problem_;
};

// Whether a value of a tree is all that its text says.
bool says_all(const JsonTree& value) {
  constexpr double kIntegersEnd = 9.2e18;  // beyond it may have been written as an integer
  if (value.is_structured()) return false;
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX};
  if (value.is_number_float()) return !(std::abs(value.get<double>()) >= kIntegersEnd);
  return true;
}

std::string_view member(std::string_view object, std::string_view name) {
  for (const auto& [key, value] : json_members(object)) {
    if (key == name) return value;
  }
  return {};
}

// `text`: of the tree that the attributes are of. `is_plain`: parse_json() takes it.
StoredDistribution categorical(const JsonTree& attributes, std::string_view text, bool is_plain) {
  CategoricalDistribution d;
  const JsonTree& choices = attributes.at("choices");
  if (!choices.is_array()) throw Error(ErrorCode::kCorrupt, "choices is no array");
  if (is_plain && std::all_of(choices.begin(), choices.end(), says_all)) {
    for (const auto& choice : choices) d.choices.push_back(choice_from_tree(choice));
  } else {
    const std::string_view inner = member(text, "attributes");
    for (const auto item : json_items(member(inner.empty() ? text : inner, "choices"))) {
      d.choices.push_back(choice_from_json(item));
    }
  }
  return {normalize(std::move(d))};
}

StoredDistribution read(const JsonTree& tree, std::string_view text, bool is_plain) {
  if (!tree.contains("name")) {  // the short form of Optuna's `ask --search-space`
    const auto type = tree.at("type").get<std::string>();
    Fields f(tree);
    if (type == "categorical") return categorical(tree, text, is_plain);
    if (type == "float")
      return f.found(FloatDistribution{f.number("low"), f.number("high"), f.step("step"), f.flag("log")});
    if (type == "int")
      return f.found(IntDistribution{f.integer("low"), f.integer("high"), f.int_step(), f.flag("log")});
    throw Error(ErrorCode::kCorrupt, fmt::format("unknown type '{}', expected float, int or categorical", type));
  }
  const auto name = tree.at("name").get<std::string>();
  const JsonTree& a = tree.at("attributes");
  Fields f(a);
  if (name == "FloatDistribution")
    return f.found(FloatDistribution{f.number("low"), f.number("high"), f.step("step"), f.flag("log")});
  if (name == "IntDistribution")
    return f.found(IntDistribution{f.integer("low"), f.integer("high"), f.int_step(), f.flag("log")});
  if (name == "CategoricalDistribution") return categorical(a, text, is_plain);
  if (name == "UniformDistribution") return f.found(FloatDistribution{f.number("low"), f.number("high"), 0.0, false});
  if (name == "LogUniformDistribution") return f.found(FloatDistribution{f.number("low"), f.number("high"), 0.0, true});
  if (name == "DiscreteUniformDistribution")
    return f.found(FloatDistribution{f.number("low"), f.number("high"), f.number("q"), false});
  if (name == "IntUniformDistribution")
    return f.found(IntDistribution{f.integer("low"), f.integer("high"), f.int_step(), false});
  if (name == "IntLogUniformDistribution")
    return f.found(IntDistribution{f.integer("low"), f.integer("high"), 1, true});
  throw Error(ErrorCode::kCorrupt, fmt::format("unknown distribution class '{}'", name));
}

std::optional<JsonTree> parse_plain(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

JsonTree to_tree(const Choice& choice) {
  if (const auto* b = std::get_if<bool>(&choice)) return *b;
  if (const auto* i = std::get_if<std::int64_t>(&choice)) return *i;
  if (const auto* d = std::get_if<double>(&choice)) return *d;
  if (const auto* s = std::get_if<std::string>(&choice)) return *s;
  if (const auto* j = std::get_if<JsonChoice>(&choice)) return parse_python_json(j->json.text());
  return nullptr;
}

Choice choice_from_tree(const JsonTree& tree) {
  if (tree.is_null()) return std::monostate{};
  if (tree.is_boolean()) return tree.get<bool>();
  if (tree.is_number_integer() && says_all(tree)) return tree.get<std::int64_t>();
  if (tree.is_number_float()) return tree.get<double>();
  if (tree.is_string()) return tree.get<std::string>();
  return JsonChoice(Json::trusted(dump_json(tree)));
}

std::string to_json(const Choice& choice) {
  if (const auto* j = std::get_if<JsonChoice>(&choice)) return j->json.text();
  return dump_json(to_tree(choice));
}

Choice choice_from_json(std::string_view text) {
  const auto tree = parse_plain(text);
  if (!tree) parse_python_json(text);  // says what is wrong, unless it is Python's alone
  const bool is_float = tree && tree->is_number_float() && text.find_first_of(".eEIN") != std::string_view::npos;
  if (tree && (says_all(*tree) || is_float)) return choice_from_tree(*tree);
  return JsonChoice(Json::trusted(std::string(text)));
}

std::string to_json(const Distribution& distribution) {
  JsonTree attributes;
  const char* name = nullptr;
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    name = "FloatDistribution";
    attributes["step"] = f->step > 0.0 ? JsonTree(f->step) : JsonTree(nullptr);
    attributes["low"] = f->low;
    attributes["high"] = f->high;
    attributes["log"] = f->log;
  } else if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    name = "IntDistribution";
    attributes["log"] = i->log;
    attributes["step"] = i->step;
    attributes["low"] = i->low;
    attributes["high"] = i->high;
  } else {
    std::string choices;
    for (const auto& choice : std::get<CategoricalDistribution>(distribution).choices) {
      choices += (choices.empty() ? "" : ", ") + to_json(choice);
    }
    return fmt::format(R"({{"name": "CategoricalDistribution", "attributes": {{"choices": [{}]}}}})", choices);
  }
  JsonTree tree;
  tree["name"] = name;
  tree["attributes"] = std::move(attributes);
  return dump_json(tree);
}

StoredDistribution stored_distribution(std::string_view text) {
  try {
    const auto plain = parse_plain(text);
    return read(plain ? *plain : parse_python_json(text), text, plain.has_value());
  } catch (const Error& e) {
    corrupt(text, e.what());
  } catch (const nlohmann::json::exception&) {
    corrupt(text, "a field is missing or of another type");
  }
}

Distribution distribution_from_json(std::string_view text) {
  StoredDistribution stored = stored_distribution(text);
  if (!stored.problem.empty()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} in {}", stored.problem, text.substr(0, kShown)));
  }
  return std::move(stored.distribution);
}

}  // namespace bluefin
