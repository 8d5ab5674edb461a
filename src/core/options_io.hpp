// SPDX-License-Identifier: MIT
// Options structs to and from name-value maps, by their describe() (bluefin/options.hpp).
#pragma once

#include <fmt/core.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/options.hpp"

namespace bluefin {

namespace options_detail {

template <class T>
struct Unwrap {
  using type = T;
};
template <class T>
struct Unwrap<std::optional<T>> {
  using type = T;
};

template <class T>
constexpr const char* kind_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "true or false";
  else if constexpr (std::is_integral_v<T>)
    return "an integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "a number";
  else
    return "a string";
}

template <class T>
std::optional<T> read(const Json& json) {
  if constexpr (std::is_same_v<T, bool>) {
    return json.as_bool();
  } else if constexpr (std::is_integral_v<T>) {
    const auto value = json.as_int();
    if (!value || *value < std::numeric_limits<T>::min() || *value > std::numeric_limits<T>::max()) return std::nullopt;
    return static_cast<T>(*value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return json.as_double();
  } else {
    return json.as_string();
  }
}

template <class T>
Json write(const T& value) {
  if constexpr (std::is_same_v<T, typename Unwrap<T>::type>)
    return Json(value);
  else
    return value ? Json(*value) : Json(nullptr);
}

}  // namespace options_detail

// Checks every field against its range. `owner` ("tpe") begins each message. Throws Error(kInvalidArgument).
template <class Options>
void check_options(std::string_view owner, const Options& options) {
  Options::describe([&](const char* name, auto member, OptionRange range, const char*) {
    using Field = std::decay_t<decltype(options.*member)>;
    using T = typename options_detail::Unwrap<Field>::type;
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      std::optional<T> value = options.*member;
      if (!value) return;
      const auto number = static_cast<double>(*value);
      if (number >= range.low && number <= range.high) return;
      throw Error(
          ErrorCode::kInvalidArgument,
          std::isfinite(range.high)
              ? fmt::format("{}: {} = {}, must be between {} and {}", owner, name, *value, range.low, range.high)
              : fmt::format("{}: {} = {}, must be >= {}", owner, name, *value, range.low));
    }
  });
}

// Throws Error(kInvalidArgument) for an unknown name (the known ones are listed), a value of the wrong kind or out of
// range. null leaves an optional field unset.
template <class Options>
Options parse_options(std::string_view owner, const OptionMap& map) {
  Options options;
  std::string known;
  std::size_t used = 0;
  Options::describe([&](const char* name, auto member, OptionRange, const char*) {
    using Field = std::decay_t<decltype(options.*member)>;
    using T = typename options_detail::Unwrap<Field>::type;
    known += (known.empty() ? "" : ", ") + std::string(name);
    const auto it = map.find(name);
    if (it == map.end()) return;
    ++used;
    if (!std::is_same_v<T, Field> && it->second.is_null()) return;
    const auto value = options_detail::read<T>(it->second);
    if (!value) {
      std::string expected = options_detail::kind_name<T>();
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        using Limits = std::numeric_limits<T>;
        if (it->second.as_int()) expected += fmt::format(" between {} and {}", Limits::min(), Limits::max());
      }
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} = {}, expected {}", owner, name, it->second.text(), expected));
    }
    options.*member = *value;
  });
  if (used != map.size()) {
    for (const auto& [name, value] : map) {
      bool found = false;
      Options::describe([&, &key = name](const char* option, auto&&...) { found = found || key == option; });
      if (!found) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: unknown option '{}', {}", owner, name,
                                known.empty() ? std::string("it has none") : "expected one of: " + known));
      }
    }
  }
  check_options(owner, options);
  return options;
}

template <class Options>
OptionMap write_options(const Options& options) {
  OptionMap map;
  Options::describe([&](const char* name, auto member, OptionRange, const char*) {
    map.emplace(name, options_detail::write(options.*member));
  });
  return map;
}

template <class Options>
std::vector<OptionHelp> describe_options() {
  std::vector<OptionHelp> help;
  Options::describe([&](const char* name, auto member, OptionRange, const char* description) {
    help.push_back({name, options_detail::write(Options{}.*member).text(), description});
  });
  return help;
}

}  // namespace bluefin
