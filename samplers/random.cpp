// SPDX-License-Identifier: MIT
#include "bluefin/samplers/random.hpp"

#include "core/options_io.hpp"
#include "samplers/prior.hpp"

namespace bluefin {
namespace {

class RandomModel final : public SamplerModel {
 public:
  // No joint space: parameters are independent of each other.
  double suggest_parameter(const SuggestRequest& request, const ParamSpecPtr& spec) override {
    return draw_prior(request, spec);
  }
};

class RandomSampler final : public Sampler {
 public:
  explicit RandomSampler(const RandomOptions& options) : options_(options) {}
  std::string_view name() const override { return "random"; }
  OptionMap options() const override { return write_options(options_); }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo&) const override { return std::make_unique<RandomModel>(); }

 private:
  RandomOptions options_;
};

}  // namespace

std::shared_ptr<const Sampler> make_sampler(const RandomOptions& options) {
  return std::make_shared<RandomSampler>(options);
}

}  // namespace bluefin
