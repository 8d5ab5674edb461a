// SPDX-License-Identifier: MIT
#include "bluefin/distribution.hpp"

#include <limits>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"

using namespace bluefin;

namespace {

std::string refused(const Distribution& distribution) {
  try {
    normalize(distribution);
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::kInvalidArgument);
    return e.what();
  }
  FAIL("was accepted: " << to_json(distribution));
  return {};
}

}  // namespace

TEST_CASE("bad bounds are refused with the value in the message") {
  CHECK_THAT(refused(FloatDistribution{2.0, 1.0}), ContainsSubstring("low = 2"));
  CHECK_THAT(refused(FloatDistribution{0.0, 1.0, 0.0, true}), ContainsSubstring("low > 0"));
  CHECK_THAT(refused(FloatDistribution{-1.0, 1.0, 0.0, true}), ContainsSubstring("low = -1"));
  CHECK_THAT(refused(FloatDistribution{kNaN, 1.0}), ContainsSubstring("low = nan"));
  CHECK_THAT(refused(FloatDistribution{0.0, kInfinity}), ContainsSubstring("high = inf"));
  CHECK_THAT(refused(FloatDistribution{0.0, 1.0, -0.1}), ContainsSubstring("step = -0.1"));
  CHECK_THAT(refused(FloatDistribution{0.0, 1.0, kNaN}), ContainsSubstring("step = nan"));
  CHECK_THAT(refused(FloatDistribution{1.0, 2.0, 0.1, true}), ContainsSubstring("log is true"));
  CHECK_THAT(refused(IntDistribution{3, 2}), ContainsSubstring("low = 3"));
  CHECK_THAT(refused(IntDistribution{0, 2, 1, true}), ContainsSubstring("low >= 1"));
  CHECK_THAT(refused(IntDistribution{0, 2, 0}), ContainsSubstring("step = 0"));
  CHECK_THAT(refused(IntDistribution{1, 8, 2, true}), ContainsSubstring("step = 2"));
  CHECK_THAT(refused(IntDistribution{0, std::numeric_limits<std::int64_t>::max()}), ContainsSubstring("2^53"));
  CHECK_THAT(refused(CategoricalDistribution{}), ContainsSubstring("one or more"));
}

TEST_CASE("high is rounded down to the grid on decimals, as a person reads them") {
  const auto high = [](double low, double upper, double step) {
    return std::get<FloatDistribution>(normalize(FloatDistribution{low, upper, step})).high;
  };
  CHECK(high(0.0, 0.3, 0.1) == 0.3);  // 0.1 + 0.1 + 0.1 is 0.30000000000000004
  CHECK(high(0.0, 0.35, 0.1) == 0.3);
  CHECK(high(-1.0, 1.05, 0.25) == 1.0);
  CHECK(high(1e-10, 1.0, 0.1) == Approx(0.9000000001));
  CHECK(high(0.0, 1e300, 1e-300) <= 1e300);
  CHECK(std::get<IntDistribution>(normalize(IntDistribution{0, 10, 3})).high == 9);
  CHECK(std::get<IntDistribution>(normalize(IntDistribution{-10, -1, 4})).high == -2);
}

TEST_CASE("contains follows the grid and the range") {
  const Distribution grid = FloatDistribution{0.0, 1.0, 0.1};
  CHECK(contains(grid, 0.30000000000000004));
  CHECK_FALSE(contains(grid, 0.35));
  CHECK_FALSE(contains(grid, kNaN));
  CHECK(contains(IntDistribution{1, 9, 2}, 5.0));
  CHECK_FALSE(contains(IntDistribution{1, 9, 2}, 4.0));
  CHECK_FALSE(contains(IntDistribution{1, 9}, 10.0));
  const Distribution choices = CategoricalDistribution{{std::int64_t{1}, std::string("a")}};
  CHECK(contains(choices, 1.0));
  CHECK_FALSE(contains(choices, 2.0));
  CHECK_FALSE(contains(choices, kNaN));
}

TEST_CASE("a distribution with one value is single") {
  CHECK(is_single(FloatDistribution{1.0, 1.0}));
  CHECK(is_single(FloatDistribution{0.0, 0.3, 0.5}));
  CHECK_FALSE(is_single(FloatDistribution{0.0, 0.3, 0.3}));
  CHECK(is_single(IntDistribution{5, 5, 1, true}));
  CHECK(is_single(IntDistribution{5, 6, 2}));
  CHECK(is_single(CategoricalDistribution{{std::monostate{}}}));
}

TEST_CASE("values go to the canonical form and back") {
  const Distribution mixed =
      CategoricalDistribution{{std::monostate{}, true, std::int64_t{7}, 2.5, std::string("adam"), kNaN}};
  CHECK(to_canonical(mixed, std::monostate{}) == 0.0);
  CHECK(to_canonical(mixed, std::int64_t{1}) == 1.0);  // True == 1, as in Python
  CHECK(to_canonical(mixed, 7.0) == 2.0);
  CHECK(to_canonical(mixed, std::string("adam")) == 4.0);
  CHECK(to_canonical(mixed, kNaN) == 5.0);
  CHECK(to_external(mixed, 4.0) == Choice(std::string("adam")));
  CHECK_THROWS_WITH(to_canonical(mixed, std::string("sgd")), ContainsSubstring("'sgd' is not one of the choices"));
  CHECK_THROWS_WITH(to_canonical(FloatDistribution{}, std::string("x")), ContainsSubstring("'x' is not a valid type"));
  CHECK_THROWS_WITH(to_canonical(FloatDistribution{}, kNaN), ContainsSubstring("nan"));
  CHECK(to_external(IntDistribution{0, 10}, 3.0) == Choice(std::int64_t{3}));
  CHECK_THROWS_AS(to_external(mixed, 6.0), Error);
}

TEST_CASE("the JSON of a distribution is the text that Optuna writes") {
  const auto text = [](const Distribution& d) { return to_json(d); };
  CHECK(text(FloatDistribution{1e-5, 1.0, 0.0, true}) ==
        R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 1.0, "log": true}})");
  CHECK(text(FloatDistribution{0.0, 1.0, 0.25}) ==
        R"({"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}})");
  CHECK(text(IntDistribution{0, 10, 2}) ==
        R"({"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 10}})");
  CHECK(text(CategoricalDistribution{
            {std::monostate{}, true, std::int64_t{1}, 2.5, std::string("abc"), std::string("é")}}) ==
        R"({"name": "CategoricalDistribution", "attributes": {"choices": [null, true, 1, 2.5, "abc", "\u00e9"]}})");
}

TEST_CASE("people see a distribution as in Python") {
  const auto text = [](const Distribution& d) { return to_string(d); };
  CHECK(text(FloatDistribution{1e-5, 1.0, 0.0, true}) == "FloatDistribution(high=1.0, log=True, low=1e-05, step=None)");
  CHECK(text(IntDistribution{0, 10, 2}) == "IntDistribution(high=10, log=False, low=0, step=2)");
  CHECK(text(CategoricalDistribution{
            {std::monostate{}, true, std::int64_t{1}, 2.5, std::string("it's\n"), std::string("é")}}) ==
        "CategoricalDistribution(choices=(None, True, 1, 2.5, \"it's\\n\", 'é'))");
  CHECK(text(CategoricalDistribution{{std::string("a")}}) == "CategoricalDistribution(choices=('a',))");
}

TEST_CASE("JSON of Optuna 5 and of Optuna 2 reads back") {
  const Distribution all[] = {FloatDistribution{1e-5, 1.0, 0.0, true}, FloatDistribution{0.0, 1.0, 0.25},
                              IntDistribution{1, 1024, 1, true},
                              CategoricalDistribution{{std::monostate{}, false, -3.5, std::string("ü\n\"")}}};
  for (const auto& distribution : all) CHECK(distribution_from_json(to_json(distribution)) == distribution);
  CHECK(distribution_from_json(R"({"name":"DiscreteUniformDistribution","attributes":{"low":0,"high":1,"q":0.5}})") ==
        Distribution(FloatDistribution{0.0, 1.0, 0.5}));
  CHECK(distribution_from_json(R"({"name":"IntLogUniformDistribution","attributes":{"low":1,"high":8,"step":1}})") ==
        Distribution(IntDistribution{1, 8, 1, true}));
  CHECK(distribution_from_json(R"({"name":"LogUniformDistribution","attributes":{"low":0.1,"high":1}})") ==
        Distribution(FloatDistribution{0.1, 1.0, 0.0, true}));
  CHECK(distribution_from_json(R"({"type":"int","low":1,"high":8})") == Distribution(IntDistribution{1, 8}));
  CHECK(std::get<CategoricalDistribution>(
            distribution_from_json(R"({"name":"CategoricalDistribution","attributes":{"choices":[NaN,-Infinity]}})"))
            .choices.size() == 2);
}

TEST_CASE("choices that only JSON holds keep their text") {
  for (const char* text :
       {R"({"name": "CategoricalDistribution", "attributes": {"choices": [[1, "a,]"], {"b": [1.50]}]}})",
        R"({"name": "CategoricalDistribution", "attributes": {"choices": [1, 18446744073709551615]}})",
        R"({"name": "CategoricalDistribution", "attributes": {"choices": ["\ud800", 1e+22, NaN]}})"}) {
    CAPTURE(text);
    CHECK(to_json(distribution_from_json(text)) == text);
  }
  const auto large = std::get<CategoricalDistribution>(distribution_from_json(
      R"({"type": "categorical", "choices": [1180591620717411303424, 1180591620717411303425, [1]]})"));
  CHECK(to_canonical(large, large.choices[1]) == 1.0);
  CHECK(to_canonical(large, 1180591620717411303424.0) == 0.0);  // as 2**70 == 2.0**70
  CHECK_FALSE(choices_equal(large.choices[0], large.choices[1]));
  CHECK(to_string(Distribution(large)) ==
        "CategoricalDistribution(choices=(1180591620717411303424, 1180591620717411303425, [1]))");
  CHECK(std::get<double>(
            std::get<CategoricalDistribution>(distribution_from_json(R"({"type": "categorical", "choices": [1e+22]})"))
                .choices[0]) == 1e22);
}

TEST_CASE("what is no distribution is refused as corrupt, with its text") {
  for (const char* text : {"", "{", "[]", "3", R"({"name": "X", "attributes": {}})", R"({"name": "FloatDistribution"})",
                           R"({"name": "FloatDistribution", "attributes": {"low": "a", "high": 1}})",
                           R"({"name": "IntDistribution", "attributes": {"low": 1e300, "high": 1e301}})",
                           R"({"name": "CategoricalDistribution", "attributes": {"choices": {"a": 1}}})"}) {
    CAPTURE(text);
    try {
      distribution_from_json(text);
      FAIL("was accepted");
    } catch (const Error& e) {
      CHECK(e.code() == ErrorCode::kCorrupt);
      CHECK_THAT(e.what(), ContainsSubstring(text));
    }
  }
}

TEST_CASE("one name keeps its kind, its log and its choices") {
  const Distribution lr = FloatDistribution{1e-5, 1.0, 0.0, true};
  CHECK_NOTHROW(check_compatible("lr", lr, FloatDistribution{1e-3, 10.0, 0.0, true}));
  CHECK_THROWS_WITH(check_compatible("lr", lr, FloatDistribution{1e-3, 10.0}),
                    ContainsSubstring("'lr'") && ContainsSubstring("log"));
  CHECK_THROWS_WITH(check_compatible("lr", lr, IntDistribution{1, 2}), ContainsSubstring("kind"));
  CHECK_THROWS_WITH(check_compatible("o", CategoricalDistribution{{true}}, CategoricalDistribution{{false}}),
                    ContainsSubstring("dynamic value space"));
  CHECK_NOTHROW(check_compatible("o", CategoricalDistribution{{true}}, CategoricalDistribution{{std::int64_t{1}}}));
}
