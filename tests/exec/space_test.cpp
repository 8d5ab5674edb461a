// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "bluefin/error.hpp"
#include "bluefin/supervisor.hpp"
#include "exec/json_places.hpp"

using namespace bluefin;

TEST_CASE("a search space is read in its short and in its stored form", "[exec]") {
  const auto space = parse_space(R"({
    "lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true},
    "units": {"type": "int", "low": 16, "high": 240, "step": 16},
    "optimizer": ["adam", null, 3, 0.5, true],
    "momentum": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "step": null, "log": false}}
  })");
  REQUIRE(space.size() == 4);
  CHECK(space.at("lr") == Distribution(FloatDistribution{1e-5, 0.1, 0.0, true}));
  CHECK(space.at("units") == Distribution(IntDistribution{16, 240, 16, false}));
  CHECK(space.at("optimizer") ==
        Distribution(CategoricalDistribution{{std::string("adam"), std::monostate{}, std::int64_t{3}, 0.5, true}}));
  CHECK(space.at("momentum") == Distribution(FloatDistribution{0.0, 1.0, 0.0, false}));
}

TEST_CASE("a fault in a search space is given with line and column", "[exec]") {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_space(text);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  CHECK_THAT(message("{\n  \"x\": [1, 2,]\n}"), ContainsSubstring("line 2, column 14"));
  CHECK_THAT(message("{\n  \"x\": {\"type\": \"float\", \"low\": 2, \"high\": 1}\n}"),
             ContainsSubstring("line 2, column 44: parameter \"x\""));
  CHECK_THAT(message("{\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1, \"Log\": true}}"),
             ContainsSubstring("unknown field \"Log\""));
  CHECK_THAT(message("{\"x\": {\"type\": \"double\", \"low\": 0, \"high\": 1}}"), ContainsSubstring("\"type\""));
  CHECK_THAT(message("{\"x\": {\"type\": \"float\", \"low\": 0}}"), ContainsSubstring("\"high\""));
  for (const char* field : {"\"lgo\": true", "\"choices\": [1]", "\"step\": 0", "\"step\": -0.5", "\"log\": 1"}) {
    const std::string fields = std::string("\"low\": 0, \"high\": 1, ") + field;
    const std::string name(field, 1, std::string(field).find('"', 1) - 1);
    CHECK_THAT(message(("{\"x\": {\"type\": \"float\", " + fields + "}}").c_str()), ContainsSubstring(name));
    CHECK_THAT(message(("{\"x\": {\"name\": \"FloatDistribution\", \"attributes\": {" + fields + "}}}").c_str()),
               ContainsSubstring(name));
  }
  for (const char* field : {"\"high\": 3.9", "\"high\": 9223372036854775808", "\"high\": 9, \"step\": 2.7"}) {
    const std::string fields = std::string("\"low\": 0, ") + field;
    CHECK_THAT(message(("{\"x\": {\"type\": \"int\", " + fields + "}}").c_str()), ContainsSubstring("integer"));
    CHECK_THAT(message(("{\"x\": {\"name\": \"IntDistribution\", \"attributes\": {" + fields + "}}}").c_str()),
               ContainsSubstring("integer"));
  }
  CHECK_THAT(message("{\"x\": []}"), ContainsSubstring("parameter \"x\""));
  CHECK(message("{\"x\": [[1], {\"a\": 2}, 3]}").empty());  // a choice may be any JSON
  CHECK_THAT(message("{\"x\": 3}"), ContainsSubstring("expected"));
  CHECK_THAT(message("{\"x\": [1],\n \"x\": [2]}"), ContainsSubstring("twice"));
  CHECK_THAT(message("{}"), ContainsSubstring("at least one parameter"));
  CHECK_THAT(message("[1]"), ContainsSubstring("JSON object"));
  for (const char* empty : {"", " \n\t\n"}) CHECK_THAT(message(empty), ContainsSubstring("line 1, column 1: empty"));
  // Far deeper a reader that calls itself would end the program.
  const std::string deep = std::string(200'000, '[') + "1" + std::string(200'000, ']');
  CHECK_THAT(message(("{\n\"x\": [0, " + deep + "]}").c_str()),
             ContainsSubstring("line 2, column 108: lists or objects within"));
  CHECK(message(("{\"x\": [\"" + std::string(500, '[') + "\", \"b\\\"[\"]}").c_str()).empty());
  // Where what is wrong stands: `^` is in front of it.
  for (const std::string marked :
       {R"({"x": [1], ^"x": [2]})", R"({"y": {"type": "float", "low": 0, "high": 1}, "x": [1], ^"y": [2]})",
        R"({"x": {"type": "float", "low": 0, "high": 1, ^"low": 0.5}})", "{\"x\":\n [0, \"1e999\", ^1e999]}",
        R"({"x": {"type": "float", "low": ^-1e999, "high": 1}})", R"({"high": [1], "x": {"type": ^"flot", "high": 1}})",
        R"({"a": ["x", "low"], ^"x": {"type": "float", "high": 1}})",
        R"({"x": {"type": "int", "low": 0, "high": ^99999999999999999999}})",
        R"({"x": {"type": "float", "low": 0, "high": 1, "step": ^-1}})",
        R"({"x": {"type": "float", "low": ^0, "high": 1, "log": true}})",
        R"({"x": {"type": "float", "low": 1, "high": 2, "log": true, "step": ^1}})",
        R"({"\u0078": {"type": "int", "low": 0, "high": 5, "log": ^"yes"}})",
        R"({"a\"b": {"type": "categorical", "choices": ^[]}})", "{\"\xE6\x97\xA5\": [1], ^\"\\u65e5\": [1]}",
        R"({"x": {"name": "IntDistribution", "attributes": {"low": 5, "high": ^1}}})", R"({"x": [1], ^"y": []})"}) {
    const std::size_t at = marked.find('^');
    std::string text = marked;
    text.erase(at, 1);
    CAPTURE(text);
    CHECK_THAT(message(text.c_str()), ContainsSubstring(line_and_column(text, at) + ": "));
  }
  CHECK(line_and_column("{\n\xE6\x97\xA5 x", 6) == "line 2, column 3");
  CHECK_THAT(message(R"({"x": {"type": "int", "low": 0, "high": 99999999999999999999}})"),
             ContainsSubstring("beyond what an integer parameter holds"));
}
