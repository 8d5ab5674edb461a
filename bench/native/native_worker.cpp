// SPDX-License-Identifier: MIT
// bench/speed/worker.py for the C++ API: the same arguments, the same line of JSON.
//
//   build-bench/bench/native_worker trial '{"sampler": "tpe", "kind": "float", "d": 5, "sizes": [1000], "at_least": 20,
//                                           "at_most": 100, "budget_s": 1}'
#include <chrono>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "bluefin/bluefin.hpp"
#include "native/spaces.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Figures = std::map<std::string, std::vector<double>>;

class Arguments {
 public:
  explicit Arguments(const char* text) : members_(bluefin::Json::parse(text).as_object().value()) {}
  double number(const std::string& key) const { return get(key).as_double().value(); }
  int integer(const std::string& key) const { return static_cast<int>(number(key)); }
  std::string string(const std::string& key) const { return get(key).as_string().value(); }
  std::vector<double> numbers(const std::string& key) const { return get(key).as_doubles().value(); }

 private:
  const bluefin::Json& get(const std::string& key) const {
    for (const auto& [name, value] : members_) {
      if (name == key) return value;
    }
    throw std::invalid_argument("no argument " + key);
  }
  std::vector<std::pair<std::string, bluefin::Json>> members_;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Microseconds of ask + d suggests + tell in a study of n finished trials, for each n of `sizes`.
Figures trial(const Arguments& arguments) {
  bluefin::Rng rng(1);
  const bench::Space space(arguments.string("kind"), arguments.integer("d"));
  auto study = bluefin::create_study({.sampler = bluefin::make_sampler(arguments.string("sampler")), .seed = 1});
  const auto at_least = static_cast<std::size_t>(arguments.integer("at_least"));
  const auto at_most = static_cast<std::size_t>(arguments.integer("at_most"));
  int n_trials = 0;
  Figures figures;
  for (const double size : arguments.numbers("sizes")) {
    const int n = static_cast<int>(size);
    bench::fill(study, space, rng, n - n_trials);
    std::vector<double> micros;
    const auto start = Clock::now();
    while (micros.size() < at_most + 3 &&
           (micros.size() < at_least + 3 || seconds_since(start) < arguments.number("budget_s"))) {
      const auto begin = Clock::now();
      bluefin::Trial trial = study.ask();
      study.tell(trial, space.suggest(trial));
      micros.push_back(seconds_since(begin) * 1e6);
    }
    n_trials = n + static_cast<int>(micros.size());
    figures[std::to_string(n)] = {micros.begin() + 3, micros.end()};  // the first three build the model
  }
  return figures;
}

// Milliseconds of a whole study with TPE.
Figures study(const Arguments& arguments) {
  const bench::Space space("float", arguments.integer("d"));
  auto study = bluefin::create_study({.sampler = bluefin::make_sampler("tpe"), .seed = 1});
  const auto begin = Clock::now();
  study.optimize([&](bluefin::Trial& trial) { return space.suggest(trial); },
                 {.n_trials = arguments.integer("n_trials")});
  return {{"", {seconds_since(begin) * 1e3}}};
}

void print(const Figures& figures) {
  const char* separator = "{";
  for (const auto& [figure, samples] : figures) {
    std::printf("%s\"%s\": %s", separator, figure.c_str(), bluefin::Json(samples).text().c_str());
    separator = ", ";
  }
  std::puts("}");
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, Figures (*)(const Arguments&)> measurements = {{"trial", trial}, {"study", study}};
  const auto measurement = argc == 3 ? measurements.find(argv[1]) : measurements.end();
  if (measurement == measurements.end()) {
    std::fprintf(stderr, "usage: native_worker trial|study '{\"its\": \"arguments\"}'\n");
    return 2;
  }
  print(measurement->second(Arguments(argv[2])));
}
