// SPDX-License-Identifier: MIT
// The loop of fma.hpp for vectors of V doubles; included once by each fma_*.cpp, which is compiled for one instruction
// set. As in samplers/tpe/score_loops.hpp nothing here may be an inline function that another file has too.
#include "micro/fma.hpp"

namespace bench {
namespace {

template <int V>
struct VectorOf;
#define BLUEFIN_VECTOR(V)                                      \
  template <>                                                  \
  struct VectorOf<V> {                                         \
    typedef double Double __attribute__((vector_size(V * 8))); \
  }
BLUEFIN_VECTOR(2);
BLUEFIN_VECTOR(4);
BLUEFIN_VECTOR(8);
#undef BLUEFIN_VECTOR

template <int V>
double run(std::size_t n, double factor, double addend) {
  using Double = typename VectorOf<V>::Double;
  const Double f = factor - Double{};
  const Double a = addend - Double{};
  Double chain[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) chain[c] = static_cast<double>(c) - Double{};
  for (std::size_t i = 0; i < n; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) chain[c] = chain[c] * f + a;
  }
  double sum = 0.0;
  for (int c = 0; c < kChains; ++c) {
    for (int lane = 0; lane < V; ++lane) sum += chain[c][lane];
  }
  return sum;
}

}  // namespace
}  // namespace bench
