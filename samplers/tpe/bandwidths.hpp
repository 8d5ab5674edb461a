// SPDX-License-Identifier: MIT
// The bandwidths of the kernels of one numeric parameter, kept up to date as points come and go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "samplers/tpe/scale.hpp"

namespace bluefin::tpe {

struct BandwidthRules {
  bool magic_clip = true;  // a smallest bandwidth of R / min(100, m + 2); without it 1e-12
  bool endpoints = false;  // the lowest and the highest point also look at the gap to their limit
};

// sigma_k is the larger gap to the neighbours in sorted order, of the lowest and the highest of m >= 2 points the only
// gap they have, of a single point the gap to the farther limit; cut to [R / min(100, m + 2), R]. Equal points stand in
// the order of their trials. Units: u and s of Scale.
// Source: optuna/samplers/_tpe/parzen_estimator.py, _calculate_numerical_distributions.
//
// Fewer than 98 points are kept sorted and all bandwidths found anew whenever settle() is called: the smallest one
// depends on m. From then on (the 98th settles by itself) it is R / 100, and a bandwidth is larger only where a
// neighbour is farther away. So the points lie in 100 bins of that width, and only the lowest and highest of a bin can
// be such: O(1) for a point that comes or goes, O(m) where it was the end of its bin and goes.
class Bandwidths {
 public:
  Bandwidths(BandwidthRules rules, double unit) : rules_(rules), unit_(unit) {}

  struct Change {
    int number;
    double s;
  };
  // Calls visit with (number, u) of every point of the set with low <= u <= high.
  using Points = std::function<void(double low, double high, const std::function<void(int, double)>& visit)>;

  // A new point is taken to have s = 1 until a change says otherwise; the prior's s = 100 is no part of this.
  // points: of the set as it is after the call. `changes` is appended to.
  void insert(int number, double u, const Points& points, std::vector<Change>& changes);
  void erase(int number, double u, const Points& points, std::vector<Change>& changes);
  // To be called before the bandwidths are used.
  void settle(std::vector<Change>& changes);

 private:
  struct Point {
    double u;
    int number;
    double s = 1.0;  // as last told
    bool operator<(const Point& other) const { return u != other.u ? u < other.u : number < other.number; }
  };
  struct Bin {
    std::size_t n = 0;
    Point lowest{};
    Point highest{};
  };
  // The ends of a bin and of its occupied neighbours.
  struct Ends {
    std::array<Point, 6> points{};
    std::size_t n = 0;
    const Point* find(int number) const;
  };
  static constexpr std::size_t kBins = 100;
  static constexpr std::size_t kSortedBelow = 98;  // points

  static bool inside(double u) { return -kHalfRange <= u && u <= kHalfRange; }
  static std::size_t bin_of(double u);
  std::size_t next_bin(std::size_t b) const;      // occupied, or kBins
  std::size_t previous_bin(std::size_t b) const;  // occupied, or kBins
  bool wants_bins() const { return rules_.magic_clip && m_ >= kSortedBelow && n_outside_ == 0; }
  void sort_into_bins();
  void sort_out_of_bins(const Points& points);
  Ends ends_around(std::size_t b) const;
  void find_bandwidths(Bin& bin, std::size_t b);
  void update_around(std::size_t b, const Ends& before, std::vector<Change>& changes);

  BandwidthRules rules_;
  double unit_;
  std::size_t m_ = 0;
  std::size_t n_outside_ = 0;  // points beyond the limits (the range was changed): such a set stays sorted
  bool binned_ = false;
  bool settled_ = true;
  std::vector<Point> sorted_;      // while not binned_
  std::array<Bin, kBins> bins_{};  // while binned_
  std::array<std::uint64_t, 2> occupied_{};
};

}  // namespace bluefin::tpe
