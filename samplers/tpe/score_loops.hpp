// SPDX-License-Identifier: MIT
// The loops of score.hpp for vectors of V doubles. Included once by each score_*.cpp, which is compiled for one
// instruction set. Nothing here may be an inline function that another file has too: the linker would keep one copy,
// and it might be the one that this processor cannot run. So: no standard headers, everything in an unnamed namespace.
#include "samplers/tpe/score.hpp"

namespace bluefin::tpe {
namespace {

template <int V>
struct VectorOf;
#define BLUEFIN_VECTOR(V)                                                  \
  template <>                                                              \
  struct VectorOf<V> {                                                     \
    typedef double Double __attribute__((vector_size(V * 8), aligned(8))); \
    typedef long long Int __attribute__((vector_size(V * 8), aligned(8))); \
  }
BLUEFIN_VECTOR(2);
BLUEFIN_VECTOR(4);
BLUEFIN_VECTOR(8);
#undef BLUEFIN_VECTOR

template <int V>
struct Loops {
  using Double = typename VectorOf<V>::Double;
  using Int = typename VectorOf<V>::Int;

  static Double load(const double* p) { return *reinterpret_cast<const Double*>(p); }
  static void store(double* p, Double x) { *reinterpret_cast<Double*>(p) = x; }
  static Double splat(double x) { return x - Double{}; }
  static Double copies(const double* p) { return V <= static_cast<int>(kCopies) ? load(p) : splat(*p); }

  // exp(x) for x <= 709, of less than -708 exp(-708); relative error 4e-16. x = k log 2 + r, |r| <= log(2)/2; the
  // polynomial interpolates exp at the Chebyshev nodes of that interval.
  static Double exp(Double x) {
    constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer in the low bits
    const Double lowest = splat(-708.0);
    x = x < lowest ? lowest : x;
    const Double shifted = x * 1.4426950408889634 + kMagic;
    const Double k = shifted - kMagic;
    const Double r = x - k * 0.6931471805599453;
    Double p = splat(2.7626371065696354e-07);
    p = p * r + 2.764019739169484e-06;
    p = p * r + 2.480150431378554e-05;
    p = p * r + 0.00019841170230570286;
    p = p * r + 0.001388888893251478;
    p = p * r + 0.008333333385699212;
    p = p * r + 0.041666666666573066;
    p = p * r + 0.16666666666554314;
    p = p * r + 0.5000000000000006;
    p = p * r + 1.0000000000000067;
    p = p * r + 1.0;
    // p 2^k, by adding k to the exponent.
    return reinterpret_cast<Double>(reinterpret_cast<Int>(p) + (reinterpret_cast<Int>(shifted) << 52));
  }

  static Double gather(const double* row, const double* cells) {
    Double result;
    for (int l = 0; l < V; ++l) result[l] = row[reinterpret_cast<const unsigned long long*>(cells)[l]];
    return result;
  }

  // t of G candidates and V kernels: cells of the first lane of the part, candidates from i0.
  template <int G, bool kWide, bool kDiscrete>
  static void exponents(const ScoreTask& task, const double* cells, Double c, int i0, Double (&t)[G]) {
    for (int g = 0; g < G; ++g) t[g] = c + task.offset[i0 + g];
    const double* x = task.x + i0 * kCopies;
    for (std::size_t j = 0; j < task.n_continuous; ++j) {
      const Double u = load(cells);
      cells += kLanes;
      Double inverse_s{};
      if (kWide) {
        inverse_s = load(cells);
        cells += kLanes;
      }
      for (int g = 0; g < G; ++g) {
        Double z = u - copies(x + g * kCopies);
        if (kWide) z *= inverse_s;
        t[g] -= z * z;
      }
      x += kCandidates * kCopies;
    }
    if (!kDiscrete) return;
    for (std::size_t j = 0; j < task.n_categorical; ++j) {
      const Double choice = load(cells);
      cells += kLanes;
      const Double delta = splat(task.delta[j]);
      for (int g = 0; g < G; ++g) t[g] += choice == copies(x + g * kCopies) ? delta : Double{};
      x += kCandidates * kCopies;
    }
    const double* const* rows = task.rows + i0;
    for (std::size_t j = 0; j < task.n_grid; ++j) {
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) t[g] += gather(rows[g], cells);
      cells += kLanes;
      rows += kCandidates;
    }
  }

  template <int G, bool kWide, bool kDiscrete, bool kMax>
  static void run(const ScoreTask& task, double* sums) {
    const std::size_t columns = (kWide ? 2 : 1) * task.n_continuous + task.n_categorical + task.n_grid;
    for (int i0 = 0; i0 < static_cast<int>(kCandidates); i0 += G) {
      for (int part = 0; part < static_cast<int>(kLanes); part += V) {
        Double sum[G];
        for (int g = 0; g < G; ++g) sum[g] = load(sums + (i0 + g) * kLanes + part);
        const double* cells = task.cells + part;
        for (std::size_t b = 0; b < task.n_blocks; ++b) {
          Double t[G];
          exponents<G, kWide, kDiscrete>(task, cells, load(task.c + b * kLanes + part), i0, t);
          const Double w = load(task.w + b * kLanes + part);
          for (int g = 0; g < G; ++g) {
            if (kMax) {
              sum[g] = w > Double{} && t[g] > sum[g] ? t[g] : sum[g];
            } else {
              sum[g] += w * exp(t[g]);
            }
          }
          cells += columns * kLanes;
        }
        for (int g = 0; g < G; ++g) store(sums + (i0 + g) * kLanes + part, sum[g]);
      }
    }
  }

  template <int G, bool kMax>
  static void run(const ScoreTask& task, double* sums) {
    // Without discrete parameters the exponents never leave the registers.
    if (task.n_categorical + task.n_grid == 0) {
      task.wide ? run<G, true, false, kMax>(task, sums) : run<G, false, false, kMax>(task, sums);
    } else {
      task.wide ? run<G, true, true, kMax>(task, sums) : run<G, false, true, kMax>(task, sums);
    }
  }
};

}  // namespace
}  // namespace bluefin::tpe
