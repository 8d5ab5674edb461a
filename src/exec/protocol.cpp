// SPDX-License-Identifier: MIT
#include "exec/protocol.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace bluefin::protocol {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 8> kCodes{{
    {ErrorCode::kInvalidArgument, "invalid_argument"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kAlreadyExists, "already_exists"},
    {ErrorCode::kConflict, "conflict"},
    {ErrorCode::kUnavailable, "unavailable"},
    {ErrorCode::kCorrupt, "corrupt"},
    {ErrorCode::kNumerical, "numerical"},
    {ErrorCode::kInternal, "internal"},
}};

[[noreturn]] void throw_member(const char* key, const char* expected, const JsonTree& found) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("protocol: \"{}\" = {}, must be {}", key, dump_json(found).substr(0, 100), expected));
}

}  // namespace

std::optional<std::string> LineReader::next() {
  const std::size_t end = buffer_.find('\n', std::max(begin_, scanned_));
  if (end == std::string::npos) {
    buffer_.erase(0, begin_);
    begin_ = 0;
    scanned_ = buffer_.size();
    return std::nullopt;
  }
  std::string line = buffer_.substr(begin_, end - begin_);
  begin_ = end + 1;
  return line;
}

std::string LineReader::take_rest() {
  std::string rest = buffer_.substr(begin_);
  buffer_.clear();
  begin_ = scanned_ = 0;
  return rest;
}

std::string_view code_word(ErrorCode code) {
  for (const auto& [known, word] : kCodes) {
    if (known == code) {
      return word;
    }
  }
  return "internal";
}

ErrorCode parse_code(std::string_view word) {
  for (const auto& [code, known] : kCodes) {
    if (known == word) {
      return code;
    }
  }
  return ErrorCode::kInternal;
}

std::string ok_line(const JsonTree& fields, const JsonTree& id) {
  JsonTree reply = {{"ok", true}};
  if (!id.is_null()) reply["id"] = id;
  reply.update(fields);
  return dump_json(reply) + "\n";
}

std::string error_line(ErrorCode code, std::string_view message, const JsonTree& id) {
  JsonTree reply = {{"ok", false}};
  if (!id.is_null()) reply["id"] = id;
  reply["error"] = {{"code", std::string(code_word(code))}, {"message", std::string(message)}};
  return dump_json(reply) + "\n";
}

JsonTree id_member(const JsonTree& message) {
  const auto found = message.find("id");
  if (found == message.end() || found->is_null()) {
    return {};
  }
  if (!found->is_string() && !found->is_number_integer()) {
    throw_member("id", "a string or an integer", *found);
  }
  return *found;
}

const JsonTree& member(const JsonTree& message, const char* key) {
  const auto found = message.find(key);
  if (found == message.end()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("protocol: the message has no \"{}\"", key));
  }
  return *found;
}

std::string string_member(const JsonTree& message, const char* key) {
  const JsonTree& value = member(message, key);
  if (!value.is_string()) {
    throw_member(key, "a string", value);
  }
  return value.get<std::string>();
}

std::vector<std::string> strings_member(const JsonTree& message, const char* key) {
  const JsonTree& value = member(message, key);
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const JsonTree& v) { return v.is_string(); })) {
    throw_member(key, "a list of strings", value);
  }
  return value.get<std::vector<std::string>>();
}

double as_number(const JsonTree& value, const char* key) {
  if (value.is_number()) {
    return value.get<double>();
  }
  if (value.is_string()) {
    const auto& word = value.get_ref<const std::string&>();
    if (word == "nan") {
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (word == "inf" || word == "-inf") {
      return (word == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
    }
  }
  throw_member(key, "a number", value);
}

double number_member(const JsonTree& message, const char* key) { return as_number(member(message, key), key); }

std::int64_t integer_member(const JsonTree& message, const char* key) {
  const JsonTree& value = member(message, key);
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > kLargest)) {
    throw_member(key, "an integer below 2^63", value);
  }
  return value.get<std::int64_t>();
}

}  // namespace bluefin::protocol
