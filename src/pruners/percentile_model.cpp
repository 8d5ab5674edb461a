// SPDX-License-Identifier: MIT
// The rule of optuna/pruners/_percentile.py (5.0.0), kept up to date trial by trial instead of recomputed from all
// trials at each call. A COMPLETE trial with s reports costs O(s log n) once. A decision costs O(1) and a look at the
// trial's own reports, which ends at the first one that is good enough: O(1) for a trial that does well now, O(s) at
// worst.
#include "pruners/percentile_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "core/non_finite.hpp"
#include "pruners/running_percentile.hpp"

namespace bluefin {
namespace {

// Whether the trial is checked at its last step: it has reported, is past the warm-up, and has no earlier report in
// the same interval. Source: _is_first_in_interval_step.
bool is_check_due(std::span<const Report> reports, std::int64_t n_warmup_steps, std::int64_t interval_steps) {
  if (reports.empty() || reports.back().step < n_warmup_steps) return false;
  const std::int64_t since_warmup = reports.back().step - n_warmup_steps;
  const std::int64_t interval_begin = n_warmup_steps + since_warmup / interval_steps * interval_steps;
  return reports.size() == 1 || reports[reports.size() - 2].step < interval_begin;
}

// Numbers are kept in the user's sign: the percentile of the negated numbers is not, to the last bit, the negative of
// the opposite percentile, and ties decide.
class PercentileModel final : public PrunerModel {
 public:
  PercentileModel(const PercentileOptions& options, const StudyInfo& study)
      : options_(options),
        maximize_(!study.directions.empty() && study.directions.front() == Direction::kMaximize),
        percentile_(maximize_ ? 100.0 - options.percentile : options.percentile) {}

  bool should_prune(const PruneRequest& request) override {
    if (!is_check_due(request.reports, options_.n_warmup_steps, options_.interval_steps)) {
      return false;
    }
    double limit = kNaN;  // as a loss; NaN: nothing to compare with
    {
      const std::lock_guard lock(mutex_);
      advance(request.history);
      if (n_complete_ == 0 || n_complete_ < options_.n_startup_trials) return false;
      limit = limit_at(request.reports.back().step);
    }
    // The best report so far decides, so one that is good enough keeps the trial. Without a limit any number is; a
    // trial that reported nothing but NaN is always pruned.
    return std::none_of(request.reports.rbegin(), request.reports.rend(), [limit](const Report& report) {
      return std::isnan(limit) ? !std::isnan(report.value) : report.value <= limit;
    });
  }

 private:
  double signed_value(double x) const { return maximize_ ? -x : x; }

  // Takes in the rows that finished since the last call. A view that is older than what is known adds nothing.
  void advance(const HistoryView& history) {
    for (; n_rows_ < history.size(); ++n_rows_) {
      if (history.states()[n_rows_] != TrialState::kComplete) continue;
      ++n_complete_;
      const ReportCurve reports = history.reports(n_rows_);
      for (std::size_t i = 0; i < reports.size(); ++i) {
        const Report report = reports[i];
        if (report.step < options_.n_warmup_steps) continue;  // never asked for
        steps_.try_emplace(report.step, percentile_).first->second.add(signed_value(report.value));
      }
    }
  }

  double limit_at(std::int64_t step) const {
    const auto found = steps_.find(step);
    if (found == steps_.end() || found->second.count() < static_cast<std::size_t>(options_.n_min_trials)) return kNaN;
    return signed_value(found->second.value());
  }

  const PercentileOptions options_;
  const bool maximize_;
  const double percentile_;

  std::mutex mutex_;  // guards what follows
  std::size_t n_rows_ = 0;
  int n_complete_ = 0;
  std::unordered_map<std::int64_t, RunningPercentile> steps_;
};

}  // namespace

std::unique_ptr<PrunerModel> make_percentile_model(const PercentileOptions& options, const StudyInfo& study) {
  return std::make_unique<PercentileModel>(options, study);
}

}  // namespace bluefin
