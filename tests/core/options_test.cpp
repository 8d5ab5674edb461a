// SPDX-License-Identifier: MIT
#include "bluefin/samplers/tpe.hpp"
#include "catch.hpp"
#include "core/options_io.hpp"

using namespace bluefin;

TEST_CASE("options are read by name, and what is wrong is named") {
  const auto options = parse_options<TpeOptions>("tpe", {{"n_ei_candidates", 48}, {"multivariate", false}});
  CHECK(options.n_ei_candidates == 48);
  CHECK(options.multivariate == false);
  CHECK(options.n_startup_trials == 10);
  CHECK_FALSE(parse_options<TpeOptions>("tpe", {{"multivariate", nullptr}}).multivariate.has_value());
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"n_ei_candidates", 0}}),
                    ContainsSubstring("tpe: n_ei_candidates = 0, must be >= 1"));
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"n_ei_candidates", "many"}}),
                    ContainsSubstring("n_ei_candidates = \"many\", expected an integer"));
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"n_ei_candidates", 2.5}}),
                    ContainsSubstring("expected an integer"));
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"n_ei_candidates", 5'000'000'000}}),
                    ContainsSubstring("integer"));
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"group", nullptr}}), ContainsSubstring("true or false"));
  CHECK_THROWS_WITH(parse_options<TpeOptions>("tpe", {{"candidates", 3}}),
                    ContainsSubstring("unknown option 'candidates'") && ContainsSubstring("n_ei_candidates"));
}

TEST_CASE("options are written and described by the same list") {
  const OptionMap map = write_options(TpeOptions{.group = true});
  CHECK(map.at("group").text() == "true");
  CHECK(map.at("multivariate").is_null());
  CHECK(parse_options<TpeOptions>("tpe", map).group);
  const auto help = describe_options<TpeOptions>();
  CHECK(help.size() == map.size());
  CHECK(help.front().default_value == "10");
}
