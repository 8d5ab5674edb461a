// SPDX-License-Identifier: MIT
#include "best_curve.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "report_text.hpp"
#include "terminal_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr std::size_t kLeastCurveWidth = 20;
constexpr std::size_t kLeastCurveHeight = 2;
constexpr double kLogFrom = 30;

// Dots in a grid; a character holds 2 x 4 of them in Braille, or one.
class Canvas {
 public:
  Canvas(std::size_t width, std::size_t height, bool braille)
      : braille_(braille),
        columns_(width),
        across_(braille ? 2 : 1),
        down_(braille ? 4 : 1),
        cells_(height, std::vector<std::uint8_t>(width, 0)) {}

  std::size_t width() const { return columns_ * across_; }
  std::size_t height() const { return cells_.size() * down_; }
  void set(std::size_t x, std::size_t y) {
    // Unicode numbers the dots of the left column 0, 1, 2, 6, those of the right one 3, 4, 5, 7.
    constexpr std::uint8_t kBits[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    cells_[y / down_][x / across_] |= braille_ ? kBits[y % 4][x % 2] : std::uint8_t{1};
  }
  std::string line(std::size_t row) const {
    std::string text;
    for (const std::uint8_t cell : cells_[row]) {
      if (cell == 0) {
        text += ' ';
      } else if (braille_) {
        append_utf8(text, U'\u2800' + cell);
      } else {
        text += '*';
      }
    }
    return text;
  }

 private:
  bool braille_;
  std::size_t columns_;
  std::size_t across_;
  std::size_t down_;
  std::vector<std::vector<std::uint8_t>> cells_;
};

}  // namespace

std::vector<std::string> best_curve(const std::vector<BestPoint>& given, int last, std::size_t width,
                                    std::size_t height, bool unicode) {
  std::vector<BestPoint> points;
  std::copy_if(given.begin(), given.end(), std::back_inserter(points),
               [](const BestPoint& point) { return std::isfinite(point.value); });
  if (points.size() < 2 || width < kLeastCurveWidth || height < kLeastCurveHeight) {
    return {};
  }
  const auto by_value = [](const BestPoint& a, const BestPoint& b) { return a.value < b.value; };
  const auto [least, most] = std::minmax_element(points.begin(), points.end(), by_value);
  const double low = least->value;
  const double high = most->value;
  const double ratio = low > 0 ? high / low : high < 0 ? low / high : 1.0;
  const bool logarithmic = ratio >= kLogFrom;
  const auto height_of = [&](double value) {  // 0 to 1
    if (logarithmic) {
      const double bottom = std::log(std::abs(low));
      return (std::log(std::abs(value)) - bottom) / (std::log(std::abs(high)) - bottom);
    }
    // Apart, since the difference of two large values may be infinite.
    return value / (high - low) - low / (high - low);
  };

  const std::string top = number_text(high);
  const std::string bottom = number_text(low);
  const std::size_t label = std::max(top.size(), bottom.size());
  if (label + 3 + kLeastCurveWidth / 2 > width) {
    return {};
  }
  Canvas canvas(width - label - 2, height, unicode);
  const double first = points.front().number;
  const double span = std::max(1.0, static_cast<double>(last) - first);
  const auto row_of = [&](double value) {
    const double rows = static_cast<double>(canvas.height() - 1);
    return static_cast<std::size_t>(std::lround((1.0 - std::clamp(height_of(value), 0.0, 1.0)) * rows));
  };
  std::size_t next = 0;
  std::size_t row = row_of(points.front().value);
  for (std::size_t x = 0; x < canvas.width(); ++x) {
    // The best of all trials up to the end of this column; where it has changed, a line leads there.
    const double until = first + span * static_cast<double>(x + 1) / static_cast<double>(canvas.width());
    while (next < points.size() && (points[next].number <= until || x + 1 == canvas.width())) {
      const std::size_t to = row_of(points[next].value);
      for (std::size_t y = std::min(row, to); y <= std::max(row, to); ++y) {
        canvas.set(x, y);
      }
      row = to;
      ++next;
    }
    canvas.set(x, row);
  }

  std::vector<std::string> lines;
  const std::string axis = unicode ? "\u2502" : "|";
  for (std::size_t i = 0; i < height; ++i) {
    const std::string& text = i == 0 ? top : i + 1 == height ? bottom : std::string();
    lines.push_back(right(text, label) + " " + axis + canvas.line(i));
  }
  const std::string from = fmt::format("trial {}", points.front().number);
  const std::string to = fmt::format("{}{}", logarithmic ? "(logarithmic)  " : "", last);
  const std::size_t room = width - label - 2;
  lines.push_back(std::string(label + 2, ' ') + from +
                  (from.size() + to.size() + 1 < room ? std::string(room - from.size() - to.size(), ' ') + to : ""));
  return lines;
}

}  // namespace bluefin::cli
