// SPDX-License-Identifier: MIT
#include "bluefin/rng.hpp"

#include <bit>
#include <cmath>
#include <random>

namespace bluefin {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit of its input.
std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

// FNV-1a: the same on every machine, unlike std::hash.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t word) {
  std::uint64_t state = seed ^ word;
  return splitmix64(state);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : state_{} {
  for (auto& word : state_) word = splitmix64(seed);
}

Rng::Rng(std::uint64_t seed, std::uint64_t number, std::uint64_t nonce, std::string_view name)
    : Rng(mix(mix(mix(mix(0, seed), number), nonce), name.empty() ? 0 : hash(name))) {}

Rng::result_type Rng::operator()() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }

double Rng::uniform(double low, double high) {
  const double u = uniform();
  const double width = high - low;
  const double x = std::isfinite(width) ? low + u * width : low * (1.0 - u) + high * u;
  // Rounding may reach `high`; the interval is half open unless it is a single point.
  return x < high || low == high ? x : std::nextafter(high, low);
}

std::uint64_t Rng::below(std::uint64_t bound) {
  // Lemire 2019 (arXiv:1805.10941): the high word of a product, with the short intervals rejected.
  // GCC's 128-bit integer is an extension that both supported compilers have.
  __extension__ using uint128 = unsigned __int128;
  uint128 product = static_cast<uint128>((*this)()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      product = static_cast<uint128>((*this)()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64U);
}

double Rng::normal() {
  // Marsaglia's polar method. The second value is thrown away: keeping it would make the stream depend on history.
  while (true) {
    const double u = 2.0 * uniform() - 1.0;
    const double v = 2.0 * uniform() - 1.0;
    const double s = u * u + v * v;
    if (s > 0.0 && s < 1.0) return u * std::sqrt(-2.0 * std::log(s) / s);
  }
}

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

}  // namespace bluefin
