// SPDX-License-Identifier: MIT
#include "bluefin/pruners/percentile.hpp"

#include "core/options_io.hpp"
#include "pruners/percentile_model.hpp"

namespace bluefin {
namespace {

class PercentilePruner final : public Pruner {
 public:
  explicit PercentilePruner(const PercentileOptions& options) : options_(options) { check_options(kName, options_); }

  std::string_view name() const override { return kName; }
  OptionMap options() const override { return write_options(options_); }
  std::unique_ptr<PrunerModel> make_model(const StudyInfo& study) const override {
    return make_percentile_model(options_, study);
  }

 private:
  static constexpr std::string_view kName = "percentile";
  PercentileOptions options_;
};

}  // namespace

std::shared_ptr<const Pruner> make_pruner(const PercentileOptions& options) {
  return std::make_shared<PercentilePruner>(options);
}

}  // namespace bluefin
