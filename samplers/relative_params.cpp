// SPDX-License-Identifier: MIT
#include "samplers/relative_params.hpp"

#include <string>
#include <string_view>

#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {

std::vector<Attribute> relative_params_attributes(std::string_view sampler, std::span<const TrialParam> params) {
  constexpr std::size_t kMaxLength = 2045;
  if (params.empty()) return {};
  std::string text;
  for (const auto& param : params) {
    text += text.empty() ? "{" : ", ";
    append_json(text, param.spec->name);
    text += ": ";
    if (std::holds_alternative<FloatDistribution>(param.spec->distribution)) {
      append_json(text, param.value);
    } else {
      text += to_json(to_external(param.spec->distribution, param.value));
    }
  }
  text += "}";
  std::vector<Attribute> attributes;
  for (std::size_t i = 0; i * kMaxLength < text.size(); ++i) {
    attributes.push_back({std::string(sampler) + ":relative_params:" + std::to_string(i),
                          Json(std::string_view(text).substr(i * kMaxLength, kMaxLength))});
  }
  return attributes;
}

}  // namespace bluefin
