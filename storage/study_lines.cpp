// SPDX-License-Identifier: MIT
#include "storage/study_lines.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <istream>
#include <ostream>
#include <string_view>
#include <variant>

#include "bluefin/error.hpp"
#include "core/choice_json.hpp"
#include "core/json_members.hpp"
#include "core/json_nlohmann.hpp"
#include "storage/json_text.hpp"
#include "storage/rules.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kFormat = "bluefin-studies";
constexpr std::int64_t kVersion = 1;

// --- writing ---------------------------------------------------------------------------------------------------------

std::string param_text(const TrialParam& param) {
  const Distribution& distribution = param.spec->distribution;
  return fmt::format(R"({{"value": {}, "distribution": {}}})",
                     one_line(to_json(to_external(distribution, param.value))), one_line(to_json(distribution)));
}

std::string reports_text(const std::vector<Report>& reports) {
  std::string text;
  for (const Report& report : reports) {
    text += fmt::format("{}[{}, {}]", text.empty() ? "" : ", ", report.step, Json(report.value).text());
  }
  return "[" + text + "]";
}

// --- reading ---------------------------------------------------------------------------------------------------------

Error wrong(std::string_view field, std::string_view text, std::string_view expected) {
  constexpr std::size_t kShown = 60;
  const std::string shown = text.size() <= kShown ? std::string(text) : fmt::format("{}...", text.substr(0, kShown));
  return {ErrorCode::kInvalidArgument, fmt::format("{} = {}, expected {}", field, shown, expected)};
}

// The members of a line, each of which is taken once.
class Fields {
 public:
  Fields(std::string_view text, std::string_view what) : what_(what) {
    try {
      members_ = json_members(text);
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}, expected {}", e.what(), what));
    }
  }

  std::string_view take(std::string_view name) {
    const auto it = find(name);
    if (it == members_.end()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("expected {} with the field '{}'", what_, name));
    }
    const std::string_view text = it->second;
    members_.erase(it);
    return text;
  }

  std::string take_string(std::string_view name) {
    const std::string_view text = take(name);
    if (auto value = Json::trusted(std::string(text)).as_string()) return std::move(*value);
    throw wrong(name, text, "a string");
  }

  std::int64_t take_count(std::string_view name) {
    const std::string_view text = take(name);
    const auto value = Json::trusted(std::string(text)).as_int();
    if (!value || *value < 0) throw wrong(name, text, "an integer from 0");
    return *value;
  }

  std::optional<Time> take_time(std::string_view name) {
    const std::string_view raw = take(name);
    if (raw == "null") return std::nullopt;
    std::string text = Json::trusted(std::string(raw)).as_string().value_or("");
    std::optional<Time> time;
    if (text.size() == 26 + kUtc.size() && text[10] == 'T' && text.substr(26) == kUtc) {
      text.resize(26);
      text[10] = ' ';
      time = parse_time(text);
    }
    if (!time) throw wrong(name, raw, R"(null or a time like "2026-01-31T23:59:59.000001+00:00")");
    return time;
  }

  std::vector<Attribute> take_attributes(std::string_view name) {
    const std::string_view text = take(name);
    if (text.front() != '{') throw wrong(name, text, "an object");
    std::vector<Attribute> attributes;
    for (auto& [key, value] : json_members(text)) {
      set_attribute(attributes, key, Json::trusted(std::string(value)));
    }
    return attributes;
  }

  void finish() const {
    if (members_.empty()) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unknown or repeated field '{}' in {}", members_.front().first, what_));
  }

 private:
  using Members = std::vector<std::pair<std::string, std::string_view>>;

  Members::const_iterator find(std::string_view name) const {
    return std::find_if(members_.begin(), members_.end(), [&](const auto& member) { return member.first == name; });
  }

  std::string_view what_;
  Members members_;
};

std::vector<double> read_values(Fields& fields) {
  const std::string_view text = fields.take("values");
  if (auto values = Json::trusted(std::string(text)).as_doubles()) return std::move(*values);
  throw wrong("values", text, "an array of numbers");
}

std::vector<Report> read_reports(Fields& fields) {
  const std::string_view text = fields.take("intermediate_values");
  const JsonTree tree = parse_json(text);
  std::vector<Report> reports;
  bool ok = tree.is_array();
  for (const auto& item : tree) {
    ok = ok && item.is_array() && item.size() == 2 && item[0].is_number_integer() && item[1].is_number();
    // Beyond 63 bits a number would come back as another one.
    ok = ok && !(item[0].is_number_unsigned() && item[0].get<std::uint64_t>() > std::uint64_t{INT64_MAX});
    if (!ok) break;
    reports.push_back({item[0].get<std::int64_t>(), item[1].get<double>()});
    ok = reports.size() < 2 || reports[reports.size() - 2].step < reports.back().step;
  }
  if (!ok) throw wrong("intermediate_values", text, "an array of [step, value] with ascending steps");
  return reports;
}

// The canonical value. Python takes True, 1 and 1.0 for equal, so a choice is known by its text.
double read_value(const Distribution& distribution, std::string_view text) {
  if (const auto* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
    const std::string wanted = to_json(choice_from_json(text));
    for (std::size_t i = 0; i < categorical->choices.size(); ++i) {
      if (to_json(categorical->choices[i]) == wanted) return static_cast<double>(i);
    }
    throw wrong("value", text, fmt::format("a choice of {}", to_string(distribution)));
  }
  const JsonTree tree = parse_json(text);
  const bool fits = std::holds_alternative<IntDistribution>(distribution) ? tree.is_number_integer() : tree.is_number();
  if (!fits) throw wrong("value", text, fmt::format("a number for {}", to_string(distribution)));
  const auto value = tree.get<double>();
  to_external(distribution, value);  // throws where it cannot be one
  return value;
}

std::vector<TrialParam> read_params(Fields& fields, SpecCache& specs) {
  const std::string_view text = fields.take("params");
  if (text.front() != '{') throw wrong("params", text, "an object");
  std::vector<TrialParam> params;
  for (auto& [name, member] : json_members(text)) {
    try {
      Fields param(member, R"({"value": ..., "distribution": {...}})");
      const std::string_view value = param.take("value");
      auto spec = specs.find_held(name, param.take("distribution"));
      param.finish();
      const double canonical = read_value(spec->distribution, value);
      params.push_back({std::move(spec), canonical});
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("params, '{}': {}", name, e.what()));
    }
  }
  return params;
}

FrozenTrial read_trial(std::string_view line, const NewStudy& study, std::size_t number, SpecCache& specs) {
  Fields fields(line, "a trial");
  FrozenTrial trial;
  if (const auto given = fields.take_count("number"); given != static_cast<std::int64_t>(number)) {
    throw wrong("number", std::to_string(given), std::to_string(number));
  }
  trial.number = static_cast<int>(number);
  const std::string word = fields.take_string("state");
  const auto state = parse_trial_state(word);
  if (!state || to_string(*state) != word) {
    throw wrong("state", json_string(word), "RUNNING, COMPLETE, PRUNED, FAIL or WAITING");
  }
  trial.state = *state;
  trial.values = read_values(fields);
  trial.datetime_start = fields.take_time("datetime_start");
  trial.datetime_complete = fields.take_time("datetime_complete");
  trial.params = read_params(fields, specs);
  trial.reports = read_reports(fields);
  trial.user_attrs = fields.take_attributes("user_attrs");
  trial.system_attrs = fields.take_attributes("system_attrs");
  fields.finish();
  const std::size_t n = study.directions.size();
  if (trial.values.size() != n && (trial.state == TrialState::kComplete || !trial.values.empty())) {
    throw wrong("values", Json(trial.values).text(), fmt::format("{} for a {} trial of this study", n, word));
  }
  if (trial.datetime_complete.has_value() != is_finished(trial.state)) {
    throw wrong("datetime_complete", time_text(trial.datetime_complete),
                fmt::format("{} for a {} trial", is_finished(trial.state) ? "a time" : "null", word));
  }
  storage_rules::check_trial(trial);
  for (const TrialParam& param : trial.params) {
    const Distribution& distribution = param.spec->distribution;
    if (storage_rules::belongs(distribution, param.value)) continue;
    if (storage_rules::was_fixed(trial.system_attrs, param.spec->name)) continue;
    throw wrong(fmt::format("params, '{}': value", param.spec->name), Json(param.value).text(),
                fmt::format("one of {}", to_string(distribution)));
  }
  return trial;
}

std::vector<Direction> read_directions(Fields& fields) {
  const std::string_view text = fields.take("directions");
  const auto words = Json::trusted(std::string(text)).as_strings();
  std::vector<Direction> directions;
  for (const auto& word : words.value_or(std::vector<std::string>{})) {
    const auto direction = parse_direction(word);
    if (!direction || to_string(*direction) != word) break;
    directions.push_back(*direction);
  }
  if (!words || words->empty() || directions.size() != words->size()) {
    throw wrong("directions", text, "an array of MINIMIZE, MAXIMIZE or NOT_SET");
  }
  return directions;
}

}  // namespace

void write_header_line(std::ostream& out, std::size_t n_studies) {
  out << fmt::format(R"({{"format": "{}", "version": {}, "n_studies": {}}})", kFormat, kVersion, n_studies) << '\n';
}

void write_study_lines(std::ostream& out, const WholeStudy& whole) {
  std::string directions;
  for (const Direction d : whole.study.directions) {
    directions += fmt::format("{}{}", directions.empty() ? "" : ", ", json_string(to_string(d)));
  }
  const auto write = [&](const std::string& line, const std::string& what) {
    try {
      parse_python_json(line);
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} of study '{}' has an attribute that could not be read back: {}", what,
                              whole.study.name, e.what()));
    }
    out << line << '\n';
  };
  write(fmt::format(R"({{"study": {}, "directions": [{}], "user_attrs": {}, "system_attrs": {}, "n_trials": {}}})",
                    json_string(whole.study.name), directions, attributes_text(whole.study.user_attrs),
                    attributes_text(whole.study.system_attrs), whole.trials.size()),
        "the record");
  for (const FrozenTrial& trial : whole.trials) {
    write(fmt::format(
              R"({{"number": {}, "state": "{}", "values": {}, "datetime_start": {}, "datetime_complete": {}, )"
              R"("params": {}, "intermediate_values": {}, "user_attrs": {}, "system_attrs": {}}})",
              trial.number, to_string(trial.state), Json(trial.values).text(), time_text(trial.datetime_start),
              time_text(trial.datetime_complete),
              object_text(trial.params, [](const TrialParam& p) { return std::pair(p.spec->name, param_text(p)); }),
              reports_text(trial.reports), attributes_text(trial.user_attrs), attributes_text(trial.system_attrs)),
          fmt::format("trial {}", trial.number));
  }
}

StudyLinesReader::StudyLinesReader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
  if (!read_line()) fail("it is empty; expected the lines that `bluefin db export` writes");
  in_line([&] {
    Fields fields(line_, R"(the header {"format": "bluefin-studies", ...})");
    const std::string format = fields.take_string("format");
    if (format != kFormat) throw wrong("format", json_string(format), json_string(kFormat));
    const std::int64_t version = fields.take_count("version");
    if (version != kVersion)
      throw wrong("version", std::to_string(version), fmt::format("{}; a newer bluefin reads it", kVersion));
    n_studies_ = static_cast<std::size_t>(fields.take_count("n_studies"));
    fields.finish();
    return 0;
  });
}

std::optional<WholeStudy> StudyLinesReader::next() {
  if (!read_line()) {
    if (n_read_ == n_studies_) return std::nullopt;
    fail(fmt::format("the input ends after {} of {} studies", n_read_, n_studies_));
  }
  WholeStudy whole;
  const std::size_t n_trials = in_line([&] {
    Fields fields(line_, "a study");
    if (n_read_ == n_studies_) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("expected the end after {} studies", n_studies_));
    }
    whole.study.name = fields.take_string("study");
    whole.study.directions = read_directions(fields);
    whole.study.user_attrs = fields.take_attributes("user_attrs");
    whole.study.system_attrs = fields.take_attributes("system_attrs");
    const std::int64_t n = fields.take_count("n_trials");
    fields.finish();
    storage_rules::check_study(whole.study);
    return static_cast<std::size_t>(n);
  });
  for (std::size_t number = 0; number < n_trials; ++number) {
    if (!read_line()) {
      fail(fmt::format("the input ends in study '{}' after {} of {} trials", whole.study.name, number, n_trials));
    }
    whole.trials.push_back(in_line([&] { return read_trial(line_, whole.study, number, specs_); }));
  }
  ++n_read_;
  return whole;
}

// Blank lines are passed over.
bool StudyLinesReader::read_line() {
  while (std::getline(in_, line_)) {
    ++n_lines_;
    if (line_.find_first_not_of(" \t\r") != std::string::npos) return true;
  }
  if (in_.bad()) fail("it cannot be read any further");
  return false;
}

void StudyLinesReader::fail(const std::string& problem) const {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}, line {}: {}", name_, n_lines_, problem));
}

template <class Parse>
std::invoke_result_t<Parse&> StudyLinesReader::in_line(Parse&& parse) {
  try {
    return parse();
  } catch (const Error& e) {
    fail(e.what());
  }
}

}  // namespace bluefin
