// SPDX-License-Identifier: MIT
#include "exec/protocol.hpp"

#include <cmath>

#include "catch.hpp"

using namespace bluefin;

TEST_CASE("line reader gives lines however the bytes are cut", "[exec]") {
  const std::string text = "one\n\ntwo three\nrest";
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    protocol::LineReader reader;
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < text.size(); i += cut) {
      reader.append(std::string_view(text).substr(i, cut));
      while (auto line = reader.next()) {
        lines.push_back(*line);
      }
    }
    CHECK(lines == std::vector<std::string>{"one", "", "two three"});
    CHECK(reader.take_rest() == "rest");
    CHECK(reader.take_rest().empty());
  }
}

TEST_CASE("line reader says when a line is longer than a message may be", "[exec]") {
  protocol::LineReader reader(4);
  reader.append("ab\ncdef");
  CHECK(reader.next() == "ab");
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.too_long());
  reader.append("g");
  CHECK_FALSE(reader.next());
  CHECK(reader.too_long());
}

TEST_CASE("error codes travel as words", "[exec]") {
  for (const auto code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kAlreadyExists, ErrorCode::kConflict,
        ErrorCode::kUnavailable, ErrorCode::kCorrupt, ErrorCode::kNumerical, ErrorCode::kInternal}) {
    CHECK(protocol::parse_code(protocol::code_word(code)) == code);
  }
  CHECK(protocol::parse_code("something new") == ErrorCode::kInternal);
  CHECK(protocol::error_line(ErrorCode::kConflict, "a\nb") ==
        "{\"ok\": false, \"error\": {\"code\": \"conflict\", \"message\": \"a\\nb\"}}\n");
}

TEST_CASE("members of a message are checked by name and kind", "[exec]") {
  const JsonTree message = parse_json(R"({"n": NaN, "i": 3, "minus": "-inf", "s": "text"})");
  CHECK(std::isnan(protocol::number_member(message, "n")));
  CHECK(protocol::number_member(message, "i") == 3.0);
  CHECK(protocol::number_member(message, "minus") == -INFINITY);
  CHECK(protocol::integer_member(message, "i") == 3);
  CHECK(protocol::string_member(message, "s") == "text");
  CHECK_THROWS_WITH(protocol::number_member(message, "s"), ContainsSubstring("\"s\" = \"text\", must be a number"));
  CHECK_THROWS_WITH(protocol::integer_member(message, "n"), ContainsSubstring("\"n\""));
  CHECK_THROWS_WITH(protocol::string_member(message, "missing"), ContainsSubstring("no \"missing\""));
  CHECK_THROWS_WITH(protocol::integer_member(parse_json(R"({"i": 9223372036854775808})"), "i"),
                    ContainsSubstring("\"i\" = 9223372036854775808"));
}

TEST_CASE("a reply repeats the id of its request", "[exec]") {
  CHECK(protocol::id_member(parse_json(R"({"op": "hello"})")).is_null());
  CHECK(protocol::id_member(parse_json(R"({"id": null})")).is_null());
  CHECK_THROWS_WITH(protocol::id_member(parse_json(R"({"id": [1]})")), ContainsSubstring("\"id\" = [1]"));
  CHECK(protocol::ok_line({{"prune", true}}, protocol::id_member(parse_json(R"({"id": "a"})"))) ==
        "{\"ok\": true, \"id\": \"a\", \"prune\": true}\n");
  CHECK(protocol::error_line(ErrorCode::kConflict, "m", protocol::id_member(parse_json(R"({"id": -1})"))) ==
        "{\"ok\": false, \"id\": -1, \"error\": {\"code\": \"conflict\", \"message\": \"m\"}}\n");
}
