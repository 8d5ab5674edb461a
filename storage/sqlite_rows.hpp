// SPDX-License-Identifier: MIT
// How Optuna writes times and values into columns (optuna/storages/_rdb/models.py), and errors that name a row.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bluefin/types.hpp"
#include "storage/sqlite_db.hpp"

namespace bluefin {

// "2026-01-31 23:59:59.000001", UTC.
std::string format_time(Time time);
// Reads that, and the form without a fraction (CURRENT_TIMESTAMP). As SQLAlchemy does, takes the digits behind the
// point as a count of microseconds. nullopt when it is no time.
std::optional<Time> parse_time(std::string_view text);

// FINITE with a number, or INF_POS, INF_NEG, NAN without one.
struct StoredValue {
  std::optional<double> number;
  std::string_view type;
};
StoredValue encode_value(double value);

// Error(kCorrupt) "sqlite:///a.db: trials, trial_id 7: state = 'X', expected ...".
[[noreturn]] void corrupt_row(const SqliteDb& db, std::string_view table, std::int64_t id, std::string_view problem);

// Reads a column with a time of a trial; nullopt for NULL.
std::optional<Time> read_time(const SqliteDb& db, const SqliteQuery& query, int column, std::int64_t trial,
                              std::string_view name);

// Reads two neighbouring columns, the number and its type. NaN is allowed where `allow_nan`.
double decode_value(const SqliteDb& db, const SqliteQuery& query, int column, bool allow_nan, std::string_view table,
                    std::int64_t trial);

}  // namespace bluefin
