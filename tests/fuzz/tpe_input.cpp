// SPDX-License-Identifier: MIT
#include "fuzz/tpe_input.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace bluefin::fuzz {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMaxInt = std::int64_t{1} << 53;

double power_of_ten(Input& input) {
  const auto exponent = static_cast<std::int64_t>(input.below(256)) * 617 / 255 - 308;  // 309 at most
  return std::min(std::pow(10.0, static_cast<double>(exponent)), kLargest);
}

FloatDistribution read_range(Input& input, bool log) {
  double low = read_number(input);
  double high = read_number(input);
  switch (input.below(5)) {
    case 0:
      high = std::nextafter(low, kInfinity);
      break;
    case 1:
      high = low + std::abs(low) * (1.0 / 256.0) * static_cast<double>(input.byte());
      break;
    case 2:
      low = 0.0;
      high = 1.0;
      break;
    default:
      break;
  }
  if (log) {
    low = std::max(std::abs(low), kSmallest);
    high = std::max(std::abs(high), kSmallest);
  }
  if (!std::isfinite(high)) high = kLargest;
  if (low > high) std::swap(low, high);
  FloatDistribution range{low, high, 0.0, log};
  if (!log && input.below(3) == 0) {
    const double step = input.below(4) == 0 ? std::abs(read_number(input))
                                            : (high - low) / (1.0 + 9.0 * static_cast<double>(input.byte()));
    if (std::isfinite(step)) range.step = step;
  }
  return range;
}

IntDistribution read_int_range(Input& input, bool log) {
  const auto read_end = [&]() -> std::int64_t {
    switch (input.below(4)) {
      case 0:
        return static_cast<std::int64_t>(input.word() % static_cast<std::uint64_t>(2 * kMaxInt + 1)) - kMaxInt;
      case 1:
        return 1'000'000'000;
      default:
        return input.byte();
    }
  };
  std::int64_t low = read_end();
  std::int64_t high = read_end();
  if (log) {
    low = std::max<std::int64_t>(std::abs(low), 1);
    high = std::max<std::int64_t>(std::abs(high), 1);
  }
  if (low > high) std::swap(low, high);
  const std::int64_t step = log ? 1 : input.below(2) == 0 ? 1 : std::max<std::int64_t>(std::abs(read_end()), 1);
  return {low, high, step, log};
}

CategoricalDistribution read_choices(Input& input) {
  CategoricalDistribution choices;
  const std::size_t n = input.below(8) == 0 ? 1 + input.byte() : 1 + input.below(5);
  for (std::size_t i = 0; i < n; ++i) choices.choices.emplace_back(static_cast<std::int64_t>(i));
  return choices;
}

// What a study may have weighed its m observations with.
std::vector<double> weights_of_kind(std::size_t kind, std::size_t m) {
  std::vector<double> weights(m, 1.0);
  switch (kind) {
    case 1:
      for (std::size_t i = 0; i < m; ++i) weights[i] = static_cast<double>(i);
      if (m > 0) weights[0] = 0.5;
      break;
    case 2:
      std::fill(weights.begin(), weights.end(), 0.0);
      if (m > 0) weights[m / 2] = 3.0;
      break;
    case 3:
      std::fill(weights.begin(), weights.end(), 1e-300);
      break;
    case 4:
      if (m > 0) weights.pop_back();
      break;
    case 5:
      if (m > 0) weights[m / 2] = -1.0;
      break;
    case 6:
      if (m > 0) weights[m - 1] = kNaN;
      break;
    case 7:
      std::fill(weights.begin(), weights.end(), 0.0);
      break;
    case 8:
      std::fill(weights.begin(), weights.end(), kLargest);
      break;
    default:
      break;
  }
  return weights;
}

}  // namespace

double read_number(Input& input) {
  const double sign = input.below(2) == 0 ? 1.0 : -1.0;
  switch (input.below(8)) {
    case 0:
      return sign * 0.0;
    case 1:
      return sign * static_cast<double>(input.byte());
    case 2:
      return sign * power_of_ten(input);
    case 3:
      return sign * kLargest;
    case 4:
      return sign * kSmallest;
    case 5: {
      const double bits = input.real();
      return std::isfinite(bits) ? bits : sign;
    }
    default:
      return sign * static_cast<double>(input.byte()) / 64.0;
  }
}

double read_loss(Input& input) {
  switch (input.below(12)) {
    case 0:
      return kInfinity;
    case 1:
      return -kInfinity;
    case 2:
      return kNaN;
    default:
      return read_number(input);
  }
}

Distribution read_distribution(Input& input) {
  switch (input.below(6)) {
    case 0:
      return normalize(read_choices(input));
    case 1:
      return normalize(read_int_range(input, false));
    case 2:
      return normalize(read_int_range(input, true));
    case 3:
      return normalize(read_range(input, true));
    default:
      return normalize(read_range(input, false));
  }
}

Distribution read_other_range(Input& input, const Distribution& known) {
  if (const auto* f = std::get_if<FloatDistribution>(&known)) return normalize(read_range(input, f->log));
  if (const auto* i = std::get_if<IntDistribution>(&known)) return normalize(read_int_range(input, i->log));
  return known;
}

double read_value(Input& input, const Distribution& distribution) {
  if (const auto* c = std::get_if<CategoricalDistribution>(&distribution)) {
    return static_cast<double>(input.below(256) % c->choices.size());
  }
  const auto* f = std::get_if<FloatDistribution>(&distribution);
  const auto* i = std::get_if<IntDistribution>(&distribution);
  const double low = f != nullptr ? f->low : static_cast<double>(i->low);
  const double high = f != nullptr ? f->high : static_cast<double>(i->high);
  const bool log = f != nullptr ? f->log : i->log;
  double value = low;
  switch (input.below(8)) {
    case 0:
      break;
    case 1:
      value = high;
      break;
    case 2:
      value = std::nextafter(low, high);
      break;
    case 3:  // of another range, which the parameter had before
      value = read_number(input);
      break;
    default: {
      const double share = static_cast<double>(input.byte()) / 255.0;
      value = low * (1.0 - share) + high * share;
    }
  }
  if (i != nullptr)
    value = std::clamp(std::nearbyint(value), -static_cast<double>(kMaxInt), static_cast<double>(kMaxInt));
  if (log && value <= 0.0) value = low;
  return value;
}

TpeCase read_tpe_case(Input& input) {
  constexpr int kCandidates[] = {24, 1, 2, 7, 8, 9, 40};
  TpeCase made;
  TpeOptions& options = made.options;
  options.n_startup_trials = static_cast<int>(input.below(12));
  options.n_ei_candidates = kCandidates[input.below(std::size(kCandidates))];
  const std::size_t joint = input.below(4);
  if (joint > 1) options.multivariate = joint == 2;
  options.group = joint != 3 && input.below(4) == 0;
  const std::size_t flags = input.byte();
  options.constant_liar = (flags & 1U) == 0;
  options.avoid_duplicates = (flags & 2U) != 0;
  options.consider_magic_clip = (flags & 12U) != 0;
  options.consider_endpoints = (flags & 48U) == 0;
  options.gamma_limit = (flags & 64U) != 0 ? 25 : static_cast<int>(input.below(3));
  constexpr double kPriors[] = {0.0, kSmallest, 1e-300, 1e-9, 3.0, 1e100};
  if (input.below(4) == 0) options.prior_weight = kPriors[input.below(std::size(kPriors))];
  switch (input.below(8)) {
    case 0:
      options.gamma = [](std::size_t n) { return n / 2; };
      break;
    case 1:
      options.gamma = [](std::size_t) { return std::numeric_limits<std::size_t>::max(); };
      break;
    case 2:
      options.gamma = [](std::size_t n) { return n % 3; };
      break;
    default:
      break;
  }
  if (input.below(4) == 0) {
    const std::size_t kind = input.below(9);
    made.bad_weights = kind >= 4;
    options.weights = [kind](std::size_t m) { return weights_of_kind(kind, m); };
  }
  made.refused = input.below(16) == 15;
  if (made.refused) {
    switch (input.below(6)) {
      case 0:
        options.n_ei_candidates = -static_cast<int>(input.byte());
        break;
      case 1:
        options.n_startup_trials = -1 - static_cast<int>(input.byte());
        break;
      case 2:
        options.gamma_limit = -1 - static_cast<int>(input.byte());
        break;
      case 3:
        options.prior_weight = input.below(2) == 0 ? kNaN : -1.0;
        break;
      case 4:
        options.prior_weight = input.below(2) == 0 ? kInfinity : 1.1e100;
        break;
      default:
        options.group = true;
        options.multivariate = false;
    }
  }
  return made;
}

}  // namespace bluefin::fuzz
