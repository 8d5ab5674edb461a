// SPDX-License-Identifier: MIT
// Accuracy against time: how good can a classifier be, and what does it cost to ask it? There is no single best
// answer, so the study ends with the Pareto front: the trials that no other trial beats in both.
// The classifier is k nearest neighbours, written out below; the data are made here; the time is really measured.
#include "bluefin/bluefin.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <utility>
#include <vector>

namespace {

constexpr int kClasses = 5;
constexpr int kFeatures = 24;

struct Point {
  std::array<float, kFeatures> x;
  int label;
};

// Each class is a cloud around three centres; later features carry less and less of the signal.
std::vector<Point> make_points(std::size_t n, std::uint64_t seed) {
  bluefin::Rng centre_rng(7);
  std::array<std::array<float, kFeatures>, 3 * kClasses> centres;
  for (auto& centre : centres) {
    for (int f = 0; f < kFeatures; ++f) {
      centre[f] = static_cast<float>(centre_rng.normal() * 2.5 / (1 + 0.4 * f));
    }
  }
  bluefin::Rng rng(seed);
  std::vector<Point> points(n);
  for (auto& point : points) {
    const auto centre = rng.below(centres.size());
    point.label = static_cast<int>(centre % kClasses);
    for (int f = 0; f < kFeatures; ++f) {
      point.x[f] = centres[centre][f] + static_cast<float>(rng.normal());
    }
  }
  return points;
}

// The label that most of the k nearest of the first n points have, by the first `features` features.
int classify(const std::vector<Point>& train, std::size_t n, int features, int k, const Point& query) {
  std::vector<std::pair<float, int>> nearest;  // squared distance, label; the k smallest, sorted
  for (std::size_t i = 0; i < n; ++i) {
    float distance = 0;
    for (int f = 0; f < features; ++f) {
      const float d = train[i].x[f] - query.x[f];
      distance += d * d;
    }
    if (static_cast<int>(nearest.size()) < k || distance < nearest.back().first) {
      if (static_cast<int>(nearest.size()) == k) {
        nearest.pop_back();
      }
      const std::pair<float, int> entry{distance, train[i].label};
      nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), entry), entry);
    }
  }
  std::array<int, kClasses> votes{};
  for (const auto& [distance, label] : nearest) {
    ++votes[label];
  }
  return static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

}  // namespace

int main() {
  const auto train = make_points(1500, 1);
  const auto validation = make_points(300, 2);

  auto study = bluefin::create_study({
      .name = "accuracy against time",
      .directions = {bluefin::Direction::kMaximize, bluefin::Direction::kMinimize},
      .seed = 1,
  });
  study.set_metric_names({"accuracy", "microseconds"});

  study.optimize(
      [&](bluefin::Trial& trial) {
        const auto n = static_cast<std::size_t>(trial.suggest_int("points", 20, 1500, {.log = true}));
        const auto features = static_cast<int>(trial.suggest_int("features", 1, kFeatures));
        const auto k = static_cast<int>(trial.suggest_int("k", 1, 15, {.step = 2}));

        const auto start = std::chrono::steady_clock::now();
        int correct = 0;
        for (const auto& point : validation) {
          correct += classify(train, n, features, k, point) == point.label;
        }
        const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;

        const auto count = static_cast<double>(validation.size());
        return std::vector<double>{correct / count, time.count() / count};  // one value per objective
      },
      {.n_trials = 80});

  auto front = study.best_trials();
  std::sort(front.begin(), front.end(), [](const auto& a, const auto& b) { return a.values[1] < b.values[1]; });
  std::printf("%zu of %zu trials are on the Pareto front\n", front.size(), study.trials().size());
  std::printf("%8s %9s   %6s %8s %3s\n", "us/image", "accuracy", "points", "features", "k");
  for (const auto& trial : front) {
    std::printf("%8.2f %8.1f%%   %6.0f %8.0f %3.0f\n", trial.values[1], 100 * trial.values[0],
                trial.find_param("points")->value, trial.find_param("features")->value, trial.find_param("k")->value);
  }
}
