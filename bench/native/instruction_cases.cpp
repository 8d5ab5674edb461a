// SPDX-License-Identifier: MIT
// Fixed amounts of work, the same in every run, for bench/instructions to count the instructions of.
//
//   instruction_cases             # the names of the cases
//   instruction_cases CASE        # runs it
//   instruction_cases --compiler  # what compiled this, e.g. g++-12.2.0: counts belong to it
#include <cstdio>
#include <map>
#include <string>

#include "bluefin/bluefin.hpp"
#include "native/spaces.hpp"

namespace {

void run(const char* sampler, const char* kind, int d, int n_trials) {
  const bench::Space space(kind, d);
  auto study = bluefin::create_study({.sampler = bluefin::make_sampler(sampler), .seed = 1});
  study.optimize([&](bluefin::Trial& trial) { return space.suggest(trial); }, {.n_trials = n_trials});
}

// The protocol of a trial without a sampler of weight.
void random() { run("random", "float", 5, 5000); }
// Sums of kernels, and little else.
void tpe_float() { run("tpe", "float", 5, 800); }
// Every kind of parameter, tables of grids, conditional spaces' independent draws.
void tpe_kinds() {
  run("tpe", "mixed", 8, 250);
  run("tpe", "conditional", 4, 250);
}

std::string compiler() {
#if !defined(__OPTIMIZE__)
  return "none: built without optimisation";
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "none: built with a sanitizer";
#elif defined(__clang__)
  return "clang++-" + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#else
  return "g++-" + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)()> cases = {
      {"random", random}, {"tpe-float", tpe_float}, {"tpe-kinds", tpe_kinds}};
  const std::string name = argc > 1 ? argv[1] : "";
  if (name.empty()) {
    for (const auto& [known, unused] : cases) std::puts(known.c_str());
  } else if (name == "--compiler") {
    std::puts(compiler().c_str());
  } else if (const auto found = cases.find(name); found != cases.end()) {
    found->second();
  } else {
    std::fprintf(stderr, "instruction_cases: no case '%s'\n", name.c_str());
    return 2;
  }
}
