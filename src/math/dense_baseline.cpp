// SPDX-License-Identifier: MIT
// Compiled with the flags of the rest of the library.
#define Eigen EigenDenseBaseline
#include "math/dense_loops.hpp"

namespace bluefin::math {
namespace {
constexpr Dense kVersion = dense_version("baseline");
}  // namespace
const Dense* const kDenseBaseline = &kVersion;
}  // namespace bluefin::math
