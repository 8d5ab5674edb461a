// SPDX-License-Identifier: MIT
// bluefin memory
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "bluefin/memory_model.hpp"
#include "bluefin/study.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "report_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

using Params = std::vector<std::pair<std::string, Choice>>;
using Row = std::vector<std::string>;

constexpr std::size_t kShownTrials = 20;
constexpr std::size_t kShownRefused = 10;

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::abs(bytes) >= 1024.0 && unit < 4) {
    bytes /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}
std::string bytes_text(const std::optional<double>& bytes) { return bytes ? bytes_text(*bytes) : "-"; }

const char* kind_text(MemoryKind kind) { return kind == MemoryKind::kDevice ? "GPU" : "main memory"; }

std::string configuration_line(const Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    text += (text.empty() ? "" : " ") + name + "=" + to_string(value);
  }
  return printable(text);
}

std::string words(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return printable(text);
}

// Columns as wide as what is in them; the first to the left, the others to the right but for the last.
void print_rows(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t j = 0; j < row.size(); ++j) {
      widths[j] = std::max(widths[j], row[j].size());
    }
  }
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t j = 0; j < row.size(); ++j) {
      const bool left = j == 0 || j + 1 == row.size();
      line += " " + (left ? fmt::format("{:<{}}", row[j], widths[j]) : fmt::format("{:>{}}", row[j], widths[j] + 1));
      line += j + 2 == row.size() ? " " : "";
    }
    std::cout << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
  }
}

std::string state_text(const MemoryReport::Measured& trial) {
  if (!trial.ran_out) {
    return trial.state == TrialState::kPruned ? "pruned" : "ended";
  }
  return trial.believed ? "ran out" : "ran out, not believed: a trial that needs no less has ended";
}

// The trials that tell most: those that ran out or came near to it, by what they needed.
void print_trials(const MemoryReport::Kind& kind) {
  std::vector<MemoryReport::Measured> trials = kind.trials;
  std::stable_sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
    const auto need = [](const auto& t) { return t.predicted.value_or(t.measured.value_or(0.0)); };
    return need(a) > need(b);
  });
  const std::size_t shown = std::min(trials.size(), kShownTrials);
  std::cout << (shown < trials.size() ? fmt::format("the {} of {} trials that need most\n", shown, trials.size())
                                      : std::string("trials, by need\n"));
  std::vector<Row> rows = {{"trial", "measured", "predicted", "off by", ""}};
  for (std::size_t i = 0; i < shown; ++i) {
    const MemoryReport::Measured& trial = trials[i];
    const bool both = trial.measured && trial.predicted && !trial.ran_out;
    rows.push_back({std::to_string(trial.number), bytes_text(trial.measured), bytes_text(trial.predicted),
                    both ? fmt::format("{:+.1f} %", 100.0 * (*trial.predicted / *trial.measured - 1.0)) : "-",
                    state_text(trial)});
  }
  print_rows(rows);
}

void print_kind(const MemoryReport::Kind& kind) {
  const auto n_failed = std::count_if(kind.trials.begin(), kind.trials.end(), [](const auto& t) { return t.ran_out; });
  const auto n_peaks = std::count_if(kind.trials.begin(), kind.trials.end(), [](const auto& t) { return t.measured; });
  std::cout << fmt::format("{}: {} trial{} ran out, {} measured; a trial has {}\n", kind_text(kind.kind), n_failed,
                           n_failed == 1 ? "" : "s", n_peaks,
                           kind.capacity ? bytes_text(kind.capacity) : "an unknown amount");
  std::cout << "grows with " << (kind.sizes.empty() ? "no parameter that is known" : words(kind.sizes));
  std::cout << (kind.conditions.empty() ? "" : "; compared where equal: " + words(kind.conditions)) << "\n\n";
  if (!kind.terms.empty()) {
    std::cout << fmt::format("fit: off by {:.1f} % on average; {}\n", 100.0 * kind.error,
                             kind.fit_is_used ? fmt::format("refuses what is predicted to need more, with a margin of "
                                                            "{:.1f} %",
                                                            100.0 * kind.margin)
                             : kind.capacity  ? "it explains too little and refuses nothing"
                                              : "nothing is refused by it, since nobody knows how much there is");
    std::vector<Row> rows = {{"term", "bytes each", "of"}};
    for (const MemoryReport::Term& term : kind.terms) {
      rows.push_back({printable(term.name), term.bytes > 0.0 ? number_text(term.bytes) : "-", printable(term.formula)});
    }
    print_rows(rows);
  } else {
    std::cout << "fit: none before 4 trials have ended with a measured peak\n";
  }
  std::cout << "\n";
  if (!kind.trials.empty()) {
    print_trials(kind);
    std::cout << "\n";
  }
  if (!kind.limits.empty()) {
    std::cout << "refused is what is no smaller than one of these in any size\n";
    std::vector<Row> rows = {{"trial", "ran out with"}};
    for (const MemoryReport::Limit& limit : kind.limits) {
      rows.push_back({std::to_string(limit.trial), configuration_line(limit.params)});
    }
    print_rows(rows);
    std::cout << "\n";
  }
}

void print_refused(const MemoryReport& report) {
  if (report.n_refused == 0) {
    std::cout << "no candidate was refused yet\n";
    return;
  }
  std::cout << fmt::format("{} candidate{} refused before the start{}\n", report.n_refused,
                           report.n_refused == 1 ? " was" : "s were",
                           report.refused.size() > kShownRefused ? fmt::format("; the last {}", kShownRefused) : "");
  std::vector<Row> rows = {{"for trial", "predicted", "because of", ""}};
  const std::size_t begin = report.refused.size() - std::min(report.refused.size(), kShownRefused);
  for (std::size_t i = begin; i < report.refused.size(); ++i) {
    const MemoryReport::Refused& refused = report.refused[i];
    rows.push_back({std::to_string(refused.for_trial), bytes_text(refused.predicted),
                    refused.because ? fmt::format("trial {}", *refused.because) : "the fit",
                    configuration_line(refused.params)});
  }
  print_rows(rows);
  if (!report.all_refused.empty()) {
    std::string numbers;
    for (const int number : report.all_refused) {
      numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", number);
    }
    std::cout << fmt::format("every candidate was refused for, and the smallest one run as: {}\n", numbers);
  }
}

void print_text(const Study& study, const MemoryReport& report) {
  if (report.kinds.empty()) {
    std::cout << fmt::format(
        "nothing is known of memory yet: no trial of study {} has run out of it, and none has both a hint "
        "(--resource-hint) and a measured peak\n",
        printable(study.name()));
    return;
  }
  for (const MemoryReport::Kind& kind : report.kinds) {
    print_kind(kind);
  }
  print_refused(report);
}

Tree tree_of(const Params& params) {
  Tree tree = Tree::object();
  for (const auto& [name, value] : params) {
    tree[name] = to_tree(value);
  }
  return tree;
}

Tree tree_of(const MemoryReport::Kind& kind) {
  Tree terms = Tree::array();
  for (const MemoryReport::Term& term : kind.terms) {
    terms.push_back({{"name", term.name}, {"formula", term.formula}, {"bytes", term.bytes}});
  }
  Tree trials = Tree::array();
  for (const MemoryReport::Measured& trial : kind.trials) {
    trials.push_back({{"number", trial.number},
                      {"state", std::string(to_string(trial.state))},
                      {"ran_out", trial.ran_out},
                      {"believed", trial.believed},
                      {"measured_bytes", or_null(trial.measured)},
                      {"predicted_bytes", or_null(trial.predicted)}});
  }
  Tree limits = Tree::array();
  for (const MemoryReport::Limit& limit : kind.limits) {
    limits.push_back({{"trial", limit.trial}, {"params", tree_of(limit.params)}});
  }
  return {{"kind", kind.kind == MemoryKind::kDevice ? "device" : "host"},
          {"capacity_bytes", or_null(kind.capacity)},
          {"sizes", kind.sizes},
          {"conditions", kind.conditions},
          {"terms", terms},
          {"error", kind.error},
          {"margin", kind.margin},
          {"fit_is_used", kind.fit_is_used},
          {"trials", trials},
          {"limits", limits}};
}

void print_json(const MemoryReport& report) {
  Tree kinds = Tree::array();
  for (const MemoryReport::Kind& kind : report.kinds) {
    kinds.push_back(tree_of(kind));
  }
  Tree refused = Tree::array();
  for (const MemoryReport::Refused& one : report.refused) {
    refused.push_back({{"for_trial", one.for_trial},
                       {"params", tree_of(one.params)},
                       {"predicted_bytes", or_null(one.predicted)},
                       {"because", or_null(one.because)}});
  }
  std::cout << json_text({{"kinds", kinds},
                          {"n_refused", report.n_refused},
                          {"all_refused", report.all_refused},
                          {"refused", refused}})
            << "\n";
}

}  // namespace

int run_memory(const Arguments& arguments) {
  CommandLine line("memory", "$ bluefin memory --storage sqlite:///lr.db --study-name lr");
  line.note(
          "Trials that ran out of memory, and measured peaks, say which configurations are\n"
          "not suggested any more (docs/memory.md). The fitted terms, what was measured\n"
          "against what is predicted, and what was refused. Changes nothing.")
      .text("study-name", "NAME", "default: the only study of the storage")
      .flag("json", "one JSON object; memory in bytes");
  if (!line.parse(arguments)) {
    return 0;
  }
  const Study study = line.load_study();
  const MemoryReport report = memory_report(study);
  line.is_set("json") ? print_json(report) : print_text(study, report);
  return 0;
}

}  // namespace bluefin::cli
