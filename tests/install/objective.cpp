// SPDX-License-Identifier: MIT
// A whole study in one line of main(), from the installed bluefin::main.
#include "bluefin/bluefin.hpp"
#include "bluefin/run_main.hpp"

int main(int argc, char** argv) {
  return bluefin::run_main(argc, argv, [](bluefin::Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); });
}
