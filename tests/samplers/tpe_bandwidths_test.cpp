// SPDX-License-Identifier: MIT
#include "samplers/tpe/bandwidths.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "bluefin/rng.hpp"
#include "catch.hpp"

using namespace bluefin;
using tpe::BandwidthRules;
using tpe::Bandwidths;
using tpe::kHalfRange;

namespace {

constexpr double kUnitOfRange = 0.01;  // R = 1

// What bandwidths.hpp says, from the whole set at once.
std::map<int, double> bandwidths_by_definition(const std::map<int, double>& points, const BandwidthRules& rules) {
  std::vector<std::pair<double, int>> sorted;
  for (const auto& [number, u] : points) sorted.emplace_back(u, number);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t m = sorted.size();
  const double floor = rules.magic_clip ? 100.0 / std::min(100.0, static_cast<double>(m) + 2.0) : 1e-12 / kUnitOfRange;
  std::map<int, double> result;
  for (std::size_t i = 0; i < m; ++i) {
    const double left = sorted[i].first - (i > 0 ? sorted[i - 1].first : -kHalfRange);
    const double right = (i + 1 < m ? sorted[i + 1].first : kHalfRange) - sorted[i].first;
    double gap = std::max(left, right);
    if (m >= 2 && !rules.endpoints && i == 0) gap = right;
    if (m >= 2 && !rules.endpoints && i + 1 == m) gap = left;
    result[sorted[i].second] = std::clamp(gap * tpe::kSqrt2, floor, 100.0);
  }
  return result;
}

// Follows the changes as an estimator does.
class Followed {
 public:
  explicit Followed(BandwidthRules rules) : rules_(rules), bandwidths_(rules, kUnitOfRange) {}
  void insert(int number, double u) {
    points_[number] = u;
    s_[number] = 1.0;
    bandwidths_.insert(number, u, all(), changes_);
    take();
  }
  void erase(int number) {
    const double u = points_.at(number);
    points_.erase(number);
    s_.erase(number);
    bandwidths_.erase(number, u, all(), changes_);
    take();
  }
  void check() {
    bandwidths_.settle(changes_);
    take();
    const auto expected = bandwidths_by_definition(points_, rules_);
    REQUIRE(s_.size() == expected.size());
    for (const auto& [number, s] : expected) {
      INFO("point " << number << " of " << s_.size());
      REQUIRE(s_.at(number) == Approx(s).epsilon(1e-13));
    }
  }
  const std::map<int, double>& points() const { return points_; }

 private:
  Bandwidths::Points all() {
    return [this](double low, double high, const std::function<void(int, double)>& visit) {
      for (const auto& [number, u] : points_) {
        if (low <= u && u <= high) visit(number, u);
      }
    };
  }
  void take() {
    for (const auto& change : changes_) {
      REQUIRE(s_.count(change.number) == 1);
      s_[change.number] = change.s;
    }
    changes_.clear();
  }

  BandwidthRules rules_;
  Bandwidths bandwidths_;
  std::map<int, double> points_;
  std::map<int, double> s_;
  std::vector<Bandwidths::Change> changes_;
};

}  // namespace

TEST_CASE("bandwidths of points that come and go are those of the set they are") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const BandwidthRules rules{rng.below(8) != 0, rng.below(3) == 0};
    // Wide or narrow clusters, ties, and in every fourth run points outside of a range that was changed.
    const double spread = seed % 3 == 0 ? kHalfRange : seed % 3 == 1 ? 4.0 : 0.5;
    const double outside = seed % 4 == 0 ? 1.5 : 1.0;
    const auto draw = [&] {
      switch (rng.below(6)) {
        case 0:
          return std::nearbyint(rng.uniform(-spread, spread));
        case 1:
          return rng.below(2) == 0 ? -kHalfRange : kHalfRange;
        case 2:
          return rng.uniform(-kHalfRange, kHalfRange) * outside;
        default:
          return std::clamp(rng.normal() * spread / 3.0, -kHalfRange, kHalfRange);
      }
    };
    Followed followed(rules);
    followed.check();
    int next = 0;
    // Up over the size at which the points go into bins, to and fro there, and down again.
    for (const int target : {5, 130, 90, 105, 96, 300, 20}) {
      while (static_cast<int>(followed.points().size()) != target) {
        const bool grow = static_cast<int>(followed.points().size()) < target;
        if (grow != (rng.below(4) == 0) || followed.points().empty()) {
          followed.insert(next, draw());
          // Numbers need not ascend.
          next += rng.below(3) == 0 ? 7 : 1;
          while (followed.points().count(next) != 0) ++next;
        } else {
          auto it = followed.points().begin();
          std::advance(it, rng.below(followed.points().size()));
          const int number = it->first;
          followed.erase(number);
          if (rng.below(2) == 0) next = number;
        }
        if (rng.below(3) == 0) followed.check();
      }
      followed.check();
    }
  }
}
