// SPDX-License-Identifier: MIT
#include "exec/command_template.hpp"

#include "bluefin/error.hpp"
#include "catch.hpp"

using namespace bluefin;

namespace {

const std::map<std::string, Distribution> kSpace = {{"lr", FloatDistribution{0, 1}},
                                                    {"opt", CategoricalDistribution{{std::string("a b"), true}}}};

std::vector<std::string> fill(const std::vector<std::string>& arguments) {
  return CommandTemplate(arguments, kSpace, true).fill({{"lr", 1e-5}, {"opt", std::string("a b")}});
}

}  // namespace

TEST_CASE("placeholders are replaced and doubled braces stand for braces", "[exec]") {
  CHECK(fill({"p", "--lr={lr}", "{opt}{lr}", "x"}) == std::vector<std::string>{"p", "--lr=1e-05", "a b1e-05", "x"});
  CHECK(fill({"BEGIN {{ print {lr} }}", "{{lr}}", "{{{lr}}}"}) ==
        std::vector<std::string>{"BEGIN { print 1e-05 }", "{lr}", "{1e-05}"});
}

TEST_CASE("without a space braces are left alone", "[exec]") {
  const std::vector<std::string> arguments = {"awk", "{print $1}", "}}{"};
  CHECK(CommandTemplate(arguments, {}, false).fill({}) == arguments);
}

TEST_CASE("placeholders and parameters have to match", "[exec]") {
  CHECK_THROWS_WITH(CommandTemplate({"{lr} {opt} {x}"}, kSpace, false), ContainsSubstring("{x}"));
  CHECK_THROWS_WITH(CommandTemplate({"{opt}"}, kSpace, false), ContainsSubstring("\"lr\""));
  CHECK_NOTHROW(CommandTemplate({"{opt}"}, kSpace, true));
  CHECK_THROWS_WITH(CommandTemplate({"{lr"}, kSpace, true), ContainsSubstring("not closed"));
  CHECK_THROWS_WITH(CommandTemplate({"lr}"}, kSpace, true), ContainsSubstring("}} for a brace"));
}

TEST_CASE("what looks like a placeholder is found among arguments", "[exec]") {
  CHECK(find_placeholder({"./train", "--lr={lr}", "{x}"}) == "{lr}");
  CHECK(find_placeholder({"sh", "-c", "echo ${x}; echo {batch_2}"}) == "{batch_2}");
  CHECK(find_placeholder({"{x}"}).empty());
  CHECK(find_placeholder({"xargs", "{}", "{0}", "{{x}}", "${x}", "{ x }", "{\"x\": 1}", "{x", "{print $1}"}).empty());
}
