// SPDX-License-Identifier: MIT
#include "core/decimal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>

namespace bluefin {
namespace {

__extension__ using int128 = __int128;

struct Decimal {
  int128 mantissa;
  int exponent;  // value = mantissa * 10^exponent
};

Decimal to_decimal(double value) {
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  Decimal result{0, 0};
  bool negative = false;
  bool fraction = false;
  const char* p = buffer.data();
  for (; p != end && *p != 'e'; ++p) {
    if (*p == '-') {
      negative = true;
    } else if (*p == '.') {
      fraction = true;
    } else {
      result.mantissa = result.mantissa * 10 + (*p - '0');
      if (fraction) --result.exponent;
    }
  }
  int exponent = 0;
  std::from_chars(p + (p[1] == '+' ? 2 : 1), end, exponent);
  result.exponent += exponent;
  if (negative) result.mantissa = -result.mantissa;
  return result;
}

// The three on one exponent, or nothing where that takes more digits than fit (17 digits each and 20 of shift).
std::optional<std::array<Decimal, 3>> align(double low, double high, double step) {
  std::array<Decimal, 3> numbers{to_decimal(low), to_decimal(high), to_decimal(step)};
  int exponent = 1 << 20;
  for (const auto& n : numbers) {
    if (n.mantissa != 0) exponent = std::min(exponent, n.exponent);
  }
  for (auto& n : numbers) {
    if (n.mantissa == 0) n.exponent = exponent;
    if (n.exponent - exponent > 20) return std::nullopt;
    for (; n.exponent > exponent; --n.exponent) n.mantissa *= 10;
  }
  return numbers;
}

double to_double(int128 mantissa, int exponent) {
  const bool negative = mantissa < 0;
  if (negative) mantissa = -mantissa;
  std::string digits;
  for (; mantissa != 0; mantissa /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(mantissa % 10)));
  if (digits.empty()) return 0.0;
  const std::string text = (negative ? "-" : "") + digits + "e" + std::to_string(exponent);
  double value = 0.0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

double last_on_grid(double low, double high, double step) {
  const auto aligned = align(low, high, step);
  if (!aligned) {
    // A grid finer than the doubles themselves: every value is on it.
    const double steps = std::floor((high - low) / step);
    return steps < 0x1p53 ? low + steps * step : high;
  }
  const auto& [l, h, s] = *aligned;
  const int128 range = h.mantissa - l.mantissa;
  if (range % s.mantissa == 0) return high;
  return to_double(range / s.mantissa * s.mantissa + l.mantissa, l.exponent);
}

bool narrower_than_step(double low, double high, double step) {
  const auto aligned = align(low, high, step);
  if (!aligned) return high - low < step;
  const auto& [l, h, s] = *aligned;
  return h.mantissa - l.mantissa < s.mantissa;
}

}  // namespace bluefin
