// SPDX-License-Identifier: MIT
#include "report_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "terminal_text.hpp"

namespace bluefin::cli {
namespace {

// $'...', with every byte that is not plain ASCII by its number.
std::string escaped(const std::string& word) {
  std::string result = "$'";
  for (const char c : word) {
    if (c == '\'' || c == '\\') {
      result += {'\\', c};
    } else if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
  }
  return result + "'";
}

}  // namespace

std::string printable(const std::string& text) { return harmless(text); }

// Bytes that continue a UTF-8 character count for nothing.
std::string shorten(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) {
      continue;
    }
    if (characters + 3 == width) {
      cut = i;
    }
    if (++characters > width) {
      return width < 3 ? "" : text.substr(0, cut) + "...";
    }
  }
  return text;
}

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

std::string plural(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string values_text(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : " ") + number_text(value);
  }
  return text;
}

std::string attribute_text(const FrozenTrial& trial, const char* key) {
  const Json* value = find_attribute(trial.user_attrs, key);
  return value != nullptr ? value->as_string().value_or(value->text()) : "";
}

double seconds_of(const FrozenTrial& trial) {
  if (!trial.datetime_start || !trial.datetime_complete) {
    return 0;
  }
  return std::chrono::duration<double>(*trial.datetime_complete - *trial.datetime_start).count();
}

std::string params_text(const FrozenTrial& trial) {
  std::string text;
  for (const TrialParam& param : trial.params) {
    const Choice value = to_external(param.spec->distribution, param.value);
    const double* number = std::get_if<double>(&value);
    text += (text.empty() ? "" : " ") + param.spec->name + "=" + (number ? number_text(*number) : to_string(value));
  }
  return text;
}

std::string last_line(const std::string& text) {
  const std::string trimmed = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  return trimmed.substr(trimmed.rfind('\n') + 1);
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_-./:=,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) {
    return word;
  }
  if (harmless(word) != word) return escaped(word);
  std::string result = "'";
  for (const char c : word) {
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

std::string duration_text(double seconds) {
  if (seconds < 9.95) {
    return fmt::format("{:.1f}s", seconds);
  }
  const auto whole = static_cast<long long>(std::min(std::round(seconds), 9e15));
  if (whole < 60) {
    return fmt::format("{}s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  }
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string gap_text(double seconds) {
  return seconds < 0.9995 ? fmt::format("{:.0f}ms", 1000 * seconds) : duration_text(seconds);
}

}  // namespace bluefin::cli
