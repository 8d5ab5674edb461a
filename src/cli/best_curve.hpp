// SPDX-License-Identifier: MIT
// The best value so far over the trials of a study, drawn with characters.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace bluefin::cli {

struct BestPoint {
  int number = 0;    // of the trial
  double value = 0;  // of the best one up to it, in the user's sign
};

// `points`: each trial that was better than all before it, ascending numbers; `last`: the number of the newest trial.
// `height` lines of `width` columns, and one with the numbers below; none where there is nothing to draw: fewer than
// two points, or no room. Values of one sign that differ by a factor of 30 are drawn by their logarithms.
std::vector<std::string> best_curve(const std::vector<BestPoint>& points, int last, std::size_t width,
                                    std::size_t height, bool unicode);

}  // namespace bluefin::cli
