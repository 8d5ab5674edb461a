// SPDX-License-Identifier: MIT
#include "status_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report_text.hpp"

namespace bluefin::cli {
namespace {

constexpr std::size_t kGap = 2;     // between two columns
constexpr std::size_t kPlace = 14;  // the widest that a place may be
constexpr std::size_t kLeastParams = 16;
constexpr std::size_t kBesides = 4;   // between two rows side by side
constexpr std::size_t kHeadFrom = 4;  // lines; with fewer, rows are worth more

enum StatusColumn : std::size_t {
  kSlot,
  kTrial,
  kElapsed,
  kReport,
  kMedian,
  kMemory,
  kUtil,
  kPower,
  kIdle,
  kParams,
  kColumns
};
constexpr std::array<const char*, kColumns> kHeads = {"slot",   "trial", "elapsed", "last report", "to median",
                                                      "memory", "util",  "power",   "idle",        "parameters"};
constexpr std::array<bool, kColumns> kRight = {false, true, true, true, true, true, true, true, true, false};
// What is left out first where the terminal is narrow.
constexpr std::array<StatusColumn, 6> kDispensable = {kIdle, kPower, kUtil, kMedian, kMemory, kReport};

struct Cells {
  std::array<std::string, kColumns> text;
  std::array<const char*, kColumns> colour = {};
  std::string instead = {};  // of everything behind the slot
};

std::string bar(double share, std::size_t width, bool unicode) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) {
    text += unicode ? (i < full ? "\u2588" : "\u2591") : (i < full ? "#" : "-");
  }
  return unicode ? text : "[" + text + "]";
}

Cells cells_of(const StatusRow& row, const Status& status, std::size_t bar_width, bool unicode) {
  Cells cells;
  auto& text = cells.text;
  text[kSlot] = row.place.empty() ? "elsewhere" : cut(row.place, kPlace);
  if (row.idle_share) text[kIdle] = fmt::format("{:.1f}%", 100 * *row.idle_share);
  if (!row.trial && !row.taken_by.empty()) {
    cells.instead = "taken by " + row.taken_by;
    return cells;
  }
  if (!row.trial) {
    text[kTrial] = "idle";
    cells.colour[kTrial] = kYellow;
    return cells;
  }
  text[kTrial] = std::to_string(*row.trial);
  if (row.elapsed) text[kElapsed] = duration_text(*row.elapsed);
  if (row.ending) {
    text[kReport] = "ends";
  } else if (row.last) {
    text[kReport] = fmt::format("{:.4g} @{}", row.last->value, row.last->step);
  }
  if (row.last && row.median && !row.ending) {
    const bool maximize = status.directions.front() == Direction::kMaximize;
    text[kMedian] = comparison_text(row.last->value, *row.median, maximize);
    cells.colour[kMedian] = text[kMedian].find("better") != std::string::npos  ? kGreen
                            : text[kMedian].find("worse") != std::string::npos ? kRed
                                                                               : nullptr;
  }
  if (row.gpu_memory_used && row.gpu_memory_total && *row.gpu_memory_total > 0) {
    const double share = static_cast<double>(*row.gpu_memory_used) / static_cast<double>(*row.gpu_memory_total);
    text[kMemory] = bar_width > 0 ? bar(share, bar_width, unicode) + " " : "";
    text[kMemory] += right(size_text(*row.gpu_memory_used), 5);
    if (share > 0.95) cells.colour[kMemory] = kYellow;
  } else if (row.host_memory) {
    text[kMemory] = size_text(*row.host_memory);
  }
  if (row.utilisation) text[kUtil] = fmt::format("{:.0f}%", 100 * *row.utilisation);
  if (row.power_watts) text[kPower] = fmt::format("{:.0f}W", *row.power_watts);
  text[kParams] = row.params;
  cells.colour[kParams] = kDim;
  return cells;
}

// The rows' cells and the width of each column; 0: it is left out.
struct Layout {
  std::vector<Cells> rows;
  std::array<std::size_t, kColumns> widths = {};

  std::size_t width() const {
    std::size_t sum = 0;
    for (const std::size_t width : widths) sum += width > 0 ? width + kGap : 0;
    return sum - std::min(sum, kGap);
  }
};

Layout layout_of(const Status& status, std::size_t width, bool unicode) {
  Layout layout;
  for (const std::size_t bar_width : {std::size_t{10}, std::size_t{6}, std::size_t{0}}) {
    layout = {};
    for (const StatusRow& row : status.rows) {
      layout.rows.push_back(cells_of(row, status, bar_width, unicode));
    }
    for (std::size_t column = 0; column < kParams; ++column) {
      for (const Cells& cells : layout.rows) {
        layout.widths[column] = std::max(layout.widths[column], columns_of(cells.text[column]));
      }
      if (layout.widths[column] > 0) {
        layout.widths[column] = std::max(layout.widths[column], columns_of(kHeads[column]));
      }
    }
    // The share of idle time is worth less than a bar.
    if (layout.width() > width) layout.widths[kIdle] = 0;
    if (layout.width() <= width) break;
  }
  for (const StatusColumn column : kDispensable) {
    if (layout.width() > width) layout.widths[column] = 0;
  }
  if (layout.width() + kGap + kLeastParams <= width) {
    const bool any = std::any_of(layout.rows.begin(), layout.rows.end(),
                                 [](const Cells& cells) { return !cells.text[kParams].empty(); });
    layout.widths[kParams] = any ? width - layout.width() - kGap : 0;
  }
  return layout;
}

std::string line_of(const Layout& layout, const std::array<std::string, kColumns>& text,
                    const std::array<const char*, kColumns>& colour, const TerminalStyle& style) {
  std::string line;
  for (std::size_t column = 0; column < kColumns; ++column) {
    const std::size_t width = layout.widths[column];
    if (width == 0) continue;
    const std::string cell = kRight[column] ? right(text[column], width) : left(text[column], width);
    line += (line.empty() ? "" : std::string(kGap, ' ')) +
            (colour[column] != nullptr ? style.paint(colour[column], cell) : cell);
  }
  return line;
}

// `width`: that the line may have; `whole`: it has all of it, since another one stands beside it.
std::string line_of(const Layout& layout, const Cells& cells, const TerminalStyle& style, std::size_t width,
                    bool whole) {
  if (cells.instead.empty()) {
    return line_of(layout, cells.text, cells.colour, style);
  }
  const std::size_t used = layout.widths[kSlot] + kGap;
  const std::size_t rest = width - std::min(width, used);
  return left(cells.text[kSlot], layout.widths[kSlot]) + std::string(kGap, ' ') +
         style.paint(kDim, whole ? left(cells.instead, rest) : cut(cells.instead, rest));
}

std::string head_of(const Layout& layout, const TerminalStyle& style) {
  std::array<std::string, kColumns> text;
  std::copy(kHeads.begin(), kHeads.end(), text.begin());
  return style.paint(kBold, line_of(layout, text, {}, style));
}

std::string rest_of(const Status& status, std::size_t shown) {
  const auto n_idle = std::count_if(status.rows.begin() + static_cast<std::ptrdiff_t>(shown), status.rows.end(),
                                    [](const StatusRow& row) { return !row.trial && row.taken_by.empty(); });
  const std::size_t rest = status.rows.size() - shown;
  return fmt::format("... and {} more{}", rest, n_idle > 0 ? fmt::format(", {} of them idle", n_idle) : "");
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"B", "k", "M", "G", "T", "P"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 999.5 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return unit > 0 && size < 99.95 ? fmt::format("{:.1f}{}", size, kUnits[unit])
                                  : fmt::format("{:.0f}{}", size, kUnits[unit]);
}

std::string comparison_text(double value, double median, bool maximize) {
  if (std::isnan(value) || std::isnan(median)) {
    return "";
  }
  if (value == median) {
    return "equal";
  }
  const char* word = (value > median) == maximize ? "better" : "worse";
  const double percent = 100 * std::abs(value - median) / std::abs(median);
  if (!(percent < 999.5) || value * median < 0) {
    return word;  // a ratio says nothing across zero, or is out of all measure
  }
  return fmt::format("{:.0f}% {}", percent, word);
}

std::vector<std::string> status_table(const Status& status, const TerminalStyle& style, std::size_t height) {
  if (status.rows.empty()) {
    return {};
  }
  const std::size_t n = status.rows.size();
  Layout layout = layout_of(status, style.width, style.unicode);
  std::size_t across = 1;
  if (height > 0 && n + 1 > height) {
    // Two rows side by side, where nothing is lost but what is for wide rows only.
    const std::size_t half = (style.width - std::min(style.width, kBesides)) / 2;
    Layout narrow = layout_of(status, half, style.unicode);
    const bool whole = std::all_of(kDispensable.begin() + 1, kDispensable.end(), [&](StatusColumn column) {
      return (narrow.widths[column] > 0) == (layout.widths[column] > 0);
    });
    if (whole && narrow.width() <= half) {
      layout = std::move(narrow);
      across = 2;
    }
  }
  std::size_t lines = (n + across - 1) / across;
  std::size_t shown = n;
  bool has_head = true;
  if (height > 0 && lines + 1 > height) {
    has_head = height >= kHeadFrom;
    lines = std::min(lines, height - (has_head ? 2 : lines > height ? 1 : 0));
    shown = std::min(n, lines * across);
  }
  std::vector<std::string> result;
  const std::string between(kBesides, ' ');
  if (has_head) {
    result.push_back(head_of(layout, style) + (across > 1 ? between + head_of(layout, style) : ""));
  }
  for (std::size_t i = 0; i < lines; ++i) {
    std::string line;
    for (std::size_t part = 0; part < across; ++part) {
      if (const std::size_t row = part * lines + i; row < shown) {
        const Cells& cells = layout.rows[row];
        const std::string cell = line_of(layout, cells, style, across > 1 ? layout.width() : style.width, across > 1);
        line += (part > 0 ? between : "") + cell;
      }
    }
    result.push_back(std::move(line));
  }
  if (shown < n) {
    result.push_back(style.paint(kDim, rest_of(status, shown)));
  }
  return result;
}

}  // namespace bluefin::cli
