// SPDX-License-Identifier: MIT
// An objective made a program by run_main().
#include "bluefin/run_main.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

int main(int argc, char** argv) {
  const bool to_be_forked = std::getenv("BLUEFIN_ZYGOTE") != nullptr;
  if (const char* path = std::getenv("STARTED");
      path != nullptr && (to_be_forked || std::getenv("BLUEFIN_FD") != nullptr)) {
    const bool ahead = std::getenv("BLUEFIN_PRESTARTED") != nullptr;
    std::ofstream(path, std::ios::app) << (to_be_forked ? "to be forked\n" : ahead ? "ahead\n" : "usual\n");
  }
  if (to_be_forked && std::getenv("THREAD") != nullptr) {
    std::thread([] { std::this_thread::sleep_for(std::chrono::minutes(10)); }).detach();
  }
  const auto objective = [](bluefin::Trial& trial) {
    const double x = trial.suggest_float("x", -5, 5);
    if (const char* pause = std::getenv("PAUSE"); pause != nullptr) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(pause)));
    }
    return (x - 2) * (x - 2);
  };
  bluefin::RunDefaults defaults;
  defaults.n_trials = 8;
  defaults.workers = 2;
  defaults.sampler = "random";
  defaults.enqueue = {{{"x", 2.0}}};
  defaults.description = "Finds the lowest point of a parabola.";
  return bluefin::run_main(argc, argv, objective, defaults);
}
