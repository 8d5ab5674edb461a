// SPDX-License-Identifier: MIT
// The hot loop of TPE: sums of kernels for a few candidates, with the widest vectors that the processor has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bluefin::tpe {

inline constexpr std::size_t kLanes = 8;       // kernels of a block
inline constexpr std::size_t kCandidates = 8;  // scored together, a batch
inline constexpr std::size_t kCopies = 4;      // of each of a candidate's numbers, for those who cannot broadcast

// For every candidate i and every kernel k of the blocks
//   t = offset[i] + c_k - sum_j (x_ij - u_kj)^2 + sum_categorical [x_ij = u_kj] delta_j + sum_grid row_ij[index_kj]
// with a kernel's own inverse bandwidth before the square where the blocks are wide.
//
// Cells of a block: one column of kLanes doubles for u (wide: u, then 1/s) of each continuous parameter, for the choice
// of each categorical one, and for the index (the bits of an std::uint64_t) of each one with a grid, in this order.
// Lanes without a kernel hold zeros.
struct ScoreTask {
  const double* cells;  // [n_blocks][columns][kLanes], 64-byte aligned as are c and w
  const double* c;      // [n_blocks][kLanes]
  const double* w;      // [n_blocks][kLanes]
  std::size_t n_blocks;
  std::size_t n_continuous;
  std::size_t n_categorical;
  std::size_t n_grid;
  bool wide;
  const double* x;            // [n_continuous + n_categorical][kCandidates][kCopies]
  const double* delta;        // [n_categorical]
  const double* const* rows;  // [n_grid][kCandidates]
  const double* offset;       // [kCandidates]
  const float* single;        // [n_continuous + 1][kCandidates] x, and in the last row offset; for add_single() only
};

// A block is a leaf, with the box that its kernels' numeric positions lie in. kLanes boxes are a group: for each
// numeric parameter (continuous ones, then those with a grid) a column of lows, one of highs and one of the smallest
// 1/s.
inline constexpr std::size_t kLeafKernels = kLanes;
inline constexpr std::size_t kBoxColumns = 3;
struct BoundTask {
  const double* boxes;  // [n_groups][n_numeric][kBoxColumns][kLanes]
  const double* c;      // [n_groups][kLanes] at least as large as any kernel's
  std::size_t n_numeric;
  const double* x;       // [n_numeric][2][kCandidates][kCopies] the ends of what a candidate covers
  const double* offset;  // [kCandidates] of the kernels' offset, and the most that discrete parameters add
};

// One instruction set's version. Lane l of a block always goes to partial sum l, whatever the vectors' width.
struct ScoreKernel {
  std::string_view name;
  // sums[i][l] += w_k exp(t) over the blocks; exp of less than -708 is taken as exp(-708). [kCandidates][kLanes]
  void (*add)(const ScoreTask& task, double* sums);
  // add() without grids in single precision, of twice as many numbers a vector: a term's exponent is wrong by a few
  // roundings of its parts (parzen_density.cpp bounds them), and one outside of [-87, 80] is taken as that limit.
  void (*add_single)(const ScoreTask& task, double* sums);
  // The same as add() for the candidate i alone and the n blocks that `blocks` lists; sums: [kLanes].
  void (*add_listed)(const ScoreTask& task, std::size_t i, const std::uint32_t* blocks, std::size_t n, double* sums);
  // largest[i][l] = max of it and every t with w_k > 0.
  void (*max)(const ScoreTask& task, double* largest);
  // Lists the boxes of some groups whose bound lies in (above, up_to]: what no t of candidate i and the box's kernels
  // exceeds. groups: [n], ascending; null: the first n. boxes: [n kLanes]; returns how many there are.
  std::size_t (*near)(const BoundTask& task, std::size_t i, double above, double up_to, const std::uint32_t* groups,
                      std::size_t n, std::uint32_t* boxes);
};

// Null where the compiler or the processor's family does not have them.
extern const ScoreKernel* const kScoreAvx512;
extern const ScoreKernel* const kScoreAvx2;
extern const ScoreKernel* const kScoreBaseline;

// The fastest that this processor runs; the environment variable BLUEFIN_SIMD = avx512, avx2 or baseline forces one.
// Throws Error(kInvalidArgument) for another name or one that does not run here.
const ScoreKernel& score_kernel();
const ScoreKernel& score_kernel(std::string_view name);  // by name; "": the fastest

}  // namespace bluefin::tpe
