// SPDX-License-Identifier: MIT
// Optuna's FixedTrial: an objective runs once with given parameters.
#include <fmt/core.h>

#include <algorithm>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/trial.hpp"
#include "core/trial_backend.hpp"

namespace bluefin {
namespace {

class FixedTrial final : public TrialBackend {
 public:
  FixedTrial(std::vector<std::pair<std::string, Choice>> params, int number) : given_(std::move(params)) {
    trial_.number = number;
    trial_.datetime_start = now();
  }

  double suggest(std::string_view name, const Distribution& distribution, std::optional<double>) override {
    if (const TrialParam* known = trial_.find_param(name)) {
      check_compatible(name, known->spec->distribution, distribution);
      return known->value;
    }
    const auto it = std::find_if(given_.begin(), given_.end(), [&](const auto& p) { return p.first == name; });
    if (it == given_.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the value of the parameter '{}' is not found among the fixed parameters", name));
    }
    const double value = to_canonical(distribution, it->second);
    if (!contains(distribution, value)) {
      log(LogLevel::kWarning, fmt::format("the value {} of the parameter '{}' is out of the range of {}",
                                          to_string(it->second), name, to_string(distribution)));
    }
    trial_.params.push_back({std::make_shared<const ParamSpec>(ParamSpec{std::string(name), distribution}), value});
    return value;
  }

  void report(double value, std::int64_t step) override {
    auto& reports = trial_.reports;
    const auto at = std::lower_bound(reports.begin(), reports.end(), step,
                                     [](const Report& report, std::int64_t s) { return report.step < s; });
    if (at == reports.end() || at->step != step) reports.insert(at, {step, value});
  }
  bool should_prune() override { return false; }
  void set_user_attr(std::string_view key, Json value) override {
    set_attribute(trial_.user_attrs, key, std::move(value));
  }
  void set_system_attr(std::string_view key, Json value) override {
    set_attribute(trial_.system_attrs, key, std::move(value));
  }
  void set_resource_hint(std::string_view, const std::vector<std::string>&) override {}  // of no study
  int number() const override { return trial_.number; }
  FrozenTrial frozen() const override { return trial_; }

 private:
  std::vector<std::pair<std::string, Choice>> given_;
  FrozenTrial trial_;
};

}  // namespace

Trial fixed_trial(std::vector<std::pair<std::string, Choice>> params, int number) {
  return Trial(std::make_unique<FixedTrial>(std::move(params), number));
}

}  // namespace bluefin
