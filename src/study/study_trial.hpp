// SPDX-License-Identifier: MIT
// The backend of a trial that this process runs for a study.
#pragma once

#include <memory>

#include "core/trial_backend.hpp"
#include "study/study_impl.hpp"

namespace bluefin {

class StudyTrial final : public TrialBackend {
 public:
  StudyTrial(std::shared_ptr<StudyImpl> study, std::shared_ptr<LiveTrial> live)
      : study_(std::move(study)), live_(std::move(live)) {}
  ~StudyTrial() override { study_->release(live_); }
  StudyTrial(const StudyTrial&) = delete;
  StudyTrial& operator=(const StudyTrial&) = delete;

  double suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) override;
  void report(double value, std::int64_t step) override;
  bool should_prune() override;
  void set_user_attr(std::string_view key, Json value) override;
  void set_system_attr(std::string_view key, Json value) override;
  void set_resource_hint(std::string_view name, const std::vector<std::string>& params) override {
    study_->set_resource_hint(name, params);
  }
  std::vector<TrialParam> joint_params() const override;
  std::vector<int> devices() const override { return live_->devices; }
  int number() const override { return live_->trial.number; }
  FrozenTrial frozen() const override;

  const std::shared_ptr<LiveTrial>& live() const { return live_; }
  const StudyImpl* study() const { return study_.get(); }

 private:
  void check_running() const;  // live_->mutex held

  std::shared_ptr<StudyImpl> study_;
  std::shared_ptr<LiveTrial> live_;
};

}  // namespace bluefin
