// SPDX-License-Identifier: MIT
#include "math/sobol.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "math/sobol_table.hpp"

namespace bluefin::math {
namespace {

constexpr std::size_t kBits = 32;

// v_k = m_k 2^(32 - k), k = 1..32. Source of the recurrence: Bratley and Fox, Algorithm 659, 1988.
std::array<std::uint32_t, kBits> direction_numbers(std::size_t axis) {
  std::array<std::uint32_t, kBits> v{};
  if (axis == 0) {
    for (std::size_t k = 0; k < kBits; ++k) v[k] = std::uint32_t{1} << (kBits - 1 - k);
    return v;
  }
  const SobolAxis& row = kSobolAxes[axis - 1];
  const auto degree = static_cast<std::size_t>(std::bit_width(row.polynomial) - 1);
  for (std::size_t k = 0; k < kBits; ++k) {
    if (k < degree) {
      v[k] = row.m[k] << (kBits - 1 - k);
      continue;
    }
    v[k] = v[k - degree] ^ (v[k - degree] >> degree);
    for (std::size_t i = 1; i < degree; ++i) {
      if ((row.polynomial >> (degree - i)) & 1U) v[k] ^= v[k - i];
    }
  }
  return v;
}

}  // namespace

Sobol::Sobol(std::size_t d, Rng& rng) : d_(d), beyond_seed_(rng()) {
  const std::size_t axes = std::min(d, kMaxSobolAxes);
  for (std::size_t axis = 0; axis < axes; ++axis) {
    // Row b of the matrix says which higher digits of a number are added to its digit b.
    std::array<std::uint32_t, kBits> rows;
    for (std::size_t b = 0; b < kBits; ++b) {
      const std::uint32_t digit = std::uint32_t{1} << (kBits - 1 - b);
      const std::uint32_t higher = ~((digit << 1U) - 1U);
      rows[b] = digit | (b == 0 ? 0U : static_cast<std::uint32_t>(rng() >> 32U) & higher);
    }
    for (const std::uint32_t v : direction_numbers(axis)) {
      std::uint32_t scrambled = 0;
      for (std::size_t b = 0; b < kBits; ++b) {
        scrambled |= static_cast<std::uint32_t>(std::popcount(v & rows[b]) & 1) << (kBits - 1 - b);
      }
      directions_.push_back(scrambled);
    }
    shift_.push_back(static_cast<std::uint32_t>(rng() >> 32U));
  }
  state_ = shift_;
}

void Sobol::skip_to(std::uint32_t index) {
  index_ = index;
  state_ = shift_;
  const std::uint32_t gray = index ^ (index >> 1U);
  for (std::size_t axis = 0; axis < state_.size(); ++axis) {
    for (std::size_t k = 0; k < kBits; ++k) {
      if ((gray >> k) & 1U) state_[axis] ^= directions_[axis * kBits + k];
    }
  }
}

void Sobol::next(double* point) {
  constexpr double kUnit = 1.0 / 4294967296.0;
  for (std::size_t axis = 0; axis < state_.size(); ++axis) point[axis] = (state_[axis] + 0.5) * kUnit;
  if (d_ > state_.size()) {
    Rng rng(beyond_seed_, index_, 0);
    for (std::size_t j = state_.size(); j < d_; ++j) point[j] = std::max(rng.uniform(), 0.5 * kUnit);
  }
  const auto changed = static_cast<std::size_t>(std::countr_one(index_));
  ++index_;
  if (changed >= kBits) return skip_to(0);
  for (std::size_t axis = 0; axis < state_.size(); ++axis) state_[axis] ^= directions_[axis * kBits + changed];
}

}  // namespace bluefin::math
