// SPDX-License-Identifier: MIT
#include "storage/sqlite_rows.hpp"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kFinite = "FINITE";
constexpr std::string_view kPositive = "INF_POS";
constexpr std::string_view kNegative = "INF_NEG";
constexpr std::string_view kNan = "NAN";

// Takes a number of digits and the separator behind it off the front of `text`.
bool take(std::string_view& text, int& number, char separator) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (separator == '\0') return true;
  if (text.empty() || text.front() != separator) return false;
  text.remove_prefix(1);
  return true;
}

// A number of n digits at the front of `text`.
bool digits(const char* text, int n, int& number) {
  number = 0;
  for (int i = 0; i < n; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    number = 10 * number + (text[i] - '0');
  }
  return true;
}

}  // namespace

std::string format_time(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<Time> parse_time(std::string_view text) {
  int year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0, micros = 0;
  const char* t = text.data();
  if (text.size() == 26 && t[4] == '-' && t[7] == '-' && t[10] == ' ' && t[13] == ':' && t[16] == ':' && t[19] == '.' &&
      digits(t, 4, year) && digits(t + 5, 2, month) && digits(t + 8, 2, day) && digits(t + 11, 2, hours) &&
      digits(t + 14, 2, minutes) && digits(t + 17, 2, seconds) && digits(t + 20, 6, micros)) {
    text = {};  // nearly all are so, and this costs a fifth of what comes next
  } else if (!take(text, year, '-') || !take(text, month, '-') || !take(text, day, '\0')) {
    return std::nullopt;
  }
  if (!text.empty()) {
    if (text.front() != ' ') return std::nullopt;
    text.remove_prefix(1);
    if (!take(text, hours, ':') || !take(text, minutes, ':') || !take(text, seconds, '\0')) return std::nullopt;
    if (!text.empty()) {
      if (text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
      if (!take(text, micros, '\0') || !text.empty()) return std::nullopt;
    }
  }
  if (month > 12 || day > 31) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (year < 1 || year > 9999 || !date.ok() || hours > 23 || minutes > 59 || seconds > 59 || micros > 999999) {
    return std::nullopt;
  }
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
         std::chrono::seconds(seconds) + std::chrono::microseconds(micros);
}

StoredValue encode_value(double value) {
  if (std::isnan(value)) return {std::nullopt, kNan};
  if (std::isinf(value)) return {std::nullopt, value > 0 ? kPositive : kNegative};
  return {value, kFinite};
}

void corrupt_row(const SqliteDb& db, std::string_view table, std::int64_t id, std::string_view problem) {
  const std::string_view key = table == "studies" || table.substr(0, 6) == "study_" ? "study_id" : "trial_id";
  throw Error(ErrorCode::kCorrupt, fmt::format("{}: table {}, {} {}: {}", db.name(), table, key, id, problem));
}

double decode_value(const SqliteDb& db, const SqliteQuery& query, int column, bool allow_nan, std::string_view table,
                    std::int64_t trial) {
  const std::string_view type = query.text(column + 1);
  if (type == kFinite) {
    if (const auto number = query.number(column)) return *number;
    corrupt_row(db, table, trial, "a FINITE value is NULL");
  }
  if (type == kPositive) return std::numeric_limits<double>::infinity();
  if (type == kNegative) return -std::numeric_limits<double>::infinity();
  if (type == kNan && allow_nan) return std::numeric_limits<double>::quiet_NaN();
  corrupt_row(db, table, trial,
              fmt::format("value type = '{}', expected FINITE, INF_POS{} INF_NEG{}", type, allow_nan ? "," : " or",
                          allow_nan ? " or NAN" : ""));
}

std::optional<Time> read_time(const SqliteDb& db, const SqliteQuery& query, int column, std::int64_t trial,
                              std::string_view name) {
  if (query.is_null(column)) return std::nullopt;
  const auto time = parse_time(query.text(column));
  if (!time) {
    corrupt_row(db, "trials", trial,
                fmt::format("{} = '{}', expected YYYY-MM-DD HH:MM:SS.ffffff", name, query.text(column)));
  }
  return time;
}

}  // namespace bluefin
