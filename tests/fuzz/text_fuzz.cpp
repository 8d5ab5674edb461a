// SPDX-License-Identifier: MIT
// The first byte chooses a parser, the others are its text: JSON, distributions, search spaces, messages of child
// processes, times, URLs.
#include <algorithm>
#include <array>

#include "bluefin/distribution.hpp"
#include "bluefin/error.hpp"
#include "bluefin/json.hpp"
#include "bluefin/supervisor.hpp"
#include "core/json_members.hpp"
#include "core/json_nlohmann.hpp"
#include "exec/output_values.hpp"
#include "exec/protocol.hpp"
#include "fuzz/input.hpp"
#include "fuzz/use_storage.hpp"
#include "storage/sqlite_rows.hpp"
#include "storage/sqlite_url.hpp"

using namespace bluefin;
using fuzz::broken;

namespace {

void json(std::string_view text) {
  const Json value = Json::parse(text);
  static_cast<void>(value.as_bool());
  static_cast<void>(value.as_int());
  static_cast<void>(value.as_double());
  static_cast<void>(value.as_string());
  static_cast<void>(value.as_doubles());
  static_cast<void>(value.as_strings());
  if (const auto items = value.as_array()) {
    for (const Json& item : *items) Json::parse(item.text());
  }
  if (const auto members = value.as_object()) {
    for (const auto& [key, member] : *members) Json::parse(member.text());
  }
}

void members(std::string_view text) {
  for (const auto& [key, value] : json_members(text)) {
    if (value.data() < text.data() || value.data() + value.size() > text.data() + text.size()) broken("a view outside");
    parse_json(value);
  }
}

void distribution(std::string_view text) {
  const Distribution read = distribution_from_json(text);
  const Distribution again = distribution_from_json(to_json(read));
  // The end of a grid whose low has 16 digits is rounded, and may be behind the last step when it is read again; Optuna
  // computes it so: FloatDistribution(0.01844674407370955, 1.0, step=0.1).
  const auto* grid = std::get_if<FloatDistribution>(&read);
  const bool may_be_shorter = grid != nullptr && grid->step > 0.0;
  if (!may_be_shorter && to_json(again) != to_json(read))
    broken("a distribution comes back as another: " + to_json(read));
  static_cast<void>(to_string(read));
  for (const double value : {0.0, 1.0, -1e300, 1e300}) static_cast<void>(contains(read, value));
}

void space(std::string_view text) {
  for (const auto& [name, read] : parse_space(text)) distribution(to_json(read));
}

void messages(std::string_view text) {
  protocol::LineReader reader(1000);
  const std::size_t half = text.size() / 2;
  reader.append(text.substr(0, half));
  std::string all;
  const auto take = [&] {
    while (auto line = reader.next()) {
      all += *line + "\n";
      try {
        const JsonTree message = parse_json(*line);
        static_cast<void>(protocol::id_member(message));
        static_cast<void>(protocol::string_member(message, "op"));
        static_cast<void>(protocol::number_member(message, "value"));
        static_cast<void>(protocol::integer_member(message, "step"));
      } catch (const Error&) {
        // The next line may be one.
      }
    }
  };
  take();
  reader.append(text.substr(half));
  take();
  all += reader.take_rest();
  if (all != text) broken("the lines are not those that came");
}

void times(std::string_view text) {
  const auto time = parse_time(text);
  if (time && parse_time(format_time(*time)) != time) broken("a time comes back as another: " + format_time(*time));
}

void outputs(std::string_view text) {
  const auto values = parse_values(text);
  static_cast<void>(check_values(values, 1));
  static_cast<void>(parse_report(std::string(kReportPrefix) + std::string(text)));
}

void urls(std::string_view text) {
  static_cast<void>(parse_sqlite_url("sqlite:///" + std::string(text)));
  static_cast<void>(parse_sqlite_url(std::string(text)));
}

constexpr std::array kParsers{json, members, distribution, space, messages, times, urls, outputs};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t which = input.below(kParsers.size());
  try {
    kParsers[which](input.rest());
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kInternal) broken(std::string("an internal error: ") + e.what());
  } catch (const std::exception& e) {
    broken("parser " + std::to_string(which) + ": not one of bluefin's errors: " + e.what());
  }
  return 0;
}
