// SPDX-License-Identifier: MIT
// How options structs describe themselves, once, for parsing, validation, --help, Python keywords and stored configs.
//
//   struct TpeOptions {
//     int n_startup_trials = 10;
//     template <class V> static void describe(V&& v) {
//       v("n_startup_trials", &TpeOptions::n_startup_trials, at_least(0), "random trials before the model is used");
//     }
//   };
#pragma once

#include <limits>
#include <map>
#include <string>

#include "bluefin/json.hpp"

namespace bluefin {

// Option name to value, as written in a study's config or on the command line.
using OptionMap = std::map<std::string, Json>;

// Closed interval of allowed values; ignored for bool and string options.
struct OptionRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};
constexpr OptionRange any_value() { return {}; }
constexpr OptionRange at_least(double low) { return {low, std::numeric_limits<double>::infinity()}; }
constexpr OptionRange between(double low, double high) { return {low, high}; }

// One option for --help and for documentation.
struct OptionHelp {
  std::string name;
  std::string default_value;  // as JSON
  std::string description;
};

}  // namespace bluefin
