// SPDX-License-Identifier: MIT
#include "exec/output_values.hpp"

#include <cmath>

#include "bluefin/error.hpp"
#include "catch.hpp"

using namespace bluefin;

TEST_CASE("the values of a program are the numbers of a line", "[exec]") {
  CHECK(parse_values("0.5") == std::vector<double>{0.5});
  CHECK(parse_values(" 1 ,-2e3\t+inf ") == std::vector<double>{1.0, -2000.0, INFINITY});
  CHECK(std::isnan(parse_values("NaN").at(0)));
  CHECK(parse_values("1e999 -1e999 1e-400") == std::vector<double>{INFINITY, -INFINITY, 0.0});
  for (const char* line : {"", "  ", "loss 0.5", "0.5s", "0x1g", "1 two", "+-1"}) {
    CHECK_THROWS_AS(parse_values(line), Error);
  }
}

TEST_CASE("values are refused by number and for nan", "[exec]") {
  CHECK(check_values({1.0}, 1).empty());
  CHECK_THAT(check_values({1.0}, 2), ContainsSubstring("1 value given, but the study has 2 objectives"));
  CHECK_THAT(check_values({NAN}, 1), ContainsSubstring("nan"));
}

TEST_CASE("a report is a step and a value", "[exec]") {
  CHECK(parse_report("bluefin:report 3 0.25") == Report{3, 0.25});
  for (const char* line : {"bluefin:report", "bluefin:report 1", "bluefin:report x 1", "bluefin:report -1 1",
                           "bluefin:report 1 2 3", "bluefin:report 1.5 2"}) {
    CHECK_THROWS_WITH(parse_report(line), ContainsSubstring("STEP VALUE"));
  }
}
