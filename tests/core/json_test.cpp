// SPDX-License-Identifier: MIT
#include "bluefin/json.hpp"

#include <cmath>
#include <limits>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "core/json_nlohmann.hpp"

using namespace bluefin;

TEST_CASE("attributes are written as Python's json.dumps writes them") {
  CHECK(Json("é\x7f\n\"x\"").text() == R"("\u00e9\u007f\n\"x\"")");
  CHECK(Json("😀").text() == R"("\ud83d\ude00")");
  CHECK(Json(1.0).text() == "1.0");
  CHECK(Json(1e-5).text() == "1e-05");
  CHECK(Json(1e16).text() == "1e+16");
  CHECK(Json(123456789012345.0).text() == "123456789012345.0");
  CHECK(Json(0.1 + 0.2).text() == "0.30000000000000004");
  CHECK(Json(5e-324).text() == "5e-324");
  CHECK(Json(std::numeric_limits<double>::quiet_NaN()).text() == "NaN");
  CHECK(Json(-std::numeric_limits<double>::infinity()).text() == "-Infinity");
  CHECK(Json(3).text() == "3");
  CHECK(Json(true).text() == "true");
  CHECK(Json(nullptr).text() == "null");
  CHECK(Json(std::vector<double>{1.0, 0.5}).text() == "[1.0, 0.5]");
  CHECK(Json(std::vector<std::string>{"a", "b"}).text() == R"(["a", "b"])");
}

TEST_CASE("python_float writes repr(float)") {
  CHECK(python_float(0.0001) == "0.0001");
  CHECK(python_float(0.00001234) == "1.234e-05");
  CHECK(python_float(-1234.5) == "-1234.5");
  CHECK(python_float(1e15) == "1000000000000000.0");
  CHECK(python_float(1.5e300) == "1.5e+300");
  CHECK(python_float(-0.0) == "-0.0");
}

TEST_CASE("a number beyond a double is an infinity, as in Python") {
  const JsonTree tree = parse_json(R"({"a": 1e999, "b": [-1)" + std::string(400, '0') + R"(, 2], "c": "1e999 \" -"})");
  CHECK(tree["a"].get<double>() == std::numeric_limits<double>::infinity());
  CHECK(tree["b"][0].get<double>() == -std::numeric_limits<double>::infinity());
  CHECK(tree["b"][1] == 2);
  CHECK(tree["c"] == "1e999 \" -");
  CHECK_THROWS_AS(parse_json("[1e999"), Error);
}

TEST_CASE("NaN and the infinities are read where they are values, not where they are text") {
  const JsonTree tree = parse_json(R"({"NaN": NaN, "s": "NaN -Infinity \" Infinity", "l": [-Infinity, Infinity, -1]})");
  CHECK(std::isnan(tree["NaN"].get<double>()));
  CHECK(tree["s"] == "NaN -Infinity \" Infinity");
  CHECK(tree["l"][0].get<double>() == -std::numeric_limits<double>::infinity());
  CHECK(tree["l"][1].get<double>() == std::numeric_limits<double>::infinity());
  CHECK(tree["l"][2] == -1);
  CHECK(dump_json(tree) == R"({"NaN": NaN, "s": "NaN -Infinity \" Infinity", "l": [-Infinity, Infinity, -1]})");
}

TEST_CASE("a fault in JSON is named with its place") {
  CHECK_THROWS_WITH(Json::parse("{\"a\": 1,\n oops}"), ContainsSubstring("line 2"));
  CHECK_THROWS_AS(Json::parse(""), Error);
  CHECK_THROWS_AS(Json::parse("Nan"), Error);
  CHECK_THROWS_WITH(Json::parse(std::string(100000, '[')), ContainsSubstring("nested deeper"));
  CHECK(Json::parse(" [1, 2] ").text() == " [1, 2] ");
}

TEST_CASE("half of a character is kept in the text and replaced where it is read") {
  const Json half = Json::parse(R"({"\udfff": ["\ud800", "\ud83d\ude00", "\ud83d\ud83d\ude00\n", "\\ud800"]})");
  CHECK(half.text() == R"({"\udfff": ["\ud800", "\ud83d\ude00", "\ud83d\ud83d\ude00\n", "\\ud800"]})");
  const auto members = half.as_object().value();
  CHECK(members.at(0).first == "\ufffd");
  CHECK(members.at(0).second.as_strings() ==
        std::vector<std::string>{"\ufffd", "\U0001f600", "\ufffd\U0001f600\n", "\\ud800"});
  CHECK_THROWS_WITH(Json::parse("[\"\\ud800\",\n oops]"), ContainsSubstring("line 2"));
}

TEST_CASE("values are read as what they are and as nothing else") {
  CHECK(Json(true).as_bool() == true);
  CHECK_FALSE(Json(1).as_bool());
  CHECK(Json(1).as_double() == 1.0);
  CHECK_FALSE(Json(1.5).as_int());
  CHECK(Json("x").as_string() == "x");
  CHECK_FALSE(Json(1).as_string());
  CHECK(Json::parse("[1, 2.5]").as_doubles() == std::vector<double>{1.0, 2.5});
  CHECK_FALSE(Json::parse("[1, \"a\"]").as_doubles());
}
