// SPDX-License-Identifier: MIT
// The loops of score.hpp for vectors of V doubles. Included once by each score_*.cpp, which is compiled for one
// instruction set. Nothing here may be an inline function that another file has too: the linker would keep one copy,
// and it might be the one that this processor cannot run. So: no standard headers, everything in an unnamed namespace.
#include "samplers/tpe/score.hpp"

namespace bluefin::tpe {
namespace {

template <int V>
struct VectorOf;
#define BLUEFIN_VECTOR(V)                                                    \
  template <>                                                                \
  struct VectorOf<V> {                                                       \
    typedef double Double __attribute__((vector_size(V * 8)));               \
    typedef long long Int __attribute__((vector_size(V * 8)));               \
    typedef double InMemory __attribute__((vector_size(V * 8), aligned(8))); \
    typedef float Float __attribute__((vector_size(V * 8)));                 \
    typedef float HalfFloat __attribute__((vector_size(V * 4)));             \
    typedef int Word __attribute__((vector_size(V * 8)));                    \
  }
BLUEFIN_VECTOR(2);
BLUEFIN_VECTOR(4);
BLUEFIN_VECTOR(8);
#undef BLUEFIN_VECTOR

template <int V>
struct Loops {
  using Double = typename VectorOf<V>::Double;
  using Int = typename VectorOf<V>::Int;

  // For memory that is aligned as single numbers are. Not for variables: without optimisation g++ 12 does not align
  // such a variable, but moves it as an aligned vector.
  using InMemory = typename VectorOf<V>::InMemory;

  using Float = typename VectorOf<V>::Float;  // 2 V of them
  using HalfFloat = typename VectorOf<V>::HalfFloat;
  using Word = typename VectorOf<V>::Word;

  static Double load(const double* p) { return *reinterpret_cast<const InMemory*>(p); }
  static void store(double* p, Double x) { *reinterpret_cast<InMemory*>(p) = x; }
  static Double splat(double x) { return x - Double{}; }
  static Double copies(const double* p) { return V <= static_cast<int>(kCopies) ? load(p) : splat(*p); }

  // x = exp(x), of less than -708 exp(-708) and of more than 709 exp(709); relative error 1e-15 + 2e-16 |x|. x = k log
  // 2 + r, |r| <= log(2)/2; the polynomial interpolates exp at the Chebyshev nodes of that interval. The G chains of
  // dependent operations go step by step together: a processor looks too few operations ahead to do that by itself.
  template <int G>
  static void exp(Double (&x)[G]) {
    constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer in the low bits
    constexpr double kCoefficients[] = {2.764019739169484e-06,  2.480150431378554e-05,
                                        0.00019841170230570286, 0.001388888893251478,
                                        0.008333333385699212,   0.041666666666573066,
                                        0.16666666666554314,    0.5000000000000006,
                                        1.0000000000000067,     1.0};
    const Double lowest = splat(-708.0);
    Double shifted[G];
    Double p[G];
    const Double highest = splat(709.0);  // where nothing is exact any more, a sum is a number still
    for (int g = 0; g < G; ++g) x[g] = x[g] < lowest ? lowest : x[g];
    for (int g = 0; g < G; ++g) x[g] = x[g] > highest ? highest : x[g];
    for (int g = 0; g < G; ++g) shifted[g] = x[g] * 1.4426950408889634 + kMagic;
    for (int g = 0; g < G; ++g) x[g] -= (shifted[g] - kMagic) * 0.6931471805599453;
    for (int g = 0; g < G; ++g) p[g] = splat(2.7626371065696354e-07);
    for (const double c : kCoefficients) {
      for (int g = 0; g < G; ++g) p[g] = p[g] * x[g] + c;
    }
    // p 2^k, by adding k to the exponent.
    for (int g = 0; g < G; ++g) {
      x[g] = reinterpret_cast<Double>(reinterpret_cast<Int>(p[g]) + (reinterpret_cast<Int>(shifted[g]) << 52));
    }
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
    if (task.n_grid == 0) return;  // and no rows
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
          if (kMax) {
            for (int g = 0; g < G; ++g) sum[g] = w > Double{} && t[g] > sum[g] ? t[g] : sum[g];
          } else {
            exp<G>(t);
            for (int g = 0; g < G; ++g) sum[g] += w * t[g];
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

  static Float both(Double a, Double b) {
    const HalfFloat x = __builtin_convertvector(a, HalfFloat);
    const HalfFloat y = __builtin_convertvector(b, HalfFloat);
    if constexpr (V == 8) {
      return __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    } else if constexpr (V == 4) {
      return __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7);
    } else {
      return __builtin_shufflevector(x, y, 0, 1, 2, 3);
    }
  }
  static Float splat(float x) { return x - Float{}; }

  // The same as exp() of doubles with Taylor's polynomial of degree 5: relative error 3e-6 + 2^-23 |x|; of less than
  // -87 exp(-87), of more than 80 exp(80).
  template <int G>
  static void exp(Float (&x)[G]) {
    constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23
    constexpr float kCoefficients[] = {1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F};
    const Float lowest = splat(-87.0F);
    const Float highest = splat(80.0F);
    Float shifted[G];
    Float p[G];
    for (int g = 0; g < G; ++g) x[g] = x[g] < lowest ? lowest : x[g];
    for (int g = 0; g < G; ++g) x[g] = x[g] > highest ? highest : x[g];
    for (int g = 0; g < G; ++g) shifted[g] = x[g] * 1.44269504F + kMagic;
    for (int g = 0; g < G; ++g) x[g] -= (shifted[g] - kMagic) * 0.693147181F;
    for (int g = 0; g < G; ++g) p[g] = splat(1.0F / 120.0F);
    for (const float c : kCoefficients) {
      for (int g = 0; g < G; ++g) p[g] = p[g] * x[g] + c;
    }
    for (int g = 0; g < G; ++g) {
      x[g] = reinterpret_cast<Float>(reinterpret_cast<Word>(p[g]) + (reinterpret_cast<Word>(shifted[g]) << 23));
    }
  }

  // exponents() without grids of the kernels of two vectors of doubles, whose cells and constants lie `apart` and
  // `c_apart` doubles from each other.
  template <int G, bool kWide, bool kChoices>
  static void exponents(const ScoreTask& task, const double* cells, std::size_t apart, const double* c,
                        std::size_t c_apart, int i0, Float (&t)[G]) {
    const float* x = task.single + i0;
    const float* offset = x + task.n_continuous * kCandidates;
    const Float constant = both(load(c), load(c + c_apart));
    for (int g = 0; g < G; ++g) t[g] = constant + offset[g];
    for (std::size_t j = 0; j < task.n_continuous; ++j) {
      const Float u = both(load(cells), load(cells + apart));
      cells += kLanes;
      Float inverse_s{};
      if (kWide) {
        inverse_s = both(load(cells), load(cells + apart));
        cells += kLanes;
      }
      for (int g = 0; g < G; ++g) {
        Float z = u - x[g];
        if (kWide) z *= inverse_s;
        t[g] -= z * z;
      }
      x += kCandidates;
    }
    if (!kChoices) return;
    const double* value = task.x + (task.n_continuous * kCandidates + static_cast<std::size_t>(i0)) * kCopies;
    for (std::size_t j = 0; j < task.n_categorical; ++j) {
      const Float choice = both(load(cells), load(cells + apart));  // of more than 2^24 some look the same
      cells += kLanes;
      const Float delta = splat(static_cast<float>(task.delta[j]));
      for (int g = 0; g < G; ++g) {
        t[g] += choice == splat(static_cast<float>(value[g * kCopies])) ? delta : Float{};
      }
      value += kCandidates * kCopies;
    }
  }

  template <int G, bool kWide, bool kChoices>
  static void run_single(const ScoreTask& task, double* sums) {
    // Of one block where it has two vectors of doubles, else of two blocks.
    constexpr bool kPairs = V == static_cast<int>(kLanes);
    constexpr std::size_t kBlocks = kPairs ? 2 : 1;
    constexpr std::size_t kSummed = 64;  // blocks, before the sums become doubles
    const std::size_t columns = (kWide ? 2 : 1) * task.n_continuous + task.n_categorical;
    const std::size_t apart = kPairs ? columns * kLanes : V;
    const std::size_t c_apart = kPairs ? kLanes : V;
    for (int i0 = 0; i0 < static_cast<int>(kCandidates); i0 += G) {
      for (std::size_t part = 0; part < kLanes; part += (kPairs ? 1 : 2) * V) {
        for (std::size_t b0 = 0; b0 < task.n_blocks; b0 += kSummed) {
          const std::size_t end = b0 + kSummed < task.n_blocks ? b0 + kSummed : task.n_blocks;
          Float sum[G];
          for (int g = 0; g < G; ++g) sum[g] = Float{};
          for (std::size_t b = b0; b < end; b += kBlocks) {
            const bool alone = kPairs && b + 1 == task.n_blocks;  // the block stands for the second one, of no weight
            const double* c = task.c + b * kLanes + part;
            const double* w = task.w + b * kLanes + part;
            Float t[G];
            exponents<G, kWide, kChoices>(task, task.cells + b * columns * kLanes + part, alone ? 0 : apart, c,
                                          alone ? 0 : c_apart, i0, t);
            exp<G>(t);
            const Float weight = both(load(w), alone ? Double{} : load(w + c_apart));
            for (int g = 0; g < G; ++g) sum[g] += weight * t[g];
          }
          for (int g = 0; g < G; ++g) {
            double* to = sums + (i0 + g) * kLanes + part;
            for (int l = 0; l < 2 * V; ++l) to[l % static_cast<int>(kLanes)] += static_cast<double>(sum[g][l]);
          }
        }
      }
    }
  }

  template <int G>
  static void run_single(const ScoreTask& task, double* sums) {
    if (task.n_categorical == 0) {
      task.wide ? run_single<G, true, false>(task, sums) : run_single<G, false, false>(task, sums);
    } else {
      task.wide ? run_single<G, true, true>(task, sums) : run_single<G, false, true>(task, sums);
    }
  }

  // G blocks at a time; where the list ends, the last one stands in with weight 0.
  template <int G, bool kWide, bool kDiscrete>
  static void add_listed(const ScoreTask& task, std::size_t i, const unsigned* blocks, std::size_t n, double* sums) {
    const std::size_t columns = (kWide ? 2 : 1) * task.n_continuous + task.n_categorical + task.n_grid;
    for (std::size_t part = 0; part < kLanes; part += V) {
      Double sum = load(sums + part);
      for (std::size_t b = 0; b < n; b += G) {
        std::size_t block[G];
        const double* cells[G];
        Double t[G];
        for (int g = 0; g < G; ++g) {
          block[g] = blocks[b + g < n ? b + g : n - 1];
          cells[g] = task.cells + block[g] * columns * kLanes + part;
          t[g] = load(task.c + block[g] * kLanes + part) + task.offset[i];
        }
        const double* x = task.x + i * kCopies;
        std::size_t at = 0;
        for (std::size_t j = 0; j < task.n_continuous; ++j) {
          const Double value = copies(x);
          for (int g = 0; g < G; ++g) {
            Double z = load(cells[g] + at) - value;
            if (kWide) z *= load(cells[g] + at + kLanes);
            t[g] -= z * z;
          }
          at += (kWide ? 2 : 1) * kLanes;
          x += kCandidates * kCopies;
        }
        if (kDiscrete) {
          for (std::size_t j = 0; j < task.n_categorical; ++j) {
            const Double value = copies(x);
            const Double delta = splat(task.delta[j]);
            for (int g = 0; g < G; ++g) t[g] += load(cells[g] + at) == value ? delta : Double{};
            at += kLanes;
            x += kCandidates * kCopies;
          }
          for (std::size_t j = 0; j < task.n_grid; ++j) {
            const double* row = task.rows[j * kCandidates + i];
            for (int g = 0; g < G; ++g) t[g] += gather(row, cells[g] + at);
            at += kLanes;
          }
        }
        exp<G>(t);
        for (int g = 0; g < G; ++g) {
          const Double w = load(task.w + block[g] * kLanes + part);
          sum += (b + g < n ? w : Double{}) * t[g];
        }
      }
      store(sums + part, sum);
    }
  }

  template <int G>
  static void add_listed(const ScoreTask& task, std::size_t i, const unsigned* blocks, std::size_t n, double* sums) {
    if (task.n_categorical + task.n_grid == 0) {
      task.wide ? add_listed<G, true, false>(task, i, blocks, n, sums)
                : add_listed<G, false, false>(task, i, blocks, n, sums);
    } else {
      task.wide ? add_listed<G, true, true>(task, i, blocks, n, sums)
                : add_listed<G, false, true>(task, i, blocks, n, sums);
    }
  }

  static Double larger(Double a, Double b) { return a > b ? a : b; }

  static std::size_t near(const BoundTask& task, std::size_t i, double above, double up_to, const unsigned* groups,
                          std::size_t n, unsigned* boxes) {
    std::size_t found = 0;
    for (std::size_t at = 0; at < n; ++at) {
      const std::size_t group = groups == nullptr ? at : groups[at];
      double bounds[kLanes];
      for (std::size_t part = 0; part < kLanes; part += V) {
        const double* cells = task.boxes + group * task.n_numeric * kBoxColumns * kLanes + part;
        const double* x = task.x + i * kCopies;
        Double t = load(task.c + group * kLanes + part) + task.offset[i];
        for (std::size_t j = 0; j < task.n_numeric; ++j) {
          const Double left = load(cells) - copies(x + kCandidates * kCopies);
          const Double right = copies(x) - load(cells + kLanes);
          const Double z = larger(larger(left, right), Double{}) * load(cells + 2 * kLanes);
          t -= z * z;
          cells += kBoxColumns * kLanes;
          x += 2 * kCandidates * kCopies;
        }
        store(bounds + part, t);
      }
      // Without a branch: which boxes are near is hard to guess.
      for (std::size_t box = 0; box < kLanes; ++box) {
        boxes[found] = static_cast<unsigned>(group * kLanes + box);
        found += static_cast<std::size_t>(above < bounds[box]) & static_cast<std::size_t>(bounds[box] <= up_to);
      }
    }
    return found;
  }
};

}  // namespace
}  // namespace bluefin::tpe
