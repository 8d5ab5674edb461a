// SPDX-License-Identifier: MIT
#include "option_values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "command_line.hpp"

namespace bluefin::cli {

std::optional<double> parse_duration(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || !std::isfinite(seconds) || seconds < 0) {
    return std::nullopt;
  }
  if (unit == "m") {
    seconds *= 60;
  } else if (unit == "h") {
    seconds *= 3600;
  } else if (!unit.empty() && unit != "s") {
    return std::nullopt;
  }
  constexpr double kLongest = 3.2e9;  // a century: what clocks still count in nanoseconds
  return seconds <= kLongest ? std::optional(seconds) : std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || !std::isfinite(number) || number < 0) {
    return std::nullopt;
  }
  if (!unit.empty() && unit != "B") {
    static constexpr std::string_view kPrefixes = "kMGT";
    const std::size_t prefix = unit.front() == 'K' ? 0 : kPrefixes.find(unit.front());
    unit.remove_prefix(1);
    if (prefix == std::string_view::npos || (!unit.empty() && unit != "B" && unit != "iB")) {
      return std::nullopt;
    }
    number *= std::pow(unit == "B" ? 1000.0 : 1024.0, static_cast<double>(prefix + 1));
  }
  constexpr double kMost = 9e18;
  return number <= kMost ? std::optional(static_cast<std::uint64_t>(number)) : std::nullopt;
}

ResourceHint parse_resource_hint(const std::string& text, std::string_view name) {
  const auto equals = text.find('=');
  ResourceHint hint{text.substr(0, equals), {}};
  for (std::size_t begin = equals; begin != std::string::npos;) {
    const auto end = text.find('*', ++begin);
    std::string param = text.substr(begin, end == std::string::npos ? end : end - begin);
    param.erase(0, param.find_first_not_of(' '));
    param.erase(param.find_last_not_of(' ') + 1);
    hint.second.push_back(std::move(param));
    begin = end;
  }
  const bool has_empty = std::any_of(hint.second.begin(), hint.second.end(), [](const auto& p) { return p.empty(); });
  if (hint.first.empty() || hint.second.empty() || has_empty) {
    throw UsageError(
        fmt::format("{} '{}' must be NAME=PARAMETER*PARAMETER..., e.g. activations=batch*width*depth", name, text));
  }
  return hint;
}

Configuration parse_configuration(const std::string& text) {
  const auto fail = [&](std::string_view why) {
    return UsageError(fmt::format("--enqueue '{}' {}", text.substr(0, 200), why));
  };
  std::set<std::string> names;
  std::string twice;
  const auto note = [&](int depth, nlohmann::json::parse_event_t event, auto& value) {
    const bool is_name = event == nlohmann::json::parse_event_t::key && depth == 1;
    if (is_name && !names.insert(value.template get<std::string>()).second) twice = value.template get<std::string>();
    return true;
  };
  const auto tree = nlohmann::ordered_json::parse(text, note, false);
  if (!tree.is_object()) {
    throw fail("must be a JSON object like '{\"lr\": 0.001}'");
  }
  if (!twice.empty()) {
    throw fail(fmt::format("gives '{}' two values", twice));
  }
  Configuration configuration;
  for (const auto& [name, value] : tree.items()) {
    Choice choice;  // null
    if (value.is_boolean()) {
      choice = value.get<bool>();
    } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      throw fail(fmt::format("gives '{}' an integer that is too large", name));
    } else if (value.is_number_integer()) {
      choice = value.get<std::int64_t>();
    } else if (value.is_number()) {
      choice = value.get<double>();
    } else if (value.is_string()) {
      choice = value.get<std::string>();
    } else if (!value.is_null()) {
      throw fail(fmt::format("gives '{}' a value that no parameter can have", name));
    }
    configuration.emplace_back(name, choice);
  }
  return configuration;
}

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace bluefin::cli
