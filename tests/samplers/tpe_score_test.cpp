// SPDX-License-Identifier: MIT
#include "samplers/tpe/score.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"
#include "catch.hpp"

using namespace bluefin;
using tpe::kCandidates;
using tpe::kCopies;
using tpe::kLanes;

namespace {

struct alignas(64) Block {
  double v[kLanes];
};

// Random kernels and candidates of a space with nc continuous, nk categorical and ng gridded parameters.
struct Problem {
  Problem(std::uint64_t seed, std::size_t nc, std::size_t nk, std::size_t ng, bool wide, std::size_t n_blocks) {
    Rng rng(seed);
    const std::size_t columns = (wide ? 2 : 1) * nc + nk + ng;
    cells.resize(n_blocks * columns);
    c.resize(n_blocks);
    w.resize(n_blocks);
    for (std::size_t b = 0; b < n_blocks; ++b) {
      for (std::size_t l = 0; l < kLanes; ++l) {
        const bool padding = b + 1 == n_blocks && l >= 5;
        c[b].v[l] = padding ? 0.0 : rng.uniform(-20.0, 2.0);
        w[b].v[l] = padding ? 0.0 : rng.uniform();
        std::size_t column = b * columns;
        for (std::size_t j = 0; j < nc; ++j) {
          cells[column++].v[l] = rng.uniform(-5.0, 5.0);
          if (wide) cells[column++].v[l] = rng.uniform(0.01, 1.0);
        }
        for (std::size_t j = 0; j < nk; ++j) cells[column++].v[l] = static_cast<double>(rng.below(3));
        for (std::size_t j = 0; j < ng; ++j) cells[column++].v[l] = std::bit_cast<double>(rng.below(10));
      }
    }
    for (std::size_t j = 0; j < nc + nk; ++j) {
      for (std::size_t i = 0; i < kCandidates; ++i) {
        const double value =
            j < nc ? rng.uniform(-40.0, 40.0) * (i == 0 ? 1.0 : 0.1) : static_cast<double>(rng.below(3));
        x.insert(x.end(), kCopies, value);
      }
    }
    for (std::size_t j = 0; j < nk; ++j) delta.push_back(rng.uniform(0.0, 5.0));
    for (auto& row : table) {
      for (double& value : row) value = rng.uniform(-800.0, 0.0) * (rng.below(3) == 0 ? 1.0 : 0.01);
    }
    for (std::size_t j = 0; j < ng * kCandidates; ++j) rows.push_back(table[rng.below(table.size())].data());
    for (double& o : offset) o = rng.uniform(-3.0, 0.0);
    for (std::size_t j = 0; j < nc; ++j) {
      for (std::size_t i = 0; i < kCandidates; ++i) {
        single.push_back(static_cast<float>(x[(j * kCandidates + i) * kCopies]));
      }
    }
    single.insert(single.end(), offset.begin(), offset.end());
    x.reserve(kCandidates * kCopies);  // no null pointers, as in parzen_density.cpp
    rows.reserve(kCandidates);
    task = {cells.empty() ? c[0].v : cells[0].v,
            c[0].v,
            w[0].v,
            n_blocks,
            nc,
            nk,
            ng,
            wide,
            x.data(),
            delta.data(),
            rows.data(),
            offset.data(),
            single.data()};
  }
  std::vector<Block> cells, c, w;
  std::vector<double> x, delta;
  std::array<std::array<double, 10>, 6> table{};
  std::vector<const double*> rows;
  std::array<double, kCandidates> offset{};
  std::vector<float> single;
  tpe::ScoreTask task{};
};

double exponent(const tpe::ScoreTask& task, std::size_t i, std::size_t b, std::size_t l) {
  const std::size_t columns = (task.wide ? 2 : 1) * task.n_continuous + task.n_categorical + task.n_grid;
  const double* cell = task.cells + b * columns * kLanes + l;
  const auto next = [&] {
    const double value = *cell;
    cell += kLanes;
    return value;
  };
  double t = task.offset[i] + task.c[b * kLanes + l];
  for (std::size_t j = 0; j < task.n_continuous; ++j) {
    double z = task.x[(j * kCandidates + i) * kCopies] - next();
    if (task.wide) z *= next();
    t -= z * z;
  }
  for (std::size_t j = 0; j < task.n_categorical; ++j) {
    if (task.x[((task.n_continuous + j) * kCandidates + i) * kCopies] == next()) t += task.delta[j];
  }
  for (std::size_t j = 0; j < task.n_grid; ++j) {
    t += task.rows[j * kCandidates + i][std::bit_cast<std::uint64_t>(next())];
  }
  return t;
}

std::vector<const tpe::ScoreKernel*> kernels_here() {
  std::vector<const tpe::ScoreKernel*> kernels;
  for (const char* name : {"avx512", "avx2", "baseline"}) {
    try {
      kernels.push_back(&tpe::score_kernel(name));
    } catch (const Error&) {
      continue;  // not on this processor
    }
  }
  return kernels;
}

using Sums = std::array<double, kCandidates * kLanes>;

Sums add(const tpe::ScoreKernel& kernel, const tpe::ScoreTask& task) {
  alignas(64) Sums sums{};
  kernel.add(task, sums.data());
  return sums;
}

// The blocks of odd numbers, the last one first and twice.
std::vector<std::uint32_t> some_blocks(std::size_t n_blocks) {
  std::vector<std::uint32_t> blocks;
  for (std::size_t b = n_blocks; b-- > 0;) {
    if (b % 2 == 1 || b + 1 == n_blocks) blocks.push_back(static_cast<std::uint32_t>(b));
  }
  blocks.push_back(blocks.front());
  return blocks;
}

Sums add_listed(const tpe::ScoreKernel& kernel, const tpe::ScoreTask& task) {
  const auto blocks = some_blocks(task.n_blocks);
  alignas(64) Sums sums{};
  for (std::size_t i = 0; i < kCandidates; ++i) {
    kernel.add_listed(task, i, blocks.data(), blocks.size(), &sums[i * kLanes]);
  }
  return sums;
}

}  // namespace

TEST_CASE("every instruction set sums kernels as the formula says") {
  REQUIRE(!kernels_here().empty());
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(1000 + seed);
    const std::size_t nc = rng.below(6);
    const std::size_t nk = rng.below(3);
    const std::size_t ng = nc + nk == 0 ? 1 : rng.below(3);
    const Problem problem(seed, nc, nk, ng, rng.below(2) == 0, 1 + rng.below(40));
    const auto& task = problem.task;
    const auto blocks = some_blocks(task.n_blocks);
    Sums expected{};
    Sums listed{};
    Sums largest;
    largest.fill(-INFINITY);
    for (std::size_t i = 0; i < kCandidates; ++i) {
      for (std::size_t b = 0; b < task.n_blocks; ++b) {
        for (std::size_t l = 0; l < kLanes; ++l) {
          const double t = exponent(task, i, b, l);
          const double weight = task.w[b * kLanes + l];
          const double term = weight * std::exp(std::max(t, -708.0));
          expected[i * kLanes + l] += term;
          listed[i * kLanes + l] += static_cast<double>(std::count(blocks.begin(), blocks.end(), b)) * term;
          if (weight > 0.0) largest[i * kLanes + l] = std::max(largest[i * kLanes + l], t);
        }
      }
    }
    for (const auto* kernel : kernels_here()) {
      INFO(kernel->name << ", seed " << seed);
      const Sums sums = add(*kernel, task);
      const Sums some = add_listed(*kernel, task);
      alignas(64) Sums found;
      found.fill(-INFINITY);
      kernel->max(task, found.data());
      for (std::size_t s = 0; s < sums.size(); ++s) {
        CHECK(sums[s] == Approx(expected[s]).epsilon(1e-12));
        CHECK(some[s] == Approx(listed[s]).epsilon(1e-12));
        CHECK((found[s] == largest[s] || std::abs(found[s] - largest[s]) < 1e-12 * std::abs(largest[s])));
      }
    }
  }
}

TEST_CASE("sums of single precision are those of double precision but for its roundings") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(2000 + seed);
    const std::size_t nc = rng.below(6);
    const std::size_t nk = nc == 0 ? 1 : rng.below(3);
    // Also more blocks than are summed before the sums become doubles, of odd and even number.
    const Problem problem(seed, nc, nk, 0, rng.below(2) == 0, 1 + rng.below(seed % 3 == 0 ? 300 : 6));
    const auto& task = problem.task;
    for (const auto* kernel : kernels_here()) {
      INFO(kernel->name << ", seed " << seed << ", " << task.n_blocks << " blocks");
      alignas(64) Sums found{};
      found.fill(1.0);  // what is there is kept
      kernel->add_single(task, found.data());
      for (std::size_t i = 0; i < kCandidates; ++i) {
        for (std::size_t l = 0; l < kLanes; ++l) {
          double low = 1.0;
          double high = 1.0;
          for (std::size_t b = 0; b < task.n_blocks; ++b) {
            // |t| < 110 of a term that is not cut off, of numbers up to 40: some 1e-7 (4 * 40 * 10 + 20 * 110).
            const double t = std::max(exponent(task, i, b, l), -87.0);
            low += task.w[b * kLanes + l] * std::exp(t) * (1.0 - 5e-4);
            high += task.w[b * kLanes + l] * std::exp(t) * (1.0 + 5e-4);
          }
          CHECK(low - 1e-12 <= found[i * kLanes + l]);
          CHECK(found[i * kLanes + l] <= high + 1e-12);
        }
      }
    }
  }
}

TEST_CASE("vectors of eight and of four doubles give the same sums to the last bit") {
  if (kernels_here().size() < 3) return;  // a processor without one of them
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Problem problem(seed, 4, 1, 1, seed % 2 == 0, 7);
    const auto& wide = tpe::score_kernel("avx512");
    const auto& narrow = tpe::score_kernel("avx2");
    CHECK(add(wide, problem.task) == add(narrow, problem.task));
    CHECK(add_listed(wide, problem.task) == add_listed(narrow, problem.task));
  }
}

TEST_CASE("the sums' exponential is exact over its whole range") {
  for (const auto* kernel : kernels_here()) {
    for (double x = -707.0; x < 700.0; x += 0.731) {
      Block cells{};
      Block c{};
      Block w{};
      c.v[3] = x;
      w.v[3] = 1.0;
      const std::array<double, kCandidates> zero{};
      const std::array<double, kCandidates * kCopies> at{};
      const tpe::ScoreTask task{cells.v, c.v,       w.v,     1,       1,           0,      0,
                                false,   at.data(), nullptr, nullptr, zero.data(), nullptr};
      const Sums sums = add(*kernel, task);
      INFO(kernel->name << ", exp(" << x << ")");
      REQUIRE(std::abs(sums[3] / std::exp(x) - 1.0) < 1e-15 + 2e-16 * std::abs(x));
    }
  }
}

TEST_CASE("an instruction set that does not exist is refused with those that do") {
  CHECK_THROWS_WITH(tpe::score_kernel("mmx"),
                    ContainsSubstring("BLUEFIN_SIMD = 'mmx'") && ContainsSubstring("baseline"));
  CHECK(tpe::score_kernel("baseline").name == "baseline");
}
