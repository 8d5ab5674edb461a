// SPDX-License-Identifier: MIT
#include "bluefin/pruners/nop.hpp"

namespace bluefin {
namespace {

class NopModel final : public PrunerModel {
 public:
  bool should_prune(const PruneRequest&) override { return false; }
};

class NopPruner final : public Pruner {
 public:
  std::string_view name() const override { return "nop"; }
  OptionMap options() const override { return {}; }
  std::unique_ptr<PrunerModel> make_model(const StudyInfo&) const override { return std::make_unique<NopModel>(); }
};

}  // namespace

std::shared_ptr<const Pruner> make_pruner(const NopOptions&) { return std::make_shared<NopPruner>(); }

}  // namespace bluefin
