// SPDX-License-Identifier: MIT
// The study asks, your loop answers: for programs that must own the loop (a simulator, a robot, a batch queue).
// Several trials are under way at once here; each is told when its result comes in, in any order.
#include "bluefin/bluefin.hpp"

#include <cmath>
#include <iostream>
#include <utility>
#include <vector>

namespace {

// What is measured: the landing point of a throw, in metres, without air resistance.
double distance_of_throw(double speed, double angle_degrees) {
  const double angle = angle_degrees * 3.14159265358979 / 180;
  return speed * speed * std::sin(2 * angle) / 9.81;
}

}  // namespace

int main() {
  auto study = bluefin::create_study({.direction = bluefin::Direction::kMinimize, .seed = 1});

  // What is known already goes first.
  study.enqueue_trial({{"speed", 20.0}, {"angle", 45.0}});

  const std::map<std::string, bluefin::Distribution> space = {
      {"speed", bluefin::FloatDistribution{.low = 5, .high = 30}},
      {"angle", bluefin::FloatDistribution{.low = 10, .high = 80}},
  };
  for (int round = 0; round < 20; ++round) {
    // Four points at once. The sampler knows which trials are still running and keeps away from them.
    std::vector<bluefin::Trial> running;
    for (int i = 0; i < 4; ++i) {
      running.push_back(study.ask(space));
    }
    while (!running.empty()) {
      bluefin::Trial trial = std::move(running.back());  // the last one is ready first
      running.pop_back();
      const double speed = trial.suggest_float("speed", 5, 30);  // as asked for above
      const double angle = trial.suggest_float("angle", 10, 80);
      const double miss = std::abs(distance_of_throw(speed, angle) - 25.0);
      if (angle > 75) {
        study.tell(trial, bluefin::Failed{"the ball hit the ceiling"});
      } else {
        study.tell(trial, miss);
      }
    }
  }

  const auto best = study.best_trial();
  std::cout << "trial " << best.number << " misses the target at 25 m by " << best.value() << " m:";
  for (const auto& param : best.params) {
    std::cout << ' ' << param.spec->name << '=' << param.value;
  }
  std::cout << '\n';
}
