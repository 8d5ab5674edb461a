// SPDX-License-Identifier: MIT
// The normal density above 0, covered by 256 layers of equal area: the ziggurat of Marsaglia and Tsang (J. Stat. Softw.
// 5(8), 2000), with the layer and the place in it from different bits as Doornik (2005) asks for.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace bluefin {

// Layer i has the points 0 <= x < x[i], f[i] <= y < f[i + 1], of which those left of x[i + 1] are below the density
// f(x) = exp(-x^2 / 2). Layer 0 is as large: it stands for all below f(tail), of which the part right of the tail's
// begin is drawn by itself. x[256] = 0.
struct Ziggurat {
  static constexpr std::size_t kLayers = 256;
  static constexpr double kTail = 3.654152885361009;  // where 256 layers of equal area end at f = 1

  std::array<double, kLayers + 1> x;
  std::array<double, kLayers + 1> f;

  Ziggurat() {
    const auto density = [](double at) { return std::exp(-0.5 * at * at); };
    const double area =
        kTail * density(kTail) + std::sqrt(std::numbers::pi / 2.0) * std::erfc(kTail / std::numbers::sqrt2);
    x[0] = area / density(kTail);
    f[0] = 0.0;
    x[1] = kTail;
    f[1] = density(kTail);
    for (std::size_t i = 1; i + 1 < kLayers; ++i) {
      f[i + 1] = f[i] + area / x[i];
      x[i + 1] = std::sqrt(-2.0 * std::log(f[i + 1]));
    }
    x[kLayers] = 0.0;
    f[kLayers] = 1.0;
  }
};

}  // namespace bluefin
