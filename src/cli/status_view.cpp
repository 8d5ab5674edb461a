// SPDX-License-Identifier: MIT
#include "status_view.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "report_text.hpp"
#include "status_table.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr std::size_t kMostRuns = 4;   // lines
constexpr std::size_t kMostWaits = 4;  // where lines are short
constexpr std::size_t kLeastLinesOfWait = 2;
constexpr std::size_t kMostLinesOfWait = 12;
constexpr std::size_t kMostOfName = 24;  // columns of another study's
constexpr std::size_t kTight = 16;       // lines of a terminal below which there is none to spare
constexpr std::size_t kCurveFrom = 20;   // lines of a terminal from which on there is a curve in any case
constexpr std::size_t kLeastCurve = 3;
constexpr std::size_t kBestCurve = 5;
constexpr std::size_t kMostCurve = 8;
constexpr std::size_t kMostCurveWidth = 120;
constexpr std::size_t kMostQueued = 5;  // numbers that are named

using Lines = std::vector<std::string>;

bool is_tight(const TerminalStyle& style) { return style.height > 0 && style.height < kTight; }

std::string queue_text(const std::vector<int>& queued) {
  std::string text = fmt::format("{} queued", queued.size());
  for (std::size_t i = 0; i < std::min(queued.size(), kMostQueued); ++i) {
    text += fmt::format("{}#{}", i == 0 ? " (" : " ", queued[i]);
  }
  return text + (queued.empty() ? "" : queued.size() > kMostQueued ? " ...)" : ")");
}

std::string title(const Status& status, const TerminalStyle& style) {
  const std::string name = "study " + status.study;
  std::string text = status.storage;
  if (status.readable) {
    std::string how;
    if (status.directions.size() == 1) {
      how = status.directions.front() == Direction::kMaximize ? "maximize, " : "minimize, ";
    } else {
      how = fmt::format("{} objectives, ", status.directions.size());
    }
    text = how + status.sampler + ", " + status.pruner + "  " + text;
  }
  // A long name leaves some room for the rest.
  const std::string shown =
      cut(name, std::max(style.width / 2, style.width - std::min(style.width, columns_of(text) + 2)));
  const std::size_t used = columns_of(shown) + 2;
  return style.paint(kBold, shown) + "  " + style.paint(kDim, cut(text, style.width - std::min(style.width, used)));
}

void add_head(Lines& lines, const Status& status, const TerminalStyle& style) {
  lines.push_back(title(status, style));
  if (!status.readable) {
    lines.push_back(cut("its trials are in the memory of its own process and cannot be read from here", style.width));
    return;
  }
  std::vector<std::string> parts = {plural(status.n_trials(), "trial") + ":",
                                    fmt::format("{} complete", status.complete),
                                    fmt::format("{} pruned", status.pruned), fmt::format("{} failed", status.failed),
                                    fmt::format("{} running", status.running)};
  if (!status.queued.empty()) parts.push_back(queue_text(status.queued));
  lines.push_back(cut(joined(parts, "  "), style.width));
  if (status.directions.size() > 1) {
    lines.push_back(fmt::format("Pareto front: {}", plural(status.pareto, "trial")));
  } else if (status.curve.empty()) {
    lines.push_back("there is no best trial yet");
  } else {
    const BestPoint& best = status.curve.back();
    std::string text = fmt::format("best: {} by trial {}", number_text(best.value), best.number);
    if (status.best_age) text += fmt::format(", {} ago", duration_text(*status.best_age));
    const std::string bold = style.paint(kBold, cut(text, style.width));
    const std::size_t room = style.width - std::min(style.width, columns_of(text) + 2);
    lines.push_back(bold + (room >= 10 ? "  " + style.paint(kDim, cut(status.best_params, room)) : ""));
  }
}

// One line, or two where the part about slots does not fit; `brief`: one that may be cut.
Lines run_lines(const RunRecord& run, const Status& status, std::size_t width, bool brief) {
  const double elapsed = std::max(0.0, static_cast<double>(status.now_ns - run.since_ns) / 1e9);
  std::string text = fmt::format("run {} of {}: {}{} in {}, {} of {}", run.pid, run.user,
                                 run.n_trials ? fmt::format("{} of ", run.finished) : "",
                                 plural(run.n_trials.value_or(run.finished), "trial"), duration_text(elapsed),
                                 run.running.size(), plural(run.workers, "worker"));
  if (const double silent = static_cast<double>(status.now_ns - run.at_ns) / 1e9; silent > kSilence_s) {
    text += fmt::format("; no word for {}: it is stopped", duration_text(silent));
  }
  if (brief) {
    return {cut(text, width)};
  }
  if (run.idle.gaps == 0) {
    return wrapped(text, width, 2);
  }
  const std::string slots = fmt::format("slots idle {:.1f}%, gaps p50 {} p95 {}", 100 * run.idle.share(),
                                        gap_text(run.idle.p50_seconds), gap_text(run.idle.p95_seconds));
  if (columns_of(text) + 2 + columns_of(slots) <= width) {
    return {text + "; " + slots};
  }
  Lines lines = wrapped(text, width, 2);
  lines.push_back(cut("  " + slots, width));
  return lines;
}

void add_runs(Lines& lines, const Status& status, const TerminalStyle& style) {
  if (status.runs.empty()) {
    lines.push_back(cut(status.problem.empty() ? "nothing runs it on this machine"
                                               : "runs of this machine cannot be seen: " + status.problem,
                        style.width));
  }
  for (std::size_t i = 0; i < status.runs.size(); ++i) {
    if (i + 1 == kMostRuns && status.runs.size() > kMostRuns) {
      lines.push_back(fmt::format("... and {} more runs", status.runs.size() - i));
      return;
    }
    for (std::string& line : run_lines(status.runs[i], status, style.width, is_tight(style)))
      lines.push_back(std::move(line));
  }
}

// `most`: lines for each, where the terminal has an end.
Lines wait_lines(const Status& status, const TerminalStyle& style, std::size_t most) {
  Lines lines;
  std::size_t shown = 0;
  for (const StatusWait& wait : status.waits) {
    if (is_tight(style) && shown > 0) break;  // what the terminal has is for the study's slots
    if (style.height > 0 && shown == kMostWaits) {
      lines.push_back(fmt::format("... and {} more runs that wait", status.waits.size() - shown));
      break;
    }
    ++shown;
    // The reason is worth more than the end of a name.
    const std::string study = style.height > 0 ? cut(wait.study, kMostOfName) : wait.study;
    const std::string text =
        fmt::format("{} of {}{} {}: {}", plural(wait.trials, "trial"), wait.who,
                    study.empty() ? "" : ", study " + study, wait.trials == 1 ? "waits" : "wait", wait.reason);
    Lines parts = wrapped(text, style.width, 2);
    if (style.height > 0 && parts.size() > most) {
      parts.resize(most);
      parts.back() = cut(parts.back() + " ...", style.width);
    }
    for (const std::string& part : parts) lines.push_back(style.paint(kYellow, part));
  }
  return lines;
}

Lines curve_of(const Status& status, const TerminalStyle& style, std::size_t height) {
  return best_curve(status.curve, status.last_number, std::min(style.width, kMostCurveWidth), height, style.unicode);
}

void add_block(Lines& lines, Lines block, bool tight) {
  if (block.empty()) return;
  if (!tight) lines.emplace_back();
  for (std::string& line : block) lines.push_back(std::move(line));
}

}  // namespace

std::vector<std::string> status_lines(const Status& status, const TerminalStyle& style) {
  Lines lines;
  add_head(lines, status, style);
  add_runs(lines, status, style);
  Lines waits = wait_lines(status, style, kLeastLinesOfWait);
  if (style.height == 0) {
    add_block(lines, curve_of(status, style, kBestCurve), false);
    add_block(lines, status_table(status, style, 0), false);
    add_block(lines, std::move(waits), false);
    return lines;
  }
  const bool tight = is_tight(style);
  const std::size_t before = tight ? 0 : 1;  // lines between blocks
  const auto block = [&](std::size_t content) { return content == 0 ? 0 : content + before; };
  const std::size_t used = lines.size() + block(waits.size());
  std::size_t room = style.height - std::min(style.height, used);
  const bool has_curve = !curve_of(status, style, kLeastCurve).empty();
  const std::size_t kept = has_curve && style.height >= kCurveFrom ? block(kLeastCurve + 1) : 0;
  Lines table;
  if (room > kept + before) {
    table = status_table(status, style, room - kept - before);
    room -= block(table.size());
  }
  // Reasons in full before a higher curve.
  const std::size_t spare = waits.size() + room - std::min(room, kept);
  for (std::size_t most = kLeastLinesOfWait + 1; most <= kMostLinesOfWait; ++most) {
    Lines longer = wait_lines(status, style, most);
    if (longer.size() > spare) break;
    room -= longer.size() - waits.size();
    waits = std::move(longer);
  }
  if (has_curve && room >= block(kLeastCurve + 1)) {
    add_block(lines, curve_of(status, style, std::min(kMostCurve, room - 1 - before)), tight);
  }
  add_block(lines, std::move(table), tight);
  add_block(lines, std::move(waits), tight);
  if (lines.size() > style.height) lines.resize(style.height);
  return lines;
}

}  // namespace bluefin::cli
