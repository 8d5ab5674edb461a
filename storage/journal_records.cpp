// SPDX-License-Identifier: MIT
#include "storage/journal_records.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>

#include "bluefin/error.hpp"
#include "core/json_members.hpp"
#include "core/json_nlohmann.hpp"
#include "storage/json_text.hpp"
#include "storage/rules.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {
namespace {

enum class Op : int {
  kCreateStudy = 0,
  kDeleteStudy = 1,
  kSetStudyUserAttr = 2,
  kSetStudySystemAttr = 3,
  kCreateTrial = 4,
  kSetTrialParam = 5,
  kSetTrialStateValues = 6,
  kSetTrialIntermediateValue = 7,
  kSetTrialUserAttr = 8,
  kSetTrialSystemAttr = 9,
  kDiscardTrials = 10,  // of other programs; nothing to do
};

// --- writing ---------------------------------------------------------------------------------------------------------

std::string values_text(const std::vector<double>& values) { return Json(values).text(); }

std::string attribute_text(const Attribute& a) {
  return fmt::format("{{{}: {}}}", json_string(a.key), one_line(a.value.text()));
}

// Canonical values are integers but for floats; Optuna writes them as such.
std::string canonical_text(const TrialParam& param) {
  if (std::holds_alternative<FloatDistribution>(param.spec->distribution)) return Json(param.value).text();
  return Json(static_cast<std::int64_t>(param.value)).text();
}

// --- reading ---------------------------------------------------------------------------------------------------------

// Whether some integer may be more than a tree can hold: from 2^64 on it would be a float there.
bool has_long_number(std::string_view text) {
  constexpr int kDigits = 19;
  int n = 0;
  for (const char c : text) {
    n = '0' <= c && c <= '9' ? n + 1 : 0;
    if (n == kDigits) return true;
  }
  return false;
}

// A line as a tree. Attributes come from the text where Python's json alone can read that ("\ud800", see
// parse_python_json; integers of any size); a name has U+FFFD in the place of such a half.
struct Record {
  JsonTree tree;
  std::string_view text = {};  // empty: the tree says all

  explicit Record(std::string_view line) {
    try {
      tree = parse_json(line);
      if (has_long_number(line)) text = line;
    } catch (const Error&) {
      tree = parse_python_json(line);
      text = line;
    }
  }
};

std::int64_t as_integer(const JsonTree& value) {
  // A float, or more than 63 bits, would be taken for some other number.
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX});
  if (!fits) throw Error(ErrorCode::kCorrupt, fmt::format("{} is no integer", value.dump()));
  return value.get<std::int64_t>();
}

template <class T>
T integer(const JsonTree& record, const char* key) {
  return T{as_integer(record.at(key))};
}

double as_double(const JsonTree& value) { return value.get<double>(); }

double final_value(const JsonTree& value) {
  const double read = as_double(value);
  if (std::isnan(read)) throw Error(ErrorCode::kCorrupt, "a value is NaN");
  return read;
}

// A time of datetime.isoformat(): with an offset, or (Optuna 4) local without one.
std::optional<Time> read_time(const JsonTree& record, const char* key) {
  const auto it = record.find(key);
  if (it == record.end() || it->is_null()) return std::nullopt;
  std::string text = it->get<std::string>();
  std::chrono::minutes offset{0};
  bool is_local = true;
  if (const auto sign = text.find_first_of("+-Z", 11); text.size() > 11 && sign != std::string::npos) {
    is_local = false;
    if (text[sign] != 'Z') {
      const int hours = std::stoi(text.substr(sign + 1, 2));
      const int minutes = text.size() >= sign + 6 ? std::stoi(text.substr(sign + 4, 2)) : 0;
      offset = std::chrono::minutes(60 * hours + minutes) * (text[sign] == '-' ? -1 : 1);
    }
    text.resize(sign);
  }
  if (text.size() > 10) text[10] = ' ';
  const auto time = parse_time(text);
  if (!time) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} = {} is no time", key, it->dump()));
  }
  if (!is_local) return *time - offset;
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
  std::tm fields{};
  gmtime_r(&seconds, &fields);  // the fields as they are written
  fields.tm_isdst = -1;
  const auto part = *time - std::chrono::floor<std::chrono::seconds>(*time);
  return Time(std::chrono::seconds(std::mktime(&fields))) + part;
}

std::vector<Attribute> read_attributes(const Record& record, const char* key) {
  std::vector<Attribute> attributes;
  const auto it = record.tree.find(key);
  if (it == record.tree.end()) return attributes;
  if (!record.text.empty()) {
    for (const auto& [field, members] : json_members(record.text)) {
      if (field != key) continue;
      for (const auto& [name, value] : json_members(members))
        attributes.push_back({name, Json::trusted(std::string(value))});
    }
    return attributes;
  }
  for (const auto& [name, value] : it->items()) attributes.push_back({name, Json::trusted(dump_json(value))});
  return attributes;
}

std::vector<double> read_values(const JsonTree& record) {
  const auto values = record.find("values");
  if (values != record.end() && !values->is_null()) {
    std::vector<double> result;
    for (const auto& value : *values) result.push_back(final_value(value));
    return result;
  }
  const auto value = record.find("value");
  return value == record.end() || value->is_null() ? std::vector<double>{} : std::vector<double>{final_value(*value)};
}

TrialState read_state(const JsonTree& record, TrialState otherwise) {
  const auto it = record.find("state");
  if (it == record.end()) return otherwise;
  const std::int64_t state = as_integer(*it);
  if (state < 0 || state > 4) throw Error(ErrorCode::kCorrupt, fmt::format("state = {}, expected 0 to 4", state));
  return static_cast<TrialState>(state);
}

// Adds the parameter to `params`, or to `left_out` what bluefin cannot hold.
void read_param(SpecCache& specs, std::string_view name, const JsonTree& distribution, const JsonTree& value,
                std::vector<TrialParam>& params, std::vector<LeftOut>& left_out) {
  constexpr double kIntegersEnd = 9.2e18;
  const TrialParam param{specs.find(name, distribution.get<std::string>()), as_double(value)};
  if (std::isnan(param.value)) throw Error(ErrorCode::kCorrupt, fmt::format("parameter '{}' is NaN", name));
  const auto leave_out = [&](std::string_view why) {
    left_out.push_back({fmt::format("parameter '{}'", name), fmt::format(" = {}: {}", param.value, why)});
  };
  if (const auto why = specs.problem(*param.spec); !why.empty()) return leave_out(why);
  if (std::holds_alternative<IntDistribution>(param.spec->distribution) && !(std::abs(param.value) < kIntegersEnd)) {
    return leave_out("an integer must lie within -2^63 and 2^63");
  }
  to_external(param.spec->distribution, param.value);  // throws where it cannot be one
  params.push_back(param);
}

// The step of a report; nullopt, with a note, where it is beyond 64 bits.
std::optional<std::int64_t> read_step(const JsonTree& step, std::vector<LeftOut>& left_out) {
  const bool is_beyond = (step.is_number_unsigned() && step.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) ||
                         (step.is_number_float() && std::abs(step.get<double>()) >= 9.2e18);
  if (!is_beyond) return as_integer(step);
  left_out.push_back({"a report", fmt::format(" at step {}: a step must lie within -2^63 and 2^63", step.dump())});
  return std::nullopt;
}

FrozenTrial read_trial(SpecCache& specs, const Record& line, std::vector<LeftOut>& left_out) {
  const JsonTree& record = line.tree;
  FrozenTrial trial;
  trial.state = read_state(record, TrialState::kRunning);
  trial.values = read_values(record);
  trial.datetime_start = read_time(record, "datetime_start");
  trial.datetime_complete = read_time(record, "datetime_complete");
  if (const auto params = record.find("params"); params != record.end()) {
    for (const auto& [name, value] : params->items()) {
      read_param(specs, name, record.at("distributions").at(name), value, trial.params, left_out);
    }
  }
  if (const auto reports = record.find("intermediate_values"); reports != record.end()) {
    for (const auto& [step, value] : reports->items()) {
      if (const auto at = read_step(parse_json(step), left_out)) trial.reports.push_back({*at, as_double(value)});
    }
    std::sort(trial.reports.begin(), trial.reports.end(),
              [](const Report& a, const Report& b) { return a.step < b.step; });
  }
  trial.user_attrs = read_attributes(line, "user_attrs");
  trial.system_attrs = read_attributes(line, "system_attrs");
  return trial;
}

TrialUpdate read_update(SpecCache& specs, Op op, const Record& line, std::vector<LeftOut>& left_out) {
  const JsonTree& record = line.tree;
  TrialUpdate update;
  update.id = integer<TrialId>(record, "trial_id");
  switch (op) {
    case Op::kSetTrialParam:
      read_param(specs, record.at("param_name").get<std::string>(), record.at("distribution"),
                 record.at("param_value_internal"), update.params, left_out);
      break;
    case Op::kSetTrialIntermediateValue:
      if (const auto step = read_step(record.at("step"), left_out)) {
        update.reports.push_back({*step, as_double(record.at("intermediate_value"))});
      }
      break;
    case Op::kSetTrialUserAttr:
      update.user_attrs = read_attributes(line, "user_attr");
      break;
    case Op::kSetTrialSystemAttr:
      update.system_attrs = read_attributes(line, "system_attr");
      break;
    default:
      update.state = read_state(record, TrialState::kRunning);
      update.values = read_values(record);
      update.datetime_start = read_time(record, "datetime_start");
      update.datetime_complete = read_time(record, "datetime_complete");
  }
  return update;
}

NewStudy read_study(const JsonTree& record) {
  NewStudy study;
  study.name = record.at("study_name").get<std::string>();
  for (const auto& direction : record.at("directions")) {
    const std::int64_t word = as_integer(direction);
    if (word < 0 || word > 2) throw Error(ErrorCode::kCorrupt, fmt::format("direction = {}, expected 0 to 2", word));
    study.directions.push_back(static_cast<Direction>(word));
  }
  storage_rules::check_study(study);
  return study;
}

}  // namespace

std::string JournalWriter::create_study(const NewStudy& study) const {
  std::string directions;
  for (const Direction d : study.directions) {
    directions += fmt::format("{}{}", directions.empty() ? "" : ", ", static_cast<int>(d));
  }
  return fmt::format(R"({{"op_code": 0, "worker_id": {}, "study_name": {}, "directions": [{}]}})",
                     json_string(worker_id_), json_string(study.name), directions);
}

std::string JournalWriter::delete_study(StudyId study) const {
  return fmt::format(R"({{"op_code": 1, "worker_id": {}, "study_id": {}}})", json_string(worker_id_),
                     static_cast<std::int64_t>(study));
}

std::string JournalWriter::set_study_attribute(StudyId study, AttributeKind kind, const Attribute& attribute) const {
  const bool user = kind == AttributeKind::kUser;
  return fmt::format(R"({{"op_code": {}, "worker_id": {}, "study_id": {}, "{}": {}}})", user ? 2 : 3,
                     json_string(worker_id_), static_cast<std::int64_t>(study), user ? "user_attr" : "system_attr",
                     attribute_text(attribute));
}

std::string JournalWriter::add_trial(StudyId study, const FrozenTrial& trial) const {
  const auto distribution = [](const TrialParam& p) {
    return std::pair(p.spec->name, json_string(to_json(p.spec->distribution)));
  };
  const auto value = [](const TrialParam& p) { return std::pair(p.spec->name, canonical_text(p)); };
  const auto report = [](const Report& r) { return std::pair(std::to_string(r.step), Json(r.value).text()); };
  std::string complete;
  if (trial.datetime_complete) complete = R"(, "datetime_complete": )" + time_text(trial.datetime_complete);
  return fmt::format(
      R"({{"op_code": 4, "worker_id": {}, "study_id": {}, "datetime_start": {}{}, "state": {}, )"
      R"("value": {}, "values": {}, "distributions": {}, "params": {}, "user_attrs": {}, )"
      R"("system_attrs": {}, "intermediate_values": {}}})",
      json_string(worker_id_), static_cast<std::int64_t>(study), time_text(trial.datetime_start), complete,
      static_cast<int>(trial.state), trial.values.size() == 1 ? Json(trial.values[0]).text() : std::string("null"),
      trial.values.size() > 1 ? values_text(trial.values) : std::string("null"),
      object_text(trial.params, distribution), object_text(trial.params, value), attributes_text(trial.user_attrs),
      attributes_text(trial.system_attrs), object_text(trial.reports, report));
}

std::vector<std::string> JournalWriter::update_trial(const TrialUpdate& update) const {
  std::vector<std::string> lines;
  const auto add = [&](Op op, const std::string& fields) {
    lines.push_back(fmt::format(R"({{"op_code": {}, "worker_id": {}, "trial_id": {}, {}}})", static_cast<int>(op),
                                json_string(worker_id_), static_cast<std::int64_t>(update.id), fields));
  };
  for (const auto& param : update.params) {
    add(Op::kSetTrialParam, fmt::format(R"("param_name": {}, "param_value_internal": {}, "distribution": {})",
                                        json_string(param.spec->name), canonical_text(param),
                                        json_string(to_json(param.spec->distribution))));
  }
  for (const Report& report : update.reports) {
    add(Op::kSetTrialIntermediateValue,
        fmt::format(R"("step": {}, "intermediate_value": {})", report.step, Json(report.value).text()));
  }
  for (const auto& a : update.user_attrs) add(Op::kSetTrialUserAttr, R"("user_attr": )" + attribute_text(a));
  for (const auto& a : update.system_attrs) add(Op::kSetTrialSystemAttr, R"("system_attr": )" + attribute_text(a));
  if (update.state) {
    std::string fields = fmt::format(R"("state": {}, "values": {})", static_cast<int>(*update.state),
                                     update.values.empty() ? std::string("null") : values_text(update.values));
    if (*update.state == TrialState::kRunning) {
      fields += R"(, "datetime_start": )" + time_text(update.datetime_start.value_or(now()));
    } else if (is_finished(*update.state)) {
      fields += R"(, "datetime_complete": )" + time_text(update.datetime_complete.value_or(now()));
    }
    add(Op::kSetTrialStateValues, fields);
  }
  return lines;
}

void JournalReader::leave_out(StudyId study, int trial, const std::vector<LeftOut>& left_out) {
  for (const LeftOut& one : left_out) {
    table_.note_left_out(study, left_out_text(trial, one));
    warnings_.warn(study, table_.get_study(study).name, trial, one);
  }
}

void JournalReader::apply(std::string_view line) {
  const auto corrupt = [&](std::string_view why) {
    return Error(ErrorCode::kCorrupt, fmt::format("journal, record {}: {}: {}", n_records_, why, line.substr(0, 200)));
  };
  try {
    const Record parsed(line);
    const JsonTree& record = parsed.tree;
    const std::int64_t code = as_integer(record.at("op_code"));
    if (code < 0 || code > static_cast<int>(Op::kDiscardTrials)) throw corrupt("unknown op_code");
    const auto op = static_cast<Op>(code);
    std::vector<LeftOut> left_out;
    // Parsed before anything is changed: a fault in a record is an error, what it may not do is not.
    if (op == Op::kCreateStudy) {
      const NewStudy study = read_study(record);
      if (!table_.find_study(study.name)) table_.create_study(study);
    } else if (op == Op::kCreateTrial) {
      const auto study = integer<StudyId>(record, "study_id");
      const FrozenTrial trial = read_trial(specs_, parsed, left_out);
      if (table_.has_study(study)) leave_out(study, table_.insert_trial(study, trial).number, left_out);
    } else if (op == Op::kDeleteStudy || op == Op::kSetStudyUserAttr || op == Op::kSetStudySystemAttr) {
      const auto study = integer<StudyId>(record, "study_id");
      const bool user = op == Op::kSetStudyUserAttr;
      const auto attributes = read_attributes(parsed, user ? "user_attr" : "system_attr");
      if (!table_.has_study(study)) {
        // Deleted by somebody who was faster.
      } else if (op == Op::kDeleteStudy) {
        table_.delete_study(study);
      } else {
        table_.set_study_attributes(study, user ? AttributeKind::kUser : AttributeKind::kSystem, attributes);
      }
    } else if (op != Op::kDiscardTrials) {
      const TrialUpdate update = read_update(specs_, op, parsed, left_out);
      if (const auto study = table_.study_of(update.id)) {
        try {
          table_.update_trial(*study, update);
          if (!left_out.empty()) leave_out(*study, table_.get_trial(*study, update.id).number, left_out);
        } catch (const Error& e) {
          if (e.code() != ErrorCode::kConflict) throw;  // finished already, or a parameter of another kind
        }
      }
    }
  } catch (const nlohmann::json::exception&) {
    throw corrupt("a field is missing or of another type");
  } catch (const std::logic_error&) {  // std::stoi
    throw corrupt("a number is none");
  } catch (const Error& e) {
    throw corrupt(e.what());
  }
  ++n_records_;
}

}  // namespace bluefin
