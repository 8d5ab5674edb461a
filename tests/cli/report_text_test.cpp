// SPDX-License-Identifier: MIT
// What a run's report makes of names and messages.
#include "cli/report_text.hpp"

#include "catch.hpp"
#include "cli/painted_text.hpp"
#include "cli/terminal_text.hpp"

using namespace bluefin::cli;

TEST_CASE("a painted line obeys its own colours alone", "[cli]") {
  const PaintedText line = PaintedText("1", "a\x1b[2J") + std::string("\tb") + PaintedText("2", "");
  CHECK(line.text(false) == "a [2J b");
  CHECK(line.text(true) == "\x1b[1ma [2J\x1b[0m b");
}

TEST_CASE("lines stay lines where a text has several", "[cli]") {
  CHECK(harmless_lines("a\x1b[2J\nb\r\n\xC2\x9B") == "a [2J\nb \n ");
  CHECK(harmless("a\nb") == "a b");
}

TEST_CASE("a word for a shell", "[cli]") {
  CHECK(quoted("sqlite:///a.db") == "sqlite:///a.db");
  CHECK(quoted("") == "''");
  CHECK(quoted("it's $x") == "'it'\\''s $x'");
  CHECK(quoted("\xE6\x97\xA5") == "'\xE6\x97\xA5'");
  CHECK(quoted("a\x1b[0m'b\\\n") == "$'a\\033[0m\\'b\\\\\\012'");
  CHECK(quoted("\xE2\x80\xAE"
               "1\xFF") == "$'\\342\\200\\2561\\377'");
}
