// SPDX-License-Identifier: MIT
#include "bluefin/pruners/median.hpp"

#include "core/options_io.hpp"
#include "pruners/percentile_model.hpp"

namespace bluefin {
namespace {

class MedianPruner final : public Pruner {
 public:
  explicit MedianPruner(const MedianOptions& options) : options_(options) { check_options(kName, options_); }

  std::string_view name() const override { return kName; }
  OptionMap options() const override { return write_options(options_); }
  std::unique_ptr<PrunerModel> make_model(const StudyInfo& study) const override {
    return make_percentile_model({.percentile = 50.0,
                                  .n_startup_trials = options_.n_startup_trials,
                                  .n_warmup_steps = options_.n_warmup_steps,
                                  .interval_steps = options_.interval_steps,
                                  .n_min_trials = options_.n_min_trials},
                                 study);
  }

 private:
  static constexpr std::string_view kName = "median";
  MedianOptions options_;
};

}  // namespace

std::shared_ptr<const Pruner> make_pruner(const MedianOptions& options) {
  return std::make_shared<MedianPruner>(options);
}

}  // namespace bluefin
