// SPDX-License-Identifier: MIT
#include "bluefin/distribution.hpp"

#include <fmt/core.h>

#include <cmath>
#include <type_traits>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/decimal.hpp"
#include "core/exact_int.hpp"
#include "core/invalid.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

// The number behind bool, int and float, also an integer beyond 64 bits.
std::optional<double> as_number(const Choice& choice) {
  if (const auto* b = std::get_if<bool>(&choice)) return *b ? 1.0 : 0.0;
  if (const auto* i = std::get_if<std::int64_t>(&choice)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&choice)) return *d;
  if (const auto* j = std::get_if<JsonChoice>(&choice)) return j->json.as_double();
  return std::nullopt;
}

FloatDistribution normalized(FloatDistribution d) {
  if (!std::isfinite(d.low) || !std::isfinite(d.high)) {
    invalid(fmt::format("bounds must be finite, but got low = {}, high = {}", d.low, d.high));
  }
  if (d.log && d.step != 0.0) invalid(fmt::format("step = {} is not supported when log is true", d.step));
  if (d.low > d.high) invalid(fmt::format("low <= high must hold, but got low = {}, high = {}", d.low, d.high));
  if (d.log && d.low <= 0.0) {
    invalid(fmt::format("low > 0 must hold for log = true, but got low = {}, high = {}", d.low, d.high));
  }
  if (!(d.step >= 0.0) || std::isinf(d.step)) invalid(fmt::format("step > 0 must hold, but got step = {}", d.step));
  if (d.step > 0.0) {
    const double high = last_on_grid(d.low, d.high, d.step);
    if (high != d.high) {
      log(LogLevel::kWarning, fmt::format("[{}, {}] is not divisible by step = {}; it is taken as [{}, {}]", d.low,
                                          d.high, d.step, d.low, high));
      d.high = high;
    }
  }
  return d;
}

IntDistribution normalized(IntDistribution d) {
  if (d.log && d.step != 1) invalid(fmt::format("step = {} is not supported when log is true (it must be 1)", d.step));
  if (d.low > d.high) invalid(fmt::format("low <= high must hold, but got low = {}, high = {}", d.low, d.high));
  if (d.log && d.low < 1) {
    invalid(fmt::format("low >= 1 must hold for log = true, but got low = {}, high = {}", d.low, d.high));
  }
  if (d.step <= 0) invalid(fmt::format("step > 0 must hold, but got step = {}", d.step));
  if (d.low < -kMaxExactInt || d.high > kMaxExactInt) {
    invalid(fmt::format("bounds must lie within -2^53 and 2^53, but got low = {}, high = {}", d.low, d.high));
  }
  if (const std::int64_t rest = (d.high - d.low) % d.step; rest != 0) {
    log(LogLevel::kWarning, fmt::format("[{}, {}] is not divisible by step = {}; it is taken as [{}, {}]", d.low,
                                        d.high, d.step, d.low, d.high - rest));
    d.high -= rest;
  }
  return d;
}

CategoricalDistribution normalized(CategoricalDistribution d) {
  if (d.choices.empty()) invalid("choices must contain one or more elements");
  return d;
}

// Python's repr() of a string, but that whatever is not ASCII stays as it is.
std::string quoted(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + quote;
}

const char* python_bool(bool value) { return value ? "True" : "False"; }

}  // namespace

bool choices_equal(const Choice& a, const Choice& b) {
  if (std::holds_alternative<JsonChoice>(a) && std::holds_alternative<JsonChoice>(b)) return a == b;
  const auto x = as_number(a);
  const auto y = as_number(b);
  if (x && y) return *x == *y || (std::isnan(*x) && std::isnan(*y));
  return a == b;
}

std::string to_string(const Choice& choice) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>)
          return "None";
        else if constexpr (std::is_same_v<T, bool>)
          return value ? "True" : "False";
        else if constexpr (std::is_same_v<T, std::int64_t>)
          return std::to_string(value);
        else if constexpr (std::is_same_v<T, double>)
          return python_float(value);
        else if constexpr (std::is_same_v<T, JsonChoice>)
          return value.json.text();
        else
          return value;
      },
      choice);
}

std::string to_string(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    return fmt::format("FloatDistribution(high={}, log={}, low={}, step={})", python_float(f->high),
                       python_bool(f->log), python_float(f->low), f->step == 0.0 ? "None" : python_float(f->step));
  }
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    return fmt::format("IntDistribution(high={}, log={}, low={}, step={})", i->high, python_bool(i->log), i->low,
                       i->step);
  }
  const auto& choices = std::get<CategoricalDistribution>(distribution).choices;
  std::string shown;
  for (const auto& choice : choices) {
    const auto* text = std::get_if<std::string>(&choice);
    shown += (shown.empty() ? "" : ", ") + (text != nullptr ? quoted(*text) : to_string(choice));
  }
  return fmt::format("CategoricalDistribution(choices=({}{}))", shown, choices.size() == 1 ? "," : "");
}

bool operator==(const CategoricalDistribution& a, const CategoricalDistribution& b) {
  if (a.choices.size() != b.choices.size()) return false;
  for (std::size_t i = 0; i < a.choices.size(); ++i) {
    if (!choices_equal(a.choices[i], b.choices[i])) return false;
  }
  return true;
}

Distribution normalize(Distribution distribution) {
  return std::visit([](auto&& d) -> Distribution { return normalized(std::move(d)); }, std::move(distribution));
}

bool is_single(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    return f->low == f->high || (f->step > 0.0 && narrower_than_step(f->low, f->high, f->step));
  }
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    return i->low == i->high || (!i->log && i->high - i->low < i->step);
  }
  return std::get<CategoricalDistribution>(distribution).choices.size() == 1;
}

bool contains(const Distribution& distribution, double value) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    if (!(f->low <= value && value <= f->high)) return false;
    const double k = f->step > 0.0 ? (value - f->low) / f->step : 0.0;
    return std::abs(k - std::round(k)) < 1e-8;
  }
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    const auto low = static_cast<double>(i->low);
    return low <= value && value <= static_cast<double>(i->high) &&
           std::fmod(value - low, static_cast<double>(i->step)) == 0.0;
  }
  const auto n = static_cast<double>(std::get<CategoricalDistribution>(distribution).choices.size());
  return value > -1.0 && std::trunc(value) < n;
}

double to_canonical(const Distribution& distribution, const Choice& value) {
  if (const auto* c = std::get_if<CategoricalDistribution>(&distribution)) {
    for (std::size_t i = 0; i < c->choices.size(); ++i) {
      if (choices_equal(c->choices[i], value)) return static_cast<double>(i);
    }
    std::string known;
    for (const auto& choice : c->choices) known += (known.empty() ? "" : ", ") + to_string(choice);
    invalid(fmt::format("'{}' is not one of the choices ({})", to_string(value), known));
  }
  const auto number = as_number(value);
  if (!number) invalid(fmt::format("'{}' is not a valid type, a number is expected", to_string(value)));
  if (std::isnan(*number)) invalid("nan is an invalid value, a number is expected");
  const bool log = std::holds_alternative<FloatDistribution>(distribution)
                       ? std::get<FloatDistribution>(distribution).log
                       : std::get<IntDistribution>(distribution).log;
  if (std::holds_alternative<IntDistribution>(distribution) &&
      !(std::abs(*number) <= static_cast<double>(kMaxExactInt))) {
    invalid(fmt::format("{} is an invalid value for an integer, it must lie within -2^53 and 2^53", *number));
  }
  if (log && *number <= 0.0) invalid(fmt::format("{} is an invalid value for log = true, it must be > 0", *number));
  return *number;
}

Choice to_external(const Distribution& distribution, double value) {
  if (std::holds_alternative<FloatDistribution>(distribution)) return value;
  if (std::holds_alternative<IntDistribution>(distribution)) {
    // Outside of this range the cast would be undefined; only a file written by hand gets here.
    if (!(std::abs(value) < 9.2e18)) invalid(fmt::format("{} is not an integer", value));
    return static_cast<std::int64_t>(value);
  }
  const auto& choices = std::get<CategoricalDistribution>(distribution).choices;
  if (!(value > -1.0 && value < static_cast<double>(choices.size()))) {
    invalid(fmt::format("choice index {} is out of range, there are {} choices", value, choices.size()));
  }
  return choices[static_cast<std::size_t>(value)];
}

void check_compatible(std::string_view name, const Distribution& known, const Distribution& other) {
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kConflict, fmt::format("parameter '{}': {} to the same parameter name (known: {}, now: {})",
                                                  name, what, to_string(known), to_string(other)));
  };
  if (known.index() != other.index()) refuse("cannot set a different distribution kind");
  if (const auto* f = std::get_if<FloatDistribution>(&known)) {
    if (f->log != std::get<FloatDistribution>(other).log) refuse("cannot set a different log configuration");
  } else if (const auto* i = std::get_if<IntDistribution>(&known)) {
    if (i->log != std::get<IntDistribution>(other).log) refuse("cannot set a different log configuration");
  } else if (!(std::get<CategoricalDistribution>(known) == std::get<CategoricalDistribution>(other))) {
    refuse("CategoricalDistribution does not support dynamic value space: cannot set other choices");
  }
}

}  // namespace bluefin
