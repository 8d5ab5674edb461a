// SPDX-License-Identifier: MIT
#include "exec/output_values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

// All of `text`, or nullopt.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') {
    text.remove_prefix(1);
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) {
    return std::nullopt;
  }
  if constexpr (std::is_floating_point_v<T>) {
    // Beyond the largest double, or closer to zero than the smallest: infinity or zero, as in other languages.
    if (error == std::errc::result_out_of_range) return std::strtod(std::string(text).c_str(), nullptr);
  }
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// The first word; `rest` becomes what stands behind it.
std::string_view next_word(std::string_view& rest, std::string_view separators) {
  rest.remove_prefix(std::min(rest.find_first_not_of(separators), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(separators));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Report parse_report(std::string_view line) {
  std::string_view rest = line.substr(kReportPrefix.size());
  const auto step = parse_number<std::int64_t>(next_word(rest, kSpace));
  const auto value = parse_number<double>(next_word(rest, kSpace));
  if (!step || *step < 0 || !value || !trim(rest).empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the program printed '{}', expected: bluefin:report STEP VALUE, with a step >= 0",
                            line.substr(0, 200)));
  }
  return {*step, *value};
}

std::vector<double> parse_values(std::string_view line) {
  if (trim(line).empty()) {
    throw Error(ErrorCode::kInvalidArgument, "the program printed nothing; its last line must be its value");
  }
  std::vector<double> values;
  for (std::string_view rest = line;;) {
    const std::string_view word = next_word(rest, " \t\r\n\v\f,");
    if (word.empty()) {
      return values;
    }
    const auto value = parse_number<double>(word);
    if (!value) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the last line of output is '{}', which is not a number", line.substr(0, 200)));
    }
    values.push_back(*value);
  }
}

std::string check_values(const std::vector<double>& values, std::size_t n_objectives) {
  if (values.size() != n_objectives) {
    return fmt::format("{} value{} given, but the study has {} objective{}", values.size(),
                       values.size() == 1 ? "" : "s", n_objectives, n_objectives == 1 ? "" : "s");
  }
  for (const double value : values) {
    if (std::isnan(value)) {
      return "the value is nan";
    }
  }
  return {};
}

}  // namespace bluefin
