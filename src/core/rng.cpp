// SPDX-License-Identifier: MIT
#include "bluefin/rng.hpp"

#include <bit>
#include <cmath>
#include <random>

#include "core/ziggurat.hpp"

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
  static const Ziggurat ziggurat;
  while (true) {
    const std::uint64_t bits = (*this)();
    const std::size_t layer = bits % Ziggurat::kLayers;
    const double sign = (bits & Ziggurat::kLayers) == 0 ? 1.0 : -1.0;
    const double x = static_cast<double>(bits >> 11U) * 0x1.0p-53 * ziggurat.x[layer];
    if (x < ziggurat.x[layer + 1]) return sign * x;  // 98.8 of 100
    if (layer == 0) return sign * normal_tail();
    const double y = ziggurat.f[layer] + uniform() * (ziggurat.f[layer + 1] - ziggurat.f[layer]);
    if (y < std::exp(-0.5 * x * x)) return sign * x;
  }
}

// Marsaglia (Technometrics 6, 1964): an exponential approximation, and rejection.
double Rng::normal_tail() {
  while (true) {
    const double x = -std::log(1.0 - uniform()) / Ziggurat::kTail;
    const double y = -std::log(1.0 - uniform());
    if (2.0 * y > x * x) return Ziggurat::kTail + x;
  }
}

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

}  // namespace bluefin
