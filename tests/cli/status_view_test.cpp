// SPDX-License-Identifier: MIT
// What `bluefin status` draws: sizes, colours, names of every kind.
#include "cli/status_view.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "cli/best_curve.hpp"
#include "cli/status_table.hpp"
#include "cli/terminal_text.hpp"

using namespace bluefin;
using namespace bluefin::cli;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Status study_with(int n_slots) {
  Status status;
  status.study = "lr";
  status.storage = "sqlite:////home/ada/lr.db";
  status.readable = true;
  status.directions = {Direction::kMinimize};
  status.sampler = "tpe";
  status.pruner = "median";
  status.complete = 98;
  status.pruned = 15;
  status.failed = 7;
  status.running = n_slots;
  status.last_number = 119;
  for (int i = 0; i < 10; ++i) status.curve.push_back({i * 10, 5.0 * std::pow(0.5, i)});
  status.best_params = "lr=0.001 layers=3";
  status.best_age = 192;
  status.now_ns = 1'000'000'000'000;
  RunRecord run;
  run.pid = 4711;
  run.user = "ada";
  run.workers = n_slots;
  run.n_trials = 200;
  run.finished = 120;
  run.since_ns = status.now_ns - 725'000'000'000;
  run.at_ns = status.now_ns;
  run.idle = {
      .trials = 124, .gaps = 120, .busy_seconds = 982, .idle_seconds = 18, .p50_seconds = 0.012, .p95_seconds = 0.03};
  status.runs.push_back(run);
  for (int i = 0; i < n_slots; ++i) {
    StatusRow row;
    row.place = "GPU " + std::to_string(i);
    row.run = 4711;
    row.trial = 120 + i;
    row.elapsed = 72 + i;
    row.last = Report{12, 0.0231};
    row.median = 0.0262;
    row.gpu_memory_used = 61 * kGiB;
    row.gpu_memory_total = 80 * kGiB;
    row.utilisation = 0.97;
    row.power_watts = 310;
    row.host_memory = 2 * kGiB;
    row.params = "lr=0.01";
    status.rows.push_back(row);
  }
  return status;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

bool contains(const std::vector<std::string>& lines, const std::string& part) {
  return joined(lines).find(part) != std::string::npos;
}

void check_size(const std::vector<std::string>& lines, const TerminalStyle& style) {
  CAPTURE(style.width, style.height, joined(lines));
  if (style.height > 0) CHECK(lines.size() <= style.height);
  for (const std::string& line : lines) CHECK(columns_of(line) <= style.width);
}

}  // namespace

TEST_CASE("status at 80 columns says all of a GPU's row", "[cli][status]") {
  const TerminalStyle style{.width = 79, .height = 23};
  const auto lines = status_lines(study_with(4), style);
  check_size(lines, style);
  for (const char* part : {"study lr", "minimize, tpe, median", "98 complete  15 pruned  7 failed  4 running",
                           "best: 0.00976562 by trial 90", "3m12s ago", "lr=0.001 layers=3",
                           "run 4711 of ada: 120 of 200 trials in 12m05s", "idle 1.8%, gaps p50 12ms p95 30ms", "GPU 3",
                           "123", "1m15s", "0.0231 @12", "12% better", "61.0G", "97%", "310W", "\u28c0"}) {
    CAPTURE(part);
    CHECK(contains(lines, part));
  }
}

TEST_CASE("status fits every terminal", "[cli][status]") {
  Status status = study_with(64);
  status.study = std::string(150, 'x') + " \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E";
  status.rows[3].place = "GPU 0,1,2,3,4,5,6,7";
  status.rows[4].params = std::string(500, 'p');
  status.waits.push_back(
      {"run of bob (pid 12)", 3, std::string(300, 'r') + " and some more words " + std::string(90, 'q')});
  for (const bool unicode : {true, false}) {
    for (const std::size_t width : {40, 60, 79, 99, 119, 199, 400}) {
      for (const std::size_t height : {5, 10, 23, 49, 100, 0}) {
        const TerminalStyle style{.width = width, .height = height, .colour = false, .unicode = unicode};
        const auto lines = status_lines(status, style);
        check_size(lines, style);
        if (!unicode) {
          for (const std::string& line : lines) {
            if (line.find("study") == std::string::npos) {  // the name is the user's
              CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("64 slots stand side by side where there is room, and are counted where there is none", "[cli][status]") {
  const Status status = study_with(64);
  const auto wide = status_lines(status, {.width = 199, .height = 49});
  for (int i = 0; i < 64; ++i) CHECK(contains(wide, "GPU " + std::to_string(i) + " "));
  CHECK_FALSE(contains(wide, "more"));
  const auto narrow = status_lines(status, {.width = 79, .height = 23});
  CHECK(contains(narrow, "GPU 0 "));
  CHECK_FALSE(contains(narrow, "GPU 63"));
  CHECK(contains(narrow, "... and "));
  // A page has no end.
  CHECK(contains(status_lines(status, {.width = 80, .height = 0}), "GPU 63"));
}

TEST_CASE("colours only where they are wanted, and lines stay what they are", "[cli][status]") {
  Status status = study_with(2);
  status.rows[1].last = Report{12, 0.05};
  status.waits.push_back({"run of ada (pid 4711)", 1, "GPU 1 is taken"});
  const auto plain = status_lines(status, {.width = 79, .height = 23, .colour = false});
  CHECK_FALSE(contains(plain, "\x1b"));
  const auto coloured = status_lines(status, {.width = 79, .height = 23, .colour = true});
  REQUIRE(coloured.size() == plain.size());
  CHECK(contains(coloured, "\x1b[32m"));  // better
  CHECK(contains(coloured, "\x1b[31m"));  // worse
  for (std::size_t i = 0; i < plain.size(); ++i) {
    std::string text = coloured[i];
    for (std::size_t at = 0; (at = text.find('\x1b')) != std::string::npos;)
      text.erase(at, text.find('m', at) + 1 - at);
    CHECK(text == plain[i]);
  }
}

TEST_CASE("rows without a GPU show main memory, idle ones that they are idle, others where they are", "[cli][status]") {
  Status status = study_with(0);
  StatusRow cpu;
  cpu.place = "CPU 0";
  cpu.trial = 5;
  cpu.elapsed = 3;
  cpu.host_memory = 1536ULL << 20;
  StatusRow idle;
  idle.place = "CPU 1";
  StatusRow ending = cpu;
  ending.place = "CPU 2";
  ending.ending = true;
  StatusRow far;
  far.trial = 9;
  status.rows = {cpu, idle, ending, far};
  const auto lines = status_lines(status, {.width = 79, .height = 23});
  CHECK(contains(lines, "1.5G"));
  CHECK(contains(lines, "idle"));
  CHECK(contains(lines, "ends"));
  CHECK(contains(lines, "elsewhere"));
  CHECK_FALSE(contains(lines, "util"));
  CHECK_FALSE(contains(lines, "power"));
}

TEST_CASE("what waits is said with its reason", "[cli][status]") {
  Status status = study_with(1);
  status.queued = {130, 131, 132, 133, 134, 135};
  status.waits.push_back({"run of ada (pid 4711)", 2, "GPU 0 is taken by trial 12 of study lr (ada, pid 4711)"});
  const auto lines = status_lines(status, {.width = 99, .height = 30});
  CHECK(contains(lines, "2 trials of run of ada (pid 4711) wait: GPU 0 is taken by trial 12 of study lr"));
  CHECK(contains(lines, "6 queued (#130 #131 #132 #133 #134 ...)"));
}

TEST_CASE("the reason of a wait is worth more than a name, a curve and blank lines", "[cli][status]") {
  Status status = study_with(2);
  const std::string reason =
      "GPU 0 is taken by trial 12 of study lr (ada, pid 4711); GPU 1 is taken by trial 13 of study "
      "lr (ada, pid 4712); GPU 2 is used by pid 977 of bob (python serve.py)";
  status.waits.push_back({"run of ada (pid 4711)", 2, reason, std::string(200, 'n') + "-end"});
  const auto lines = status_lines(status, {.width = 79, .height = 23});
  check_size(lines, {.width = 79, .height = 23});
  CHECK(contains(lines, "study nnnnnnnnnnnnnnnnnnnnn... wait: "));
  CHECK(contains(lines, "serve.py)"));
  CHECK(contains(lines, "trial 0"));  // of the curve
  // A page has the room.
  CHECK(contains(status_lines(status, {.width = 400, .height = 0}), "n-end wait: GPU 0"));
}

TEST_CASE("a small terminal shows rows and waits and no blank lines", "[cli][status]") {
  Status status = study_with(1);
  const TerminalStyle small{.width = 39, .height = 9};
  CHECK(contains(status_lines(status, small), "GPU 0"));
  status.waits.push_back({"run of ada (pid 4711)", 2, "GPU 0 is taken by trial 12 of study lr (ada, pid 4711)"});
  status.waits.push_back({"run of bob (pid 4712)", 1, "GPU 1 is taken", "other"});
  for (const int n_slots : {1, 3, 8}) {
    status.rows = study_with(n_slots).rows;
    const auto lines = status_lines(status, small);
    CAPTURE(n_slots, joined(lines));
    check_size(lines, small);
    CHECK(lines.size() == 9);
    CHECK(std::count(lines.begin(), lines.end(), "") == 0);
    CHECK(contains(lines, "GPU 0 "));
    CHECK(contains(lines, "wait:\n  GPU 0 is taken by trial 12"));
    CHECK_FALSE(contains(lines, "... ..."));
    CHECK(contains(lines, "and 6 more") == (n_slots == 8));
    CHECK(contains(lines, "GPU 2 ") == (n_slots == 3));
  }
}

TEST_CASE("a slot that another run has now is not idle", "[cli][status]") {
  Status status = study_with(12);
  for (const std::size_t i : {1, 11}) {
    status.rows[i] = {};
    status.rows[i].place = "GPU " + std::to_string(i);
    status.rows[i].run = 4711;
    status.rows[i].taken_by = "trial 7 of study \x1b[2J (bob, pid 977)";
  }
  for (const std::size_t width : {40, 79, 199}) {
    for (const std::size_t height : {16, 23, 0}) {
      const TerminalStyle style{.width = width, .height = height};
      const auto lines = status_lines(status, style);
      check_size(lines, style);
      CHECK(contains(lines, "GPU 1   taken by trial 7"));
      CHECK_FALSE(contains(lines, "idle\n"));
      CHECK_FALSE(contains(lines, "\x1b"));
    }
  }
}

TEST_CASE("studies of other kinds", "[cli][status]") {
  const TerminalStyle style{.width = 79, .height = 23};
  Status none = study_with(0);
  none.curve.clear();
  none.runs.clear();
  CHECK(contains(status_lines(none, style), "there is no best trial yet"));
  CHECK(contains(status_lines(none, style), "nothing runs it on this machine"));
  Status several = study_with(1);
  several.directions = {Direction::kMinimize, Direction::kMaximize};
  several.curve.clear();
  several.pareto = 3;
  several.rows[0].last.reset();
  CHECK(contains(status_lines(several, style), "Pareto front: 3 trials"));
  Status unreadable;
  unreadable.study = "m";
  unreadable.storage = "memory:";
  CHECK(contains(status_lines(unreadable, style), "cannot be read from here"));
  Status stopped = study_with(1);
  stopped.runs[0].at_ns -= 60'000'000'000;
  CHECK(contains(status_lines(stopped, style), "no word for 1m00s"));
}

TEST_CASE("a name cannot make a terminal obey", "[cli][status]") {
  Status status = study_with(1);
  status.study =
      "a\x1b[2Jb\xC2\x9B"
      "2Jc\xE2\x80\xAE"
      "d\xFF";
  status.rows[0].params = "x=\x1b]0;title\x07";
  status.waits.push_back({"run of e\x1b[31m", 1, "r\x1b[5m"});
  const auto lines = status_lines(status, {.width = 160, .height = 0});
  CHECK_FALSE(contains(lines, "\x1b"));
  CHECK_FALSE(contains(lines, "\xC2\x9B"));
  CHECK_FALSE(contains(lines, "\xE2\x80\xAE"));
  CHECK_FALSE(contains(lines, "\x07"));
}

TEST_CASE("a report against the median", "[cli][status]") {
  CHECK(comparison_text(0.9, 1.0, false) == "10% better");
  CHECK(comparison_text(0.9, 1.0, true) == "10% worse");
  CHECK(comparison_text(-2.0, -1.0, false) == "100% better");
  CHECK(comparison_text(1.0, 1.0, false) == "equal");
  CHECK(comparison_text(-1.0, 1.0, false) == "better");
  CHECK(comparison_text(1.0, 0.0, false) == "worse");
  CHECK(comparison_text(1e9, 1.0, false) == "worse");
  CHECK(comparison_text(NAN, 1.0, false).empty());
}

TEST_CASE("sizes take five characters", "[cli][status]") {
  CHECK(size_text(0) == "0B");
  CHECK(size_text(999) == "999B");
  CHECK(size_text(1000) == "1.0k");
  CHECK(size_text(std::uint64_t{512} << 20) == "512M");
  CHECK(size_text(std::uint64_t{1000} << 20) == "1.0G");
  CHECK(size_text(61 * kGiB + kGiB / 5) == "61.2G");
  CHECK(size_text(~std::uint64_t{0}) == "16384P");
}

TEST_CASE("the curve falls from the first best value to the last", "[cli][status]") {
  const std::vector<BestPoint> points = {{0, 10.0}, {5, 6.0}, {50, 5.0}};
  const auto lines = best_curve(points, 99, 60, 5, false);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].rfind("10 |", 0) == 0);
  CHECK(lines[4].rfind(" 5 |", 0) == 0);
  CHECK_THAT(lines[5], ContainsSubstring("trial 0"));
  CHECK_THAT(lines[5], ContainsSubstring("99"));
  CHECK(lines[0].find('*') < lines[4].find('*'));
  CHECK(lines[4].back() == '*');  // the best value holds until now
  // A study that maximises rises.
  const auto rising = best_curve({{0, 1.0}, {50, 2.0}}, 99, 60, 5, false);
  CHECK(rising[4].find('*') < rising[0].find('*'));
  CHECK(rising[0].back() == '*');
}

TEST_CASE("values of many sizes are drawn by their logarithms", "[cli][status]") {
  const auto lines = best_curve({{0, 1e6}, {40, 1e3}, {80, 1.0}}, 99, 80, 5, false);
  CHECK_THAT(lines.back(), ContainsSubstring("(logarithmic)"));
  CHECK_THAT(lines[2], ContainsSubstring("**********"));  // the middle one stands in the middle
  const auto negative = best_curve({{0, -1.0}, {80, -1e6}}, 99, 80, 5, true);
  CHECK_THAT(negative.back(), ContainsSubstring("(logarithmic)"));
}

TEST_CASE("there is no curve where there is nothing to draw", "[cli][status]") {
  CHECK(best_curve({}, 0, 80, 5, true).empty());
  CHECK(best_curve({{0, 1.0}}, 9, 80, 5, true).empty());
  CHECK(best_curve({{0, 2.0}, {1, 1.0}}, 9, 10, 5, true).empty());
  CHECK(best_curve({{0, 2.0}, {1, 1.0}}, 9, 80, 1, true).empty());
  CHECK(best_curve({{0, INFINITY}, {1, 1.0}}, 9, 80, 5, true).empty());
  CHECK(best_curve({{0, 1.7e308}, {1, -1.7e308}}, 9, 80, 5, true).size() == 6);
}

TEST_CASE("text in columns", "[cli][status]") {
  CHECK(columns_of("abc") == 3);
  CHECK(columns_of("\xE6\x97\xA5\xE6\x9C\xAC") == 4);  // two ideographs
  CHECK(columns_of("e\xCC\x81") == 1);                 // with an accent of its own
  CHECK(cut("abcdef", 6) == "abcdef");
  CHECK(cut("abcdefg", 6) == "abc...");
  CHECK(cut("abcdefg", 2) == "..");
  CHECK(cut("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", 5) == "\xE6\x97\xA5...");
  CHECK(left("ab", 4) == "ab  ");
  CHECK(right("ab", 4) == "  ab");
  CHECK(wrapped("one two three", 8, 2) == std::vector<std::string>{"one two", "  three"});
  CHECK(wrapped("", 8, 2) == std::vector<std::string>{""});
}
