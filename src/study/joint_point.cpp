// SPDX-License-Identifier: MIT
#include "study/joint_point.hpp"

#include <fmt/core.h>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/choice_json.hpp"
#include "core/json_members.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kPiece = ":relative_params:";

// The pieces in their order, joined. Empty when there are none.
std::string joined_pieces(const std::vector<Attribute>& attributes) {
  std::string prefix;
  for (const auto& attribute : attributes) {
    const auto at = attribute.key.find(kPiece);
    if (at == std::string::npos) continue;
    prefix = attribute.key.substr(0, at + kPiece.size());
    break;
  }
  std::string text;
  if (prefix.empty()) return text;
  for (int i = 0;; ++i) {
    const Json* piece = find_attribute(attributes, prefix + std::to_string(i));
    if (piece == nullptr) return text;
    text += piece->as_string().value_or("");
  }
}

}  // namespace

std::vector<std::pair<std::string, Choice>> fixed_params(const FrozenTrial& trial) {
  std::vector<std::pair<std::string, Choice>> result;
  const Json* attribute = find_attribute(trial.system_attrs, "fixed_params");
  if (attribute == nullptr) return result;
  if (attribute->text().find('{') == std::string::npos) return result;  // not of Optuna or bluefin
  try {
    for (const auto& [name, value] : json_members(attribute->text())) {
      result.emplace_back(name, choice_from_json(value));
    }
  } catch (const Error& e) {
    log(LogLevel::kWarning, fmt::format("trial {}: what was queued is ignored: {}", trial.number, e.what()));
  }
  return result;
}

std::vector<TrialParam> known_point(const FrozenTrial& trial,
                                    const std::function<ParamSpecPtr(std::string_view)>& spec_of) {
  std::vector<TrialParam> point = trial.params;
  const std::string text = joined_pieces(trial.system_attrs);
  if (text.empty()) return point;
  try {
    for (const auto& [name, value] : json_members(text)) {
      if (trial.find_param(name) != nullptr) continue;
      const ParamSpecPtr spec = spec_of(name);
      if (!spec) continue;
      try {
        point.push_back({spec, to_canonical(spec->distribution, choice_from_json(value))});
      } catch (const Error&) {
        continue;  // another range or other choices than this process knows: not a point it can use
      }
    }
  } catch (const Error&) {
    // Pieces of one sample are written one by one; until the last is there the text is no JSON.
  }
  return point;
}

}  // namespace bluefin
