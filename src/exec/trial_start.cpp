// SPDX-License-Identifier: MIT
#include "exec/trial_start.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "bluefin/training.hpp"
#include "core/choice_json.hpp"
#include "core/program_seed.hpp"
#include "exec/child_process.hpp"
#include "exec/clock_time.hpp"
#include "exec/cpu_affinity.hpp"
#include "exec/program_file.hpp"
#include "exec/strays.hpp"

namespace bluefin {
namespace {

std::optional<std::chrono::steady_clock::duration> to_clock(const std::optional<std::chrono::duration<double>>& given) {
  return given ? std::optional(clock_time(*given)) : std::nullopt;
}

void note_devices(const SlotLease& lease, Trial& trial) {
  std::string uuids;
  for (const Device& device : lease.devices()) {
    uuids += (uuids.empty() ? "" : ",") + device.uuid;
  }
  if (!uuids.empty()) {
    trial.set_user_attr("bluefin:gpu", uuids);
  }
}

std::optional<cpu_set_t> cores_for(const SlotLease& lease) {
  std::vector<std::string> ids;
  for (const Device& device : lease.devices()) {
    ids.push_back(device.pci_bus_id);
  }
  return cores_near(ids);
}

}  // namespace

TrialStarter::TrialStarter(const Study& study, const SupervisorOptions& options, const sigset_t& signal_mask,
                           Telemetry& telemetry)
    : study_(study),
      options_(options),
      signal_mask_(signal_mask),
      telemetry_(telemetry),
      executable_(options.executable.empty() ? find_program(options.command.front()) : options.executable),
      command_(options.command, options.space, options.space_in_environment),
      environment_(Environment::of_this_process()),
      limits_{options.grace,
              to_clock(options.trial_timeout),
              to_clock(options.report_timeout),
              options.memory_limit,
              options.retry,
              options.slots} {
  if (options.limit_threads) {
    environment_.set_default("OMP_WAIT_POLICY", "passive");
  }
  for (const char* name :
       {"BLUEFIN_DEVICE", "BLUEFIN_DEVICE_UUID", "BLUEFIN_SLOTS_PER_GPU", "BLUEFIN_TRIAL_NUMBER", "BLUEFIN_FIRST_TRIAL",
        "BLUEFIN_PARAMS", "BLUEFIN_SEED", "BLUEFIN_PRESTARTED", "BLUEFIN_FD", "BLUEFIN_ZYGOTE"}) {
    environment_.unset(name);  // of a trial that this run is a part of
  }
  for (const auto& [name, value] : options.environment) {
    environment_.set(name, value);
  }
}

void TrialStarter::suggest(Trial& trial) const {
  for (const auto& [name, distribution] : options_.space) {
    trial.suggest(name, distribution);
  }
}

TrialStarter::Variables TrialStarter::variables_of(const Trial& trial) const {
  JsonTree params = JsonTree::object();
  for (const auto& [name, value] : trial.params()) {
    params[name] = to_tree(value);
  }
  return {{"BLUEFIN_TRIAL_NUMBER", std::to_string(trial.number())},
          {"BLUEFIN_FIRST_TRIAL", std::to_string(first_attempt(trial))},
          {"BLUEFIN_PARAMS", dump_json(params)},
          {"BLUEFIN_SEED", std::to_string(program_seed(study_.seed(), trial.number()))}};
}

std::unique_ptr<ChildProcess> TrialStarter::spawn(const SlotLease* lease, const Variables& more,
                                                  const std::string& mark,
                                                  const std::vector<std::pair<std::string, Choice>>& params,
                                                  bool with_locks) const {
  const std::optional<cpu_set_t> cores = lease != nullptr ? cores_for(*lease) : std::nullopt;
  const std::vector<int> inherited = lease != nullptr && with_locks ? lease->descriptors() : std::vector<int>();
  Variables own = more;
  if (lease != nullptr) {
    const auto of_slot = lease->environment();
    own.insert(own.end(), of_slot.begin(), of_slot.end());
  }
  if (zygote_ != nullptr && zygote_->is_ready()) {
    Variables with_mark = own;
    with_mark.emplace_back(Strays::kVariable, mark);
    if (auto child = zygote_->fork(with_mark, inherited, cores)) {
      return child;
    }
  }
  Environment environment = environment_of_run(mark);
  environment.set("BLUEFIN_FD", std::to_string(kChildSocket));
  for (const auto& [name, value] : own) {
    environment.set(name, value);
  }
  return std::make_unique<ChildProcess>(
      SpawnOptions{executable_, command_.fill(params), environment.entries(), signal_mask_, inherited, cores});
}

Environment TrialStarter::environment_of_run(const std::string& mark) const {
  Environment environment = environment_;
  if (options_.limit_threads) {
    const int trials = std::min(trials_at_a_time(options_), options_.slots ? options_.slots->size() : options_.workers);
    environment.set_default("OMP_NUM_THREADS", std::to_string(std::max(1, available_cores() / trials)));
  }
  environment.set("BLUEFIN_STUDY", study_.name());
  environment.set(Strays::kVariable, mark);
  return environment;
}

SpawnOptions TrialStarter::zygote_options(const std::string& mark) const {
  return {executable_, command_.fill({}), environment_of_run(mark).entries(), signal_mask_};
}

TrialLog TrialStarter::zygote_log() const {
  const std::string path = options_.log_folder.empty() ? "" : options_.log_folder + "/zygote.log";
  return TrialLog(path, options_.log_limit, log_trouble_);
}

std::unique_ptr<TrialRun> TrialStarter::start(Trial& trial, std::unique_ptr<SlotLease> lease, int program,
                                              const std::string& mark) {
  const std::uint64_t oom_kills = oom_kills_.read();
  const auto since = std::chrono::steady_clock::now();
  auto child = spawn(lease.get(), variables_of(trial), mark, trial.params(), true);
  return run(trial, std::move(lease), std::move(child), program, oom_kills, std::nullopt, since);
}

std::unique_ptr<ChildProcess> TrialStarter::start_ahead(const SlotLease* lease, const std::string& mark) {
  return spawn(lease, {{"BLUEFIN_PRESTARTED", "1"}}, mark, {}, false);
}

std::unique_ptr<TrialRun> TrialStarter::begin(Trial& trial, std::unique_ptr<SlotLease> lease, int program,
                                              std::unique_ptr<ChildProcess> child) {
  Variables variables = variables_of(trial);
  if (lease) {
    const auto more = lease->environment();  // a port that is free now, for one
    variables.insert(variables.end(), more.begin(), more.end());
  }
  const std::uint64_t oom_kills = oom_kills_.read();
  return run(trial, std::move(lease), std::move(child), program, oom_kills, std::move(variables),
             std::chrono::steady_clock::now());
}

std::unique_ptr<TrialRun> TrialStarter::run(Trial& trial, std::unique_ptr<SlotLease> lease,
                                            std::unique_ptr<ChildProcess> child, int program, std::uint64_t oom_kills,
                                            std::optional<Variables> handed_over,
                                            std::chrono::steady_clock::time_point since) {
  if (lease) {
    note_devices(*lease, trial);
  }
  telemetry_.begin(trial.number(), child->pid(), lease.get(), true, since);
  if (lease) {
    lease->note(study_.name(), trial.number(), child->pid());
  }
  const std::string path = options_.log_folder.empty() ? "" : trial_log_path(options_.log_folder, trial.number());
  return std::make_unique<TrialRun>(TrialRun::Parts{study_, std::move(trial), std::move(lease), std::move(child),
                                                    limits_, TrialLog(path, options_.log_limit, log_trouble_),
                                                    oom_kills, telemetry_, program, std::move(handed_over)});
}

}  // namespace bluefin
