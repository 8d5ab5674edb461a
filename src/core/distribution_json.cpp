// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <cmath>

#include "bluefin/distribution.hpp"
#include "bluefin/error.hpp"
#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

[[noreturn]] void corrupt(std::string_view text, std::string_view why) {
  constexpr std::size_t kShown = 200;
  throw Error(ErrorCode::kCorrupt, fmt::format("not a distribution: {} ({})", text.substr(0, kShown), why));
}

double number(const JsonTree& attributes, const char* key) { return attributes.at(key).get<double>(); }

// Optuna's integers may have been written as floats (suggest_int with 1e3).
std::int64_t integer(const JsonTree& attributes, const char* key) {
  const auto& value = attributes.at(key);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  const auto as_float = value.get<double>();
  if (!(std::abs(as_float) < 9.2e18)) throw Error(ErrorCode::kCorrupt, fmt::format("{} is not an integer", key));
  return static_cast<std::int64_t>(as_float);
}

bool flag(const JsonTree& attributes, const char* key) {
  const auto it = attributes.find(key);
  return it != attributes.end() && !it->is_null() && it->get<bool>();
}

double optional_step(const JsonTree& attributes, const char* key) {
  const auto it = attributes.find(key);
  return it == attributes.end() || it->is_null() ? 0.0 : it->get<double>();
}

std::int64_t int_step(const JsonTree& attributes) {
  const auto it = attributes.find("step");
  return it == attributes.end() || it->is_null() ? 1 : integer(attributes, "step");
}

CategoricalDistribution categorical(const JsonTree& attributes) {
  CategoricalDistribution d;
  for (const auto& choice : attributes.at("choices")) d.choices.push_back(choice_from_tree(choice));
  return d;
}

Distribution read(const JsonTree& tree) {
  if (!tree.contains("name")) {  // the short form of Optuna's `ask --search-space`
    const auto type = tree.at("type").get<std::string>();
    if (type == "categorical") return categorical(tree);
    if (type == "float")
      return FloatDistribution{number(tree, "low"), number(tree, "high"), optional_step(tree, "step"),
                               flag(tree, "log")};
    if (type == "int")
      return IntDistribution{integer(tree, "low"), integer(tree, "high"), int_step(tree), flag(tree, "log")};
    throw Error(ErrorCode::kCorrupt, fmt::format("unknown type '{}', expected float, int or categorical", type));
  }
  const auto name = tree.at("name").get<std::string>();
  const JsonTree& a = tree.at("attributes");
  if (name == "FloatDistribution")
    return FloatDistribution{number(a, "low"), number(a, "high"), optional_step(a, "step"), flag(a, "log")};
  if (name == "IntDistribution")
    return IntDistribution{integer(a, "low"), integer(a, "high"), int_step(a), flag(a, "log")};
  if (name == "CategoricalDistribution") return categorical(a);
  if (name == "UniformDistribution") return FloatDistribution{number(a, "low"), number(a, "high"), 0.0, false};
  if (name == "LogUniformDistribution") return FloatDistribution{number(a, "low"), number(a, "high"), 0.0, true};
  if (name == "DiscreteUniformDistribution")
    return FloatDistribution{number(a, "low"), number(a, "high"), number(a, "q"), false};
  if (name == "IntUniformDistribution")
    return IntDistribution{integer(a, "low"), integer(a, "high"), int_step(a), false};
  if (name == "IntLogUniformDistribution") return IntDistribution{integer(a, "low"), integer(a, "high"), 1, true};
  throw Error(ErrorCode::kCorrupt, fmt::format("unknown distribution class '{}'", name));
}

}  // namespace

JsonTree to_tree(const Choice& choice) {
  if (const auto* b = std::get_if<bool>(&choice)) return *b;
  if (const auto* i = std::get_if<std::int64_t>(&choice)) return *i;
  if (const auto* d = std::get_if<double>(&choice)) return *d;
  if (const auto* s = std::get_if<std::string>(&choice)) return *s;
  return nullptr;
}

Choice choice_from_tree(const JsonTree& tree) {
  if (tree.is_null()) return std::monostate{};
  if (tree.is_boolean()) return tree.get<bool>();
  if (tree.is_number_integer()) return tree.get<std::int64_t>();
  if (tree.is_number()) return tree.get<double>();
  if (tree.is_string()) return tree.get<std::string>();
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} is not a parameter value, expected null, a boolean, a number or a string", dump_json(tree)));
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
    name = "CategoricalDistribution";
    attributes["choices"] = JsonTree::array();
    for (const auto& choice : std::get<CategoricalDistribution>(distribution).choices) {
      attributes["choices"].push_back(to_tree(choice));
    }
  }
  JsonTree tree;
  tree["name"] = name;
  tree["attributes"] = std::move(attributes);
  return dump_json(tree);
}

Distribution distribution_from_json(std::string_view text) {
  try {
    return normalize(read(parse_json(text)));
  } catch (const Error& e) {
    corrupt(text, e.what());
  } catch (const nlohmann::json::exception&) {
    corrupt(text, "a field is missing or of another type");
  }
}

}  // namespace bluefin
