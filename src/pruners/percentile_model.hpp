// SPDX-License-Identifier: MIT
// The decision that the percentile and the median pruner share.
#pragma once

#include <memory>

#include "bluefin/pruners/percentile.hpp"

namespace bluefin {

// The options must be valid.
std::unique_ptr<PrunerModel> make_percentile_model(const PercentileOptions& options, const StudyInfo& study);

}  // namespace bluefin
