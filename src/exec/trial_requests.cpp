// SPDX-License-Identifier: MIT
// The supervisor's end of docs/protocol.md.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/choice_json.hpp"
#include "exec/exit_class.hpp"
#include "exec/output_values.hpp"
#include "exec/space.hpp"
#include "exec/trial_run.hpp"

namespace bluefin {

void TrialRun::answer(const std::string& line) {
  if (!child_->socket) {
    return;  // closed after an earlier message
  }
  if (line.size() > protocol::kMaxLine) {
    return protocol_error(fmt::format("a message is longer than {} bytes", protocol::kMaxLine));
  }
  if (line.find_first_not_of(" \t\r") == std::string::npos) {
    return;  // what ends a line that another process of the trial has left unfinished
  }
  JsonTree request;
  try {
    request = parse_json(line);
    if (!request.is_object()) {
      throw Error(ErrorCode::kInvalidArgument, "a message must be a JSON object");
    }
  } catch (const Error& error) {
    return protocol_error(fmt::format("{}: {}", error.what(), line.substr(0, 200)));
  }
  JsonTree id;
  try {
    id = protocol::id_member(request);
    replies_ += protocol::ok_line(reply_to(request), id);
  } catch (const Error& error) {
    // What the program did wrong is its own business; what the storage cannot do ends the run.
    if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kConflict &&
        error.code() != ErrorCode::kNumerical) {
      throw;
    }
    replies_ += protocol::error_line(error.code(), error.what(), id);
  }
  write_replies();
}

JsonTree TrialRun::reply_to(const JsonTree& request) {
  const std::string op = protocol::string_member(request, "op");
  if (op == "hello") {
    return hello(request);
  }
  if (!attached_) {
    throw Error(ErrorCode::kInvalidArgument, "protocol: the first message must be hello");
  }
  dirty_ = true;
  if (op == "suggest") {
    const std::string name = protocol::string_member(request, "name");
    const Distribution distribution = read_distribution(protocol::member(request, "distribution"));
    const double value = trial_.suggest(name, distribution);
    JsonTree reply = {{"value", to_tree(to_external(distribution, value))}};
    if (std::holds_alternative<CategoricalDistribution>(distribution)) {
      reply["index"] = static_cast<std::int64_t>(value);
    }
    return reply;
  }
  if (op == "report") {
    noted_report();
    trial_.report(protocol::number_member(request, "value"), protocol::integer_member(request, "step"));
    return JsonTree::object({{"prune", trial_.should_prune()}});
  }
  if (op == "should_prune") {
    return JsonTree::object({{"prune", trial_.should_prune()}});
  }
  if (op == "set_user_attr" || op == "set_system_attr") {
    const std::string key = protocol::string_member(request, "key");
    const Json value = Json::trusted(dump_json(protocol::member(request, "value")));
    op == "set_user_attr" ? trial_.set_user_attr(key, value) : trial_.set_system_attr(key, value);
    return JsonTree::object();
  }
  if (op == "set_constraint") {
    trial_.set_constraint(protocol::string_member(request, "key"), protocol::number_member(request, "value"));
    return JsonTree::object();
  }
  if (op == "set_resource_hint") {
    trial_.set_resource_hint(protocol::string_member(request, "name"), protocol::strings_member(request, "params"));
    return JsonTree::object();
  }
  if (op == "tell") {
    tell_from(request);
    return JsonTree::object();
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("protocol: unknown op \"{}\"", op));
}

JsonTree TrialRun::hello(const JsonTree& request) {
  const std::int64_t version = protocol::integer_member(request, "version");
  if (version < 1) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("protocol: version = {}, must be >= 1", version));
  }
  if (!std::exchange(attached_, true)) {
    telemetry_.ready(number());
    ready_at_ = Clock::now();
    const auto able = request.find("prestart");
    can_be_ahead_ = able != request.end() && *able == JsonTree(true);
    send_locks_ = handed_over_ && lease_;
  }
  JsonTree directions = JsonTree::array();
  for (const Direction direction : study_.directions()) {
    directions.push_back(direction == Direction::kMaximize ? "maximize" : "minimize");
  }
  const FrozenTrial trial = trial_.frozen();
  JsonTree params = JsonTree::object();
  JsonTree distributions = JsonTree::object();
  for (const TrialParam& param : trial.params) {
    params[param.spec->name] = to_tree(to_external(param.spec->distribution, param.value));
    distributions[param.spec->name] = parse_python_json(to_json(param.spec->distribution));
  }
  JsonTree reply = {{"version", std::min<std::int64_t>(version, protocol::kVersion)},
                    {"study", study_.name()},
                    {"number", trial.number},
                    {"directions", directions},
                    {"params", params},
                    {"distributions", distributions}};
  if (handed_over_) {
    JsonTree environment = JsonTree::object();
    for (const auto& [name, value] : *handed_over_) {
      environment[name] = value;
    }
    reply["environment"] = environment;
  }
  return reply;
}

void TrialRun::tell_from(const JsonTree& request) {
  if (told_) {
    throw Error(ErrorCode::kConflict, fmt::format("trial {} is finished already", trial_.number()));
  }
  const std::string state =
      request.contains("state") ? protocol::string_member(request, "state") : std::string("complete");
  if (state == "pruned") {
    tell(Pruned{});
    return;
  }
  if (state == "fail") {
    return tell_failed(request);
  }
  if (state != "complete") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("protocol: \"state\" = \"{}\", must be complete, pruned or fail", state));
  }
  std::vector<double> values;
  const JsonTree& list = protocol::member(request, "values");
  if (list.is_array()) {
    for (const JsonTree& value : list) {
      values.push_back(protocol::as_number(value, "values"));
    }
  } else {
    values.push_back(protocol::as_number(list, "values"));
  }
  if (std::string problem = check_values(values, study_.directions().size()); !problem.empty()) {
    refused_ = problem;
    throw Error(ErrorCode::kInvalidArgument, problem);
  }
  tell(std::move(values));
}

void TrialRun::tell_failed(const JsonTree& request) {
  const std::string reason = request.contains("reason") ? protocol::string_member(request, "reason") : "";
  std::string kind;
  if (request.contains("class")) {
    kind = protocol::string_member(request, "class");
    if (!is_class_of_client(kind)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("protocol: \"class\" = \"{}\", must be exception, oom-device or oom-host", kind));
    }
  } else {
    kind = class_of_text(reason);
  }
  fail(kind.empty() ? "exception" : kind, reason);
}

}  // namespace bluefin
