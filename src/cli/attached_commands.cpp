// SPDX-License-Identifier: MIT
// trial suggest, report, should-prune, tell, set-attr, set-constraint, info: for scripts that `bluefin run` starts.
// Each is one exchange on the script's socket.
#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <string>

#include "bluefin/attached.hpp"
#include "bluefin/error.hpp"
#include "command_line.hpp"
#include "exec/shared_trial.hpp"
#include "option_values.hpp"
#include "terminal_text.hpp"
#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr int kNoAnswer = 3;  // of should-prune, whose 1 is an answer

double number(const CommandLine& line, const char* what, const std::string& word) {
  char* end = nullptr;
  const double value = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0') throw line.usage_error(fmt::format("{} '{}' must be a number", what, word));
  return value;
}

std::int64_t integer(const CommandLine& line, const char* what, const std::string& word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    throw line.usage_error(fmt::format("{} '{}' must be an integer", what, word));
  }
  return value;
}

Choice choice_from(const CommandLine& line, const std::string& word) {
  try {
    const Json json = Json::parse(word);
    if (json.is_null()) return {};
    if (const auto flag = json.as_bool()) return *flag;
    if (const auto whole = json.as_int()) return *whole;
    if (const auto real = json.as_double()) return *real;
    if (auto text = json.as_string()) return *text;
  } catch (const Error&) {
    // said below
  }
  throw line.usage_error(fmt::format("'{}' must be a string, a number, true, false or null in JSON", word));
}

Distribution distribution_from(const CommandLine& line) {
  const auto& words = line.get_words();
  const std::string& kind = words[1];
  const bool log = line.is_set("log");
  const std::string step = line.get_text("step");
  if (kind == "categorical") {
    if (log || !step.empty()) throw line.usage_error("--log and --step are for float and int");
    CategoricalDistribution distribution;
    for (std::size_t i = 2; i < words.size(); ++i) {
      distribution.choices.push_back(line.is_set("json") ? choice_from(line, words[i]) : Choice(words[i]));
    }
    return distribution;
  }
  if (kind != "float" && kind != "int") {
    throw line.usage_error(fmt::format("'{}' must be float, int or categorical", kind));
  }
  if (words.size() != 4) throw line.usage_error(fmt::format("{} takes LOW and HIGH", kind));
  if (line.is_set("json")) throw line.usage_error("--json is for categorical");
  if (kind == "int") {
    return IntDistribution{integer(line, "LOW", words[2]), integer(line, "HIGH", words[3]),
                           step.empty() ? 1 : integer(line, "--step", step), log};
  }
  return FloatDistribution{number(line, "LOW", words[2]), number(line, "HIGH", words[3]),
                           step.empty() ? 0 : number(line, "--step", step), log};
}

Outcome outcome_from(const CommandLine& line) {
  const auto& words = line.get_words();
  const std::string state = line.has("state") ? line.get_choice("state", {"complete", "pruned", "fail"}) : "complete";
  if (line.has("reason") && state != "fail") throw line.usage_error("--reason needs --state fail");
  if (state != "complete" && !words.empty()) throw line.usage_error("a trial that is not complete has no VALUE");
  if (state == "pruned") return Pruned{};
  if (state == "fail") return Failed{line.get_text("reason")};
  if (words.empty()) throw line.usage_error("give a VALUE for each objective, or --state pruned or fail");
  std::vector<double> values;
  for (const std::string& word : words) values.push_back(number(line, "VALUE", word));
  return values;
}

Tree text_or_null(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? Tree(value) : Tree();
}

Tree info_of(const Trial& trial) {
  Tree info;
  info["study"] = text_or_null("BLUEFIN_STUDY");
  info["number"] = trial.number();
  info["params"] = Tree::object();
  for (const auto& [name, value] : trial.params()) info["params"][name] = to_tree(value);
  info["seed"] = Tree::parse(text_or_null("BLUEFIN_SEED").get<std::string>(), nullptr, false);
  info["device"] = text_or_null("BLUEFIN_DEVICE");
  return info;
}

CommandLine attached_line(const char* name, const char* example) {
  CommandLine line(name, example);
  line.no_storage();
  return line;
}

}  // namespace

int run_trial_suggest(const Arguments& arguments) {
  CommandLine line = attached_line("trial suggest",
                                   "lr=$(bluefin trial suggest lr float 1e-5 0.1 --log)\n"
                                   "units=$(bluefin trial suggest units int 16 256 --step 16)\n"
                                   "optimizer=$(bluefin trial suggest optimizer categorical adam sgd)");
  line.words("NAME (float LOW HIGH | int LOW HIGH | categorical CHOICE...)", 3)
      .note(
          "Prints the value of a parameter of this process's trial. Both bounds are included; the\n"
          "same name again gives the same value. A CHOICE that begins with - stands behind --.")
      .flag("log", "uniform in the logarithm")
      .text("step", "S", "distance of the values, from LOW on")
      .flag("json", "each CHOICE is JSON (8, true, null, \"adam\"), and so is what is printed; else all are strings");
  if (!line.parse(arguments)) return 0;
  const Distribution distribution = distribution_from(line);
  Trial trial = shared_attached_trial();
  const Choice value = to_external(distribution, trial.suggest(line.get_words()[0], distribution));
  std::cout << (line.is_set("json") ? json_text(to_tree(value)) : to_string(value)) << "\n";
  return 0;
}

int run_trial_report(const Arguments& arguments) {
  CommandLine line = attached_line("trial report", "bluefin trial report $epoch $loss");
  line.words("STEP VALUE", 2, 2).note("An intermediate value of this process's trial. STEP is an integer >= 0.");
  if (!line.parse(arguments)) return 0;
  const std::int64_t step = integer(line, "STEP", line.get_words()[0]);
  const double value = number(line, "VALUE", line.get_words()[1]);
  shared_attached_trial().report(value, step);
  return 0;
}

int run_trial_should_prune(const Arguments& arguments) {
  CommandLine line = attached_line("trial should-prune",
                                   "if bluefin trial should-prune; then\n"
                                   "  bluefin trial tell --state pruned\n"
                                   "  exit\n"
                                   "fi");
  line.note(
      "Exit code 0: the pruner would stop this process's trial; 1: it would go on; 2 and 3:\n"
      "there is no answer.");
  if (!line.parse(arguments)) return 0;
  try {
    return shared_attached_trial().should_prune() ? 0 : 1;
  } catch (const Error& error) {
    std::cerr << "bluefin: " << harmless(error.what()) << std::endl;
    return kNoAnswer;
  }
}

int run_trial_tell(const Arguments& arguments) {
  CommandLine line = attached_line("trial tell",
                                   "bluefin trial tell $loss\n"
                                   "bluefin trial tell --state fail --reason \"the disk is full\"");
  line.words("[VALUE...]", 0)
      .note(
          "Ends this process's trial: with a value for each objective, as pruned (its last report\n"
          "is its value) or as failed.")
      .text("state", "STATE", "complete (default), pruned or fail")
      .text("reason", "TEXT", "why it has failed, for people");
  if (!line.parse(arguments)) return 0;
  const Outcome outcome = outcome_from(line);
  Trial trial = shared_attached_trial();
  tell_attached(trial, outcome);
  return 0;
}

int run_trial_set_attr(const Arguments& arguments) {
  CommandLine line = attached_line("trial set-attr",
                                   "bluefin trial set-attr accuracy 0.93\n"
                                   "bluefin trial set-attr --string commit $(git rev-parse HEAD)");
  line.words("KEY VALUE", 2, 2)
      .note(
          "Keeps a user attribute with this process's trial: JSON, or a string where VALUE is none.\n"
          "A text that begins with - stands behind --.")
      .flag("string", "VALUE is a string, whatever it looks like");
  if (!line.parse(arguments)) return 0;
  const std::string& text = line.get_words()[1];
  Json value(text);
  if (!line.is_set("string")) {
    try {
      value = Json::parse(text);
    } catch (const Error&) {
      // a string
    }
  }
  shared_attached_trial().set_user_attr(line.get_words()[0], value);
  return 0;
}

int run_trial_set_constraint(const Arguments& arguments) {
  CommandLine line = attached_line("trial set-constraint", "bluefin trial set-constraint memory -1.5");
  line.words("KEY VALUE", 2, 2).note("A constraint of this process's trial. It is satisfied when VALUE is <= 0.");
  if (!line.parse(arguments)) return 0;
  const double value = number(line, "VALUE", line.get_words()[1]);
  shared_attached_trial().set_constraint(line.get_words()[0], value);
  return 0;
}

int run_trial_set_resource_hint(const Arguments& arguments) {
  CommandLine line = attached_line("trial set-resource-hint",
                                   "bluefin trial set-resource-hint weights=width*width*depth\n"
                                   "bluefin trial set-resource-hint activations=batch*width");
  line.words("NAME=PARAM*PARAM...", 1, 1)
      .note(
          "Says that a trial's memory grows with this product of parameters (docs/memory.md). It is\n"
          "kept with the study; what every trial says once more costs nothing.");
  if (!line.parse(arguments)) return 0;
  const auto [name, params] = parse_resource_hint(line.get_words()[0], "the hint");
  shared_attached_trial().set_resource_hint(name, params);
  return 0;
}

int run_trial_info(const Arguments& arguments) {
  CommandLine line = attached_line("trial info",
                                   "$ bluefin trial info\n"
                                   "{\"study\": \"lr\", \"number\": 12, \"params\": {\"lr\": 0.01}, \"seed\": 1234, "
                                   "\"device\": null}\n"
                                   "number=$(bluefin trial info number)\n"
                                   "lr=$(bluefin trial info params lr)");
  line.words("[FIELD...]", 0)
      .note(
          "What is known of this process's trial, as JSON: its study, number, parameters, seed and\n"
          "device. With FIELD one member of it, strings without quotes.");
  if (!line.parse(arguments)) return 0;
  Tree shown = info_of(shared_attached_trial());
  for (const std::string& field : line.get_words()) {
    if (!shown.is_object() || !shown.contains(field)) {
      throw Error(ErrorCode::kNotFound, fmt::format("the trial has no '{}'", joined(line.get_words(), " ")));
    }
    shown = Tree(shown[field]);
  }
  std::cout << (shown.is_string() ? shown.get<std::string>() : json_text(shown)) << "\n";
  return 0;
}

}  // namespace bluefin::cli
