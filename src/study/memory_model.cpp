// SPDX-License-Identifier: MIT
#include "study/memory_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace bluefin {
namespace {

constexpr double kAbout = 0.99;  // two capacities of one kind of GPU differ by less

}  // namespace

std::vector<TrialParam> params_of(const PackedTrial& trial) {
  std::vector<TrialParam> params;
  for (std::size_t i = 0; i < trial.params().size(); ++i) {
    params.push_back({trial.params()[i], trial.param_values()[i]});
  }
  return params;
}

MemoryModel::MemoryModel(const ResourceHints& hints, std::vector<MemoryTrial> trials, std::optional<double> capacity,
                         const MemoryModelOptions& rules)
    : rules_(rules), trials_(std::move(trials)), capacity_(capacity) {
  find_params(hints);
  if (!capacity_) {
    for (const MemoryTrial& trial : trials_) {
      if (trial.failed && trial.capacity) capacity_ = std::max(capacity_.value_or(0.0), *trial.capacity);
    }
  }
  std::vector<Point> points;
  for (const MemoryTrial& trial : trials_) points.push_back(point_of(params_of(*trial.trial)));
  find_facts(points);
  find_fit(points);
}

void MemoryModel::find_params(const ResourceHints& hints) {
  // The last range of each name, and how many trials had it.
  std::map<std::string, std::pair<ParamSpecPtr, std::size_t>> known;
  std::vector<ParamSpecPtr> specs;  // one of each name, as they came
  for (const MemoryTrial& trial : trials_) {
    for (const ParamSpecPtr& spec : trial.trial->params()) {
      auto& [last, count] = known[spec->name];
      if (!last) specs.push_back(spec);
      last = spec;
      ++count;
    }
  }
  params_ = memory_params(hints, specs);
  for (const auto* names : {&params_.sizes, &params_.conditions}) {
    for (const std::string& name : *names) {
      const auto& [spec, count] = known.at(name);
      if (count == trials_.size()) always_.push_back(spec);
    }
  }
}

MemoryModel::Point MemoryModel::point_of(std::span<const TrialParam> params) const {
  Point point{std::vector<double>(params_.sizes.size(), -1.0),
              std::vector<std::optional<Choice>>(params_.conditions.size())};
  for (const TrialParam& param : params) {
    if (const auto place = params_.find_size(param.spec->name)) {
      point.sizes[*place] = std::max(memory_size(*param.spec, param.value).value_or(0.0), 0.0);
      continue;
    }
    const auto condition = std::find(params_.conditions.begin(), params_.conditions.end(), param.spec->name);
    if (condition == params_.conditions.end()) continue;
    point.conditions[static_cast<std::size_t>(condition - params_.conditions.begin())] =
        to_external(param.spec->distribution, param.value);
  }
  for (const ParamSpecPtr& spec : always_) {
    const auto place = params_.find_size(spec->name);
    if (place && point.sizes[*place] < 0.0) point.sizes[*place] = least_memory_size(*spec).value_or(0.0);
  }
  for (double& size : point.sizes) size = std::max(size, 0.0);
  return point;
}

std::vector<double> MemoryModel::terms_of(const Point& point) const {
  std::vector<double> values;
  for (const MemoryTerm& term : params_.terms) values.push_back(term.value(point.sizes));
  return values;
}

bool MemoryModel::not_larger(const Point& a, const Point& b) {
  for (std::size_t i = 0; i < a.sizes.size(); ++i) {
    if (a.sizes[i] > b.sizes[i]) return false;
  }
  return a.conditions == b.conditions;
}

bool MemoryModel::has_less(const Known& failure) const {
  return failure.capacity && capacity_ && *failure.capacity < kAbout * *capacity_;
}

void MemoryModel::find_facts(const std::vector<Point>& points) {
  std::vector<Known> failures;
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    const MemoryTrial& trial = trials_[i];
    Known known{trial.trial->number(), points[i], trial.capacity};
    if (trial.failed) {
      failures.push_back(std::move(known));
      continue;
    }
    // Only the largest ones: what is not larger than another one says nothing more.
    const auto larger = [&](const Known& other) { return not_larger(known.point, other.point); };
    if (std::any_of(successes_.begin(), successes_.end(), larger)) continue;
    std::erase_if(successes_, [&](const Known& other) { return not_larger(other.point, known.point); });
    successes_.push_back(std::move(known));
  }
  for (Known& failure : failures) {
    const bool contradicted = std::any_of(successes_.begin(), successes_.end(), [&](const Known& success) {
      return not_larger(failure.point, success.point);
    });
    if (contradicted) {
      not_believed_.push_back(failure.number);
      continue;
    }
    if (has_less(failure)) continue;
    const auto smaller = [&](const Known& other) { return not_larger(other.point, failure.point); };
    if (std::any_of(failures_.begin(), failures_.end(), smaller)) continue;
    std::erase_if(failures_, [&](const Known& other) { return not_larger(failure.point, other.point); });
    failures_.push_back(std::move(failure));
  }
}

void MemoryModel::find_fit(const std::vector<Point>& points) {
  MemoryRows rows;
  rows.n_terms = params_.terms.size();
  std::vector<double> failed;  // terms of failures of which it is not known what they had
  double largest_peak = 0.0;
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    const MemoryTrial& trial = trials_[i];
    const std::vector<double> terms = terms_of(points[i]);
    const double peak = trial.peak.value_or(0.0);
    largest_peak = std::max(largest_peak, peak);
    const int number = trial.trial->number();
    if (!trial.failed) {
      if (peak <= 0.0) continue;
      rows.fitted_terms.insert(rows.fitted_terms.end(), terms.begin(), terms.end());
      rows.peaks.push_back(peak);
    } else if (std::find(not_believed_.begin(), not_believed_.end(), number) == not_believed_.end()) {
      const double floor = std::max(peak, trial.capacity.value_or(capacity_.value_or(0.0)));
      if (floor <= 0.0) {
        failed.insert(failed.end(), terms.begin(), terms.end());
        continue;
      }
      rows.failed_terms.insert(rows.failed_terms.end(), terms.begin(), terms.end());
      rows.floors.push_back(floor);
    }
  }
  fit_ = fit_memory(rows);
  if (capacity_ || !fit_) return;
  // Nobody has said how much there is: at least what was used, or what the smallest failure would have needed. Without
  // a failure there is nothing to go by.
  const bool any_failed = !rows.floors.empty() || !failed.empty();
  if (!any_failed) return;
  double needed = std::numeric_limits<double>::infinity();
  const std::size_t k = rows.n_terms;
  failed.insert(failed.end(), rows.failed_terms.begin(), rows.failed_terms.end());
  for (std::size_t i = 0; i + k <= failed.size(); i += k) {
    needed = std::min(needed, fit_.predict(std::span<const double>(failed).subspan(i, k)));
  }
  capacity_ = std::max(largest_peak, needed);
}

MemoryModel::Verdict MemoryModel::judge(std::span<const TrialParam> params) const {
  const Point point = point_of(params);
  Verdict verdict;
  if (fit_) verdict.predicted = fit_.predict(terms_of(point));
  if (rules_.dominance) {
    for (const Known& failure : failures_) {
      if (!not_larger(failure.point, point)) continue;
      verdict.refused = true;
      verdict.because = failure.number;
      return verdict;
    }
  }
  if (!rules_.regression || !fit_.is_good() || !capacity_) return verdict;
  if (*verdict.predicted * (1.0 + fit_.margin) <= *capacity_) return verdict;
  verdict.refused = std::none_of(successes_.begin(), successes_.end(),
                                 [&](const Known& success) { return not_larger(point, success.point); });
  return verdict;
}

double MemoryModel::need(std::span<const TrialParam> params) const {
  const Point point = point_of(params);
  if (fit_.is_good()) return fit_.predict(terms_of(point));
  double sum = 0.0;
  for (const double size : point.sizes) sum += std::log1p(size);
  return sum;
}

std::vector<int> MemoryModel::frontier() const {
  std::vector<int> numbers;
  for (const Known& failure : failures_) numbers.push_back(failure.number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace bluefin
