// SPDX-License-Identifier: MIT
#include "bluefin/types.hpp"

#include <array>
#include <string>
#include <utility>

#include "bluefin/version.hpp"

namespace bluefin {
namespace {

constexpr std::array<std::pair<std::string_view, Direction>, 3> kDirections{
    {{"NOT_SET", Direction::kNotSet}, {"MINIMIZE", Direction::kMinimize}, {"MAXIMIZE", Direction::kMaximize}}};

constexpr std::array<std::pair<std::string_view, TrialState>, 5> kStates{{{"RUNNING", TrialState::kRunning},
                                                                          {"COMPLETE", TrialState::kComplete},
                                                                          {"PRUNED", TrialState::kPruned},
                                                                          {"FAIL", TrialState::kFail},
                                                                          {"WAITING", TrialState::kWaiting}}};

// ASCII only: the process's locale must not decide what a word is.
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

template <class Table>
auto parse(const Table& table, std::string_view word) -> std::optional<decltype(table[0].second)> {
  std::string key(word);
  for (char& c : key) c = upper(c);
  for (const auto& [name, value] : table) {
    if (name == key) return value;
  }
  return std::nullopt;
}

template <class Table, class Value>
std::string_view name_of(const Table& table, Value value) {
  for (const auto& [name, entry] : table) {
    if (entry == value) return name;
  }
  return "?";
}

}  // namespace

std::string_view to_string(Direction direction) { return name_of(kDirections, direction); }
std::string_view to_string(TrialState state) { return name_of(kStates, state); }
std::optional<Direction> parse_direction(std::string_view word) { return parse(kDirections, word); }
std::optional<TrialState> parse_trial_state(std::string_view word) { return parse(kStates, word); }

Time now() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

const char* version() { return BLUEFIN_VERSION; }

}  // namespace bluefin
