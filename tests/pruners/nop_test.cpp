// SPDX-License-Identifier: MIT
#include "bluefin/pruners/nop.hpp"

#include "catch.hpp"
#include "core/non_finite.hpp"
#include "pruners/curves.hpp"

using namespace bluefin;
using namespace bluefin::testing;

TEST_CASE("nop pruner keeps every trial") {
  Curves curves;
  curves.add_at(0, {1, 1, 1, 1, 1, 1});
  const auto pruner = make_pruner(NopOptions{});
  CHECK(pruner->name() == "nop");
  CHECK_FALSE(curves.ask(*pruner, {{0, kNaN}}));
  CHECK_FALSE(curves.ask(*pruner, {{0, kInfinity}}));
}
