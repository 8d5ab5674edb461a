// SPDX-License-Identifier: MIT
// Random numbers whose stream is specified by bluefin and not by the standard library, so that a seed means the same
// study with every compiler.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace bluefin {

// xoshiro256++ 1.0 (Blackman and Vigna, https://prng.di.unimi.it), seeded through splitmix64.
// Satisfies std::uniform_random_bit_generator. Not for use by two threads at once.
class Rng {
 public:
  using result_type = std::uint64_t;

  explicit Rng(std::uint64_t seed);
  // One independent stream for each trial: (study seed, trial number, process nonce, parameter name or "").
  Rng(std::uint64_t seed, std::uint64_t number, std::uint64_t nonce, std::string_view name = {});

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

  double uniform();                          // [0, 1), 53 random bits
  double uniform(double low, double high);   // [low, high), low when low == high; never overflows
  std::uint64_t below(std::uint64_t bound);  // 0 .. bound - 1 without bias; bound >= 1
  double normal();                           // N(0, 1), by a ziggurat

 private:
  double normal_tail();  // given that it is above Ziggurat::kTail

  std::array<std::uint64_t, 4> state_;
};

// A seed from the operating system.
std::uint64_t random_seed();

}  // namespace bluefin
