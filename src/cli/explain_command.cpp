// SPDX-License-Identifier: MIT
// bluefin explain
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/samplers/gp_explanation.hpp"
#include "bluefin/study.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "report_text.hpp"
#include "terminal_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

using Row = std::vector<std::string>;

constexpr std::size_t kReportWidth = 80;
constexpr std::size_t kNameWidth = 22;
constexpr std::size_t kLeastNameWidth = 14;
constexpr std::size_t kBarWidth = 8;
constexpr std::size_t kShownFront = 10;
constexpr double kFar = 5.0;  // lengthscales, in ranges

std::string short_number(double value) { return fmt::format("{:.4g}", value); }
std::string percent(double share) { return fmt::format("{:.0f} %", 100.0 * share); }

std::string printable_list(const std::vector<std::string>& words) { return printable(joined(words, ", ")); }

// In lines of 80 columns, indented by two, and by `hang` from the second one on.
void print_wrapped(const std::string& text, std::size_t hang = 4) {
  for (const std::string& line : wrapped("  " + text, kReportWidth, hang)) std::cout << line << "\n";
}

// Columns as wide as what is in them, those of numbers to the right; the first `n_left` and the last one to the left.
void print_columns(const std::vector<Row>& rows, std::size_t n_left) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t j = 0; j < row.size(); ++j) widths[j] = std::max(widths[j], columns_of(row[j]));
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t j = 0; j < row.size(); ++j) {
      line += "  " + (j < n_left || j + 1 == widths.size() ? left(row[j], widths[j]) : right(row[j], widths[j]));
    }
    std::cout << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
  }
}

std::string kind_text(const GpExplanation::Param& param) {
  if (param.kind == "categorical") {
    std::vector<std::string> choices;
    for (const Choice& choice : param.choices) choices.push_back(to_string(choice));
    return printable_list(choices);
  }
  std::string text = fmt::format("{} {} to {}", param.kind, short_number(param.low), short_number(param.high));
  if (param.log) return text + ", log";
  if (param.step > 0.0 && !(param.kind == "int" && param.step == 1.0)) text += " by " + short_number(param.step);
  return text;
}

Row lengthscale_row(const GpProcess::Param& fitted, bool log) {
  if (fitted.warp) {
    return {fmt::format("{:.3g}", *fitted.lengthscale),
            fmt::format("bent {:.2g}, {:.2g}", fitted.warp->a, fitted.warp->b)};
  }
  if (!fitted.lengthscale) return {fmt::format("alike {:.2f}", *fitted.correlation), ""};
  // Many ranges away there is no value, and a factor says nothing.
  if (*fitted.lengthscale > kFar) return {fmt::format("{:.3g}", *fitted.lengthscale), "beyond"};
  return {fmt::format("{:.3g}", *fitted.lengthscale),
          log ? fmt::format("x {:.3g}", *fitted.distance) : fmt::format("{:.3g}", *fitted.distance)};
}

void print_params(const GpExplanation& explanation, const GpProcess& process) {
  const bool unicode = output_style().unicode;
  std::vector<Row> rows = {{"parameter", "kind", "lengthscale", "which is", "relevance", ""}};
  for (std::size_t j = 0; j < process.params.size(); ++j) {
    const GpExplanation::Param& param = explanation.params[j];
    Row row = {cut(printable(param.name), kNameWidth), kind_text(param)};
    for (std::string& cell : lengthscale_row(process.params[j], param.log)) row.push_back(std::move(cell));
    const double relevance = *process.params[j].relevance;
    row.push_back(percent(relevance));
    std::string bar;
    for (int i = 0; i < static_cast<int>(std::lround(static_cast<double>(kBarWidth) * relevance)); ++i)
      bar += unicode ? "█" : "#";
    row.push_back(bar);
    rows.push_back(std::move(row));
  }
  // Where there is no room the bars go first, then the ends of names, then those of kinds.
  const auto width_of = [&](std::size_t j) {
    std::size_t widest = 0;
    for (const Row& row : rows) widest = std::max(widest, columns_of(row[j]));
    return widest;
  };
  std::size_t others = 5 * 2;
  for (const std::size_t j : {2, 3, 4}) others += width_of(j);
  const std::size_t kinds = width_of(1);
  if (others + width_of(0) + kinds + 2 + kBarWidth > kReportWidth) {
    for (Row& row : rows) row.back().clear();
  }
  const std::size_t names =
      std::min(width_of(0), std::max(kLeastNameWidth, kReportWidth - std::min(kReportWidth, others + kinds)));
  for (Row& row : rows) {
    row[0] = cut(row[0], names);
    row[1] = cut(row[1], kReportWidth - others - names);
  }
  print_columns(rows, 2);
}

std::string transform_text(const GpProcess& process) {
  std::string text = process.transform == "none"        ? "none but the mean and the scale"
                     : process.transform == "logarithm" ? "the logarithm of large values"
                                                        : fmt::format("Yeo-Johnson, lambda {:.2f}", process.lambda);
  if (process.n_cut > 0) {
    text += fmt::format("; {} cut off at {}", plural(process.n_cut, "value"), short_number(*process.cut_at));
  }
  return text;
}

std::string loo_text(const GpProcess& process) {
  if (std::isnan(process.loo_score)) return "nothing can be left out";
  const std::string r2 = std::isnan(process.loo_r2) ? "" : fmt::format("R2 {:.3f}, ", process.loo_r2);
  return fmt::format("{}{} of the values within 2 sd, score {:.3f}", r2, percent(process.loo_within),
                     process.loo_score);
}

void print_process(const GpExplanation& explanation, const GpProcess& process, const std::string& title) {
  std::string line = fmt::format("{}: fitted to {}", printable(title), plural(process.n_fitted, "trial"));
  if (process.n_values > process.n_fitted)
    line += fmt::format(", {} more added since", process.n_values - process.n_fitted);
  for (const std::string& part : wrapped(line, kReportWidth, 2)) std::cout << part << "\n";
  if (process.failed) print_wrapped("no hyperparameters could be found: these are typical ones");
  print_params(explanation, process);
  std::cout << "\n";
  print_columns({{"noise", fmt::format("sd {:.2g} at the best trial; {:.2g} where values have sd 1", process.noise,
                                       process.noise_sd)},
                 {"transform", transform_text(process)},
                 {"leave one out", loo_text(process)}},
                1);
  for (std::size_t g = 0; g < process.groups.size(); ++g) {
    const GpExplanation::Group& group = explanation.groups[g];
    print_wrapped(fmt::format("{}: not in every trial{}; alike {:.2f} with and without", printable_list(group.params),
                              group.depends_on ? ", depends on " + printable(*group.depends_on) : std::string(),
                              *process.groups[g].correlation));
  }
  std::cout << "\n";
}

std::string prediction_text(const GpPrediction& prediction) {
  return fmt::format("{} +- {:.2g} (95 %: {} to {})", short_number(prediction.mean), prediction.sd,
                     short_number(prediction.low), short_number(prediction.high));
}

std::string point_line(const GpParams& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    const double* number = std::get_if<double>(&value);
    text += (text.empty() ? "" : " ") + name + "=" + (number != nullptr ? number_text(*number) : to_string(value));
  }
  return printable(text);
}

void print_predictions(const GpExplanation& explanation, const GpPoint& point) {
  std::vector<Row> rows;
  const bool named = explanation.objectives.size() + explanation.constraints.size() > 1;
  for (std::size_t k = 0; k < point.objectives.size(); ++k) {
    const std::string name =
        named ? cut(printable(explanation.objectives[k].name), kNameWidth) + " predicted" : "predicted";
    rows.push_back({name, prediction_text(point.objectives[k])});
  }
  for (std::size_t k = 0; k < point.constraints.size(); ++k) {
    rows.push_back({cut(printable(explanation.constraints[k].name), kNameWidth) + " predicted",
                    prediction_text(point.constraints[k])});
  }
  print_columns(rows, 1);
  if (point.feasibility)
    print_wrapped(fmt::format("satisfies all constraints with probability {:.2g}", *point.feasibility));
}

void print_acquisition(const GpExplanation& explanation, const GpPoint& point) {
  std::string text = fmt::format("{} {:.4g}", explanation.acquisition, point.acquisition);
  if (point.expected_improvement) {
    text += fmt::format("; expected to improve on {} by {:.2g}, with a chance of {:.2g} %",
                        short_number(*explanation.improve_on), *point.expected_improvement,
                        100.0 * *point.improvement_chance);
  }
  print_wrapped(text);
}

void print_best(const GpExplanation& explanation) {
  if (explanation.best.empty()) {
    std::cout << "best: no trial satisfies the constraints yet\n";
    return;
  }
  if (explanation.objectives.size() == 1) {
    const GpPoint& best = explanation.best.front();
    std::cout << fmt::format("best: trial {}, {} {}\n", *best.number,
                             cut(printable(explanation.objectives[0].name), 40), short_number(best.values[0]));
    print_wrapped(point_line(best.params));
    print_predictions(explanation, best);
    return;
  }
  const std::size_t n = explanation.best.size();
  std::cout << fmt::format("best: {} on the Pareto front{}\n", plural(n, "trial"),
                           n > kShownFront ? fmt::format(", of which the last {}", kShownFront) : "");
  std::vector<Row> rows = {{"trial"}};
  for (const GpProcess& objective : explanation.objectives) rows[0].push_back(cut(printable(objective.name), 12));
  rows[0].emplace_back();
  for (std::size_t i = n - std::min(n, kShownFront); i < n; ++i) {
    Row& row = rows.emplace_back(Row{std::to_string(*explanation.best[i].number)});
    for (const double value : explanation.best[i].values) row.push_back(short_number(value));
    row.emplace_back();
  }
  print_columns(rows, 1);
}

void print_point(const GpExplanation& explanation, const GpPoint& point, const std::string& title) {
  std::cout << "\n" << title << "\n";
  print_wrapped(point_line(point.params));
  print_predictions(explanation, point);
  print_acquisition(explanation, point);
}

// sampler: how the study says which one it has.
void print_text(const Study& study, const GpExplanation& explanation, const std::string& sampler) {
  std::string head =
      fmt::format("study {}: {}", printable(study.name()), plural(explanation.n_complete, "complete trial"));
  if (explanation.n_pruned > 0) head += fmt::format(", {} pruned", explanation.n_pruned);
  if (explanation.n_failed > 0) head += fmt::format(", {} failed", explanation.n_failed);
  if (explanation.n_running > 0) head += fmt::format(", {} running", explanation.n_running);
  std::vector<std::string> about = {head, sampler};
  if (!explanation.in_use) {
    const auto least = explanation.options.find("n_startup_trials");
    about.push_back(fmt::format("gp uses a model from {} complete trials on; until then this is what it would say",
                                least == explanation.options.end() ? "some" : least->second.text()));
  }
  for (const std::string& text : about) {
    if (text.empty()) continue;
    for (const std::string& line : wrapped(text, kReportWidth, 2)) std::cout << line << "\n";
  }
  std::cout << "\n";
  for (const GpProcess& objective : explanation.objectives) {
    const char* direction = objective.direction == Direction::kMaximize ? "maximized" : "minimized";
    print_process(explanation, objective, fmt::format("{}, {}", objective.name, direction));
  }
  if (explanation.weighted) {
    std::vector<std::string> weights;
    for (const double weight : explanation.weights) weights.push_back(fmt::format("{:.2f}", weight));
    print_process(explanation, *explanation.weighted,
                  fmt::format("the weighted sum that decides (ParEGO), weights {}", joined(weights, ", ")));
  }
  for (const GpProcess& constraint : explanation.constraints) {
    print_process(explanation, constraint, fmt::format("constraint {}, satisfied when <= 0", constraint.name));
  }
  print_best(explanation);
  // Where gp does not decide, the next trial is another one.
  print_point(explanation, explanation.suggestion,
              sampler.empty() && explanation.in_use ? "next:" : "what gp would try next:");
  for (const GpPoint& point : explanation.at) print_point(explanation, point, "at:");
}

Choice choice_of(const Json& json) {
  if (const auto flag = json.as_bool()) return *flag;
  if (const auto number = json.as_int()) return *number;
  if (const auto number = json.as_double()) return *number;
  if (auto text = json.as_string()) return std::move(*text);
  if (json.is_null()) return std::monostate();
  return JsonChoice{json.text()};
}

// --at: one JSON object, or an array of them.
std::vector<GpParams> points_of(const CommandLine& line) {
  std::vector<GpParams> points;
  if (!line.has("at")) return points;
  try {
    const Json json = Json::parse(line.get_text("at"));
    for (const Json& point : json.as_array().value_or(std::vector<Json>{json})) {
      const auto members = point.as_object();
      if (!members) throw Error(ErrorCode::kInvalidArgument, "expected a JSON object, or an array of them");
      GpParams& params = points.emplace_back();
      for (const auto& [name, value] : *members) params.emplace_back(name, choice_of(value));
    }
  } catch (const Error& error) {
    throw line.usage_error(fmt::format("--at {}: {}", line.get_text("at"), error.what()));
  }
  return points;
}

void read_sampler(const CommandLine& line, GpExplainOptions& options) {
  if (!line.has("sampler-kwargs")) return;
  OptionMap map;
  std::optional<std::vector<std::pair<std::string, Json>>> members;
  try {
    members = Json::parse(line.get_text("sampler-kwargs")).as_object();
  } catch (const Error& error) {
    throw line.usage_error(fmt::format("--sampler-kwargs: {}", error.what()));
  }
  if (!members) {
    throw line.usage_error(fmt::format("--sampler-kwargs {}: expected a JSON object", line.get_text("sampler-kwargs")));
  }
  for (const auto& [name, value] : *members) {
    if (name != "seed") {
      map[name] = value;
    } else if (const auto seed = value.as_int(); seed && *seed >= 0) {
      options.seed = static_cast<std::uint64_t>(*seed);
    } else if (!value.is_null()) {
      throw line.usage_error(fmt::format("--sampler-kwargs: seed = {}, expected an integer >= 0", value.text()));
    }
  }
  options.sampler = make_sampler("gp", map);
}

}  // namespace

int run_explain(const Arguments& arguments) {
  CommandLine line("explain", "$ bluefin explain --storage sqlite:///lr.db --study-name lr");
  line.note(
          "Fits the Gaussian processes that sampler gp fits for the study's next trial, for\n"
          "any study (docs/gp.md). For each objective and constraint: how far apart values\n"
          "of a parameter are when they tell little of each other (lengthscale, a share of\n"
          "the range), how much of what is predicted varies with it (relevance), noise, and\n"
          "how well each value is predicted from the others. Then the best trial, and what\n"
          "the next one would be. Changes nothing.")
      .text("study-name", "NAME", "default: the only study of the storage")
      .text("at", "JSON", "points to be predicted too, an object of parameters or an array of them")
      .text("sampler-kwargs", "JSON", "gp's options and a seed; default: the study's own, if it has gp")
      .flag("json", "one JSON object");
  if (!line.parse(arguments)) return 0;
  GpExplainOptions options;
  options.at = points_of(line);
  read_sampler(line, options);
  const Study study = line.load_study();
  // Without a config nobody knows the seed either: the same answer each time is worth more than a random one.
  const bool configured = find_attribute(study.system_attrs(), "bluefin:config") != nullptr;
  if (!configured && !options.seed) options.seed = 0;
  GpExplanation explanation = explain_gp(study, options);
  if (!configured) explanation.sampler.reset();
  if (line.is_set("json")) {
    std::cout << to_json(explanation, /*finite_only=*/true).text() << "\n";
    return 0;
  }
  const char* with = options.sampler ? "the options that were given" : "its default options";
  print_text(study, explanation,
             !explanation.sampler ? fmt::format("which sampler it has is not known; this is gp with {}", with)
             : *explanation.sampler != "gp"
                 ? fmt::format("its sampler is {}; this is what gp with {} would say", *explanation.sampler, with)
             : options.sampler ? std::string("this is gp with the options that were given")
                               : std::string());
  return 0;
}

}  // namespace bluefin::cli
