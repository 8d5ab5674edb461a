// SPDX-License-Identifier: MIT
#include "samplers/tpe/bandwidths.hpp"

#include <algorithm>
#include <bit>

#include "core/non_finite.hpp"

namespace bluefin::tpe {
namespace {

constexpr double kEpsilon = 1e-12;  // Optuna's EPS: a bandwidth in kernel space

constexpr double kSmallestS = 1e-100;  // whose square and logarithm are numbers still, however wide the range

// A gap between two points as a bandwidth.
double as_s(double gap_u, double floor) { return std::clamp(gap_u * kSqrt2, floor, kMaxS); }

}  // namespace

std::size_t Bandwidths::bin_of(double u) {
  return std::min(static_cast<std::size_t>(std::max((u + kHalfRange) * kSqrt2, 0.0)), kBins - 1);
}

std::size_t Bandwidths::next_bin(std::size_t b) const {
  ++b;
  if (b < 64) {
    const std::uint64_t rest = occupied_[0] >> b;
    if (rest != 0) return b + static_cast<std::size_t>(std::countr_zero(rest));
    b = 64;
  }
  if (b >= kBins) return kBins;
  const std::uint64_t rest = occupied_[1] >> (b - 64);
  return rest != 0 ? b + static_cast<std::size_t>(std::countr_zero(rest)) : kBins;
}

std::size_t Bandwidths::previous_bin(std::size_t b) const {
  if (b > 64) {
    const std::uint64_t rest = occupied_[1] << (128 - b);
    if (rest != 0) return b - 1 - static_cast<std::size_t>(std::countl_zero(rest));
    b = 64;
  }
  if (b == 0) return kBins;
  const std::uint64_t rest = occupied_[0] << (64 - b);
  return rest != 0 ? b - 1 - static_cast<std::size_t>(std::countl_zero(rest)) : kBins;
}

const Bandwidths::Point* Bandwidths::Ends::find(int number) const {
  for (std::size_t i = 0; i < n; ++i) {
    if (points[i].number == number) return &points[i];
  }
  return nullptr;
}

Bandwidths::Ends Bandwidths::ends_around(std::size_t b) const {
  Ends ends;
  for (const std::size_t i : {previous_bin(b), b, next_bin(b)}) {
    if (i == kBins || bins_[i].n == 0) continue;
    ends.points[ends.n++] = bins_[i].lowest;
    if (bins_[i].n > 1) ends.points[ends.n++] = bins_[i].highest;
  }
  return ends;
}

void Bandwidths::find_bandwidths(Bin& bin, std::size_t b) {
  const std::size_t left = previous_bin(b);
  const std::size_t right = next_bin(b);
  double left_s = 1.0;
  double right_s = 1.0;
  if (left != kBins) {
    left_s = as_s(bin.lowest.u - bins_[left].highest.u, 1.0);
  } else if (rules_.endpoints) {
    left_s = as_s(bin.lowest.u + kHalfRange, 1.0);
  }
  if (right != kBins) {
    right_s = as_s(bins_[right].lowest.u - bin.highest.u, 1.0);
  } else if (rules_.endpoints) {
    right_s = as_s(kHalfRange - bin.highest.u, 1.0);
  }
  if (bin.n == 1) left_s = right_s = std::max(left_s, right_s);
  bin.lowest.s = left_s;
  bin.highest.s = right_s;
}

void Bandwidths::update_around(std::size_t b, const Ends& before, std::vector<Change>& changes) {
  for (const std::size_t i : {previous_bin(b), b, next_bin(b)}) {
    if (i != kBins && bins_[i].n != 0) find_bandwidths(bins_[i], i);
  }
  const Ends after = ends_around(b);
  for (std::size_t i = 0; i < after.n; ++i) {
    const Point& point = after.points[i];
    const Point* old = before.find(point.number);
    if (point.s != (old == nullptr ? 1.0 : old->s)) changes.push_back({point.number, point.s});
  }
  // An end no more: both neighbours are in its own bin now.
  for (std::size_t i = 0; i < before.n; ++i) {
    const Point& point = before.points[i];
    if (point.s != 1.0 && after.find(point.number) == nullptr) changes.push_back({point.number, 1.0});
  }
}

void Bandwidths::insert(int number, double u, const Points& points, std::vector<Change>& changes) {
  ++m_;
  if (!inside(u)) ++n_outside_;
  if (binned_ && !wants_bins()) {
    sort_out_of_bins(points);
    return;
  }
  const Point point{u, number};
  if (!binned_) {
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), point), point);
    settled_ = false;
    // Not left to the next settle(): a long history arrives at once, and each insertion here is O(m).
    if (wants_bins()) settle(changes);
    return;
  }
  const std::size_t b = bin_of(u);
  const Ends before = ends_around(b);
  Bin& bin = bins_[b];
  if (bin.n == 0 || point < bin.lowest) bin.lowest = point;
  if (bin.n == 0 || bin.highest < point) bin.highest = point;
  ++bin.n;
  occupied_[b / 64] |= std::uint64_t{1} << (b % 64);
  update_around(b, before, changes);
}

void Bandwidths::erase(int number, double u, const Points& points, std::vector<Change>& changes) {
  --m_;
  if (!inside(u)) --n_outside_;
  const Point point{u, number};
  if (!binned_) {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), point));
    settled_ = false;
    return;
  }
  if (!wants_bins()) {
    sort_out_of_bins(points);
    return;
  }
  const std::size_t b = bin_of(u);
  Ends before = ends_around(b);
  Bin& bin = bins_[b];
  if (--bin.n == 0) {
    occupied_[b / 64] &= ~(std::uint64_t{1} << (b % 64));
  } else if (number == bin.lowest.number || number == bin.highest.number) {
    // A little more than the bin, for the rounding of its limits.
    const auto limit = [](std::size_t of) { return static_cast<double>(of) / kSqrt2 - kHalfRange; };
    const double low = b == 0 ? -kInfinity : limit(b) - 1e-9;
    const double high = b + 1 == kBins ? kInfinity : limit(b + 1) + 1e-9;
    bool first = true;
    points(low, high, [&](int other, double other_u) {
      if (bin_of(other_u) != b) return;
      const Point candidate{other_u, other};
      if (first || candidate < bin.lowest) bin.lowest = candidate;
      if (first || bin.highest < candidate) bin.highest = candidate;
      first = false;
    });
  }
  for (std::size_t i = 0; i < before.n; ++i) {
    if (before.points[i].number == number) before.points[i].s = 1.0;  // gone: nobody is to be told
  }
  update_around(b, before, changes);
}

void Bandwidths::sort_into_bins() {
  bins_ = {};
  occupied_ = {};
  for (const Point& point : sorted_) {
    const std::size_t b = bin_of(point.u);
    Bin& bin = bins_[b];
    if (bin.n++ == 0) bin.lowest = point;
    bin.highest = point;
    occupied_[b / 64] |= std::uint64_t{1} << (b % 64);
  }
  for (std::size_t b = 0; b < kBins; ++b) {
    if (bins_[b].n != 0) find_bandwidths(bins_[b], b);
  }
  sorted_ = {};
  binned_ = true;
}

void Bandwidths::sort_out_of_bins(const Points& points) {
  sorted_.clear();
  points(-kInfinity, kInfinity, [&](int number, double u) {
    Point point{u, number};
    if (inside(u)) {
      const Bin& bin = bins_[bin_of(u)];
      if (bin.n > 0 && bin.lowest.number == number) point.s = bin.lowest.s;
      if (bin.n > 0 && bin.highest.number == number) point.s = bin.highest.s;
    }
    sorted_.push_back(point);
  });
  std::sort(sorted_.begin(), sorted_.end());
  binned_ = false;
  settled_ = false;
}

void Bandwidths::settle(std::vector<Change>& changes) {
  if (binned_ || settled_) return;
  settled_ = true;
  const auto m = static_cast<double>(m_);
  const double floor = rules_.magic_clip ? kMaxS / std::min(kMaxS, m + 2.0) : std::max(kEpsilon / unit_, kSmallestS);
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    const bool lowest = i == 0;
    const bool highest = i + 1 == sorted_.size();
    Point& point = sorted_[i];
    const double left = lowest ? point.u + kHalfRange : point.u - sorted_[i - 1].u;
    const double right = highest ? kHalfRange - point.u : sorted_[i + 1].u - point.u;
    double gap = std::max(left, right);
    if (!rules_.endpoints && sorted_.size() >= 2) {
      if (lowest) gap = right;
      if (highest) gap = left;
    }
    const double s = as_s(gap, std::min(floor, kMaxS));
    if (s != point.s) changes.push_back({point.number, s});
    point.s = s;
  }
  if (wants_bins()) sort_into_bins();
}

}  // namespace bluefin::tpe
