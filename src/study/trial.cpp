// SPDX-License-Identifier: MIT
#include "bluefin/trial.hpp"

#include <fmt/core.h>

#include <cmath>

#include "core/trial_backend.hpp"

namespace bluefin {

Trial::Trial(std::unique_ptr<TrialBackend> backend) : backend_(std::move(backend)) {}
Trial::Trial(Trial&&) noexcept = default;
Trial& Trial::operator=(Trial&&) noexcept = default;
Trial::~Trial() = default;

TrialBackend& Trial::backend() const {
  if (!backend_) throw Error(ErrorCode::kInvalidArgument, "this trial was moved from; use the one it was moved to");
  return *backend_;
}

double Trial::suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) {
  try {
    return backend().suggest(name, normalize(distribution), chosen);
  } catch (const Error& e) {
    // "lr: low <= high must hold": which parameter it was is the first thing one wants to know.
    const std::string what = e.what();
    if (e.code() != ErrorCode::kInvalidArgument || what.find(fmt::format("'{}'", name)) != std::string::npos) throw;
    throw Error(e.code(), fmt::format("parameter '{}': {}", name, what));
  }
}

double Trial::suggest_float(std::string_view name, double low, double high, const FloatOptions& options) {
  return suggest(name, FloatDistribution{low, high, options.step, options.log});
}

std::int64_t Trial::suggest_int(std::string_view name, std::int64_t low, std::int64_t high, const IntOptions& options) {
  return static_cast<std::int64_t>(suggest(name, IntDistribution{low, high, options.step, options.log}));
}

Choice Trial::suggest_categorical(std::string_view name, const std::vector<Choice>& choices) {
  const auto index = static_cast<std::size_t>(suggest(name, CategoricalDistribution{choices}));
  return choices.at(index);
}

void Trial::report(double value, std::int64_t step) {
  if (step < 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("report: step = {}, must be >= 0", step));
  }
  backend().report(value, step);
}

bool Trial::should_prune() { return backend().should_prune(); }

void Trial::set_user_attr(std::string_view key, Json value) { backend().set_user_attr(key, std::move(value)); }
void Trial::set_system_attr(std::string_view key, Json value) { backend().set_system_attr(key, std::move(value)); }

void Trial::set_constraint(std::string_view key, double value) {
  if (std::isnan(value)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("constraint '{}' is nan, expected a number (<= 0 is satisfied)", key));
  }
  backend().set_system_attr("constraints:" + std::string(key), value);
}

void Trial::set_resource_hint(std::string_view name, const std::vector<std::string>& params) {
  backend().set_resource_hint(name, params);
}

std::vector<TrialParam> Trial::joint_params() const { return backend().joint_params(); }
std::vector<int> Trial::devices() const { return backend().devices(); }
std::optional<int> Trial::device() const {
  const std::vector<int> all = devices();
  return all.empty() ? std::nullopt : std::optional(all.front());
}
int Trial::number() const { return backend().number(); }
FrozenTrial Trial::frozen() const { return backend().frozen(); }

std::vector<std::pair<std::string, Choice>> Trial::params() const {
  std::vector<std::pair<std::string, Choice>> result;
  for (const auto& param : frozen().params) {
    result.emplace_back(param.spec->name, to_external(param.spec->distribution, param.value));
  }
  return result;
}

}  // namespace bluefin
