// SPDX-License-Identifier: MIT
// What a trial's process may write on its socket: it costs the trial at most, never the study.
#include <array>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"
#include "exec/supervise.hpp"

namespace {

using namespace bluefin;
using namespace bluefin::testing;

const std::string kHello = R"({"op": "hello", "version": 1})"
                           "\n";
const std::string kTell = R"({"op": "tell", "values": [1], "id": "end"})"
                          "\n";

OneTrial run_bytes(const Study& study, const std::string& bytes, bool wait) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("bytes"), std::ios::binary) << bytes;
  std::vector<std::string> arguments{"send", folder.file("bytes")};
  if (wait) arguments.push_back("wait");
  return run_tool(arguments, study);
}

// The study goes on.
void check_another_trial(const Study& study) {
  const OneTrial next = run_tool({"value"}, study);
  CHECK(next.trial.state == TrialState::kComplete);
}

std::string deep(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

}  // namespace

TEST_CASE("bytes that are no message end their trial as a fault of the protocol", "[exec]") {
  using namespace std::string_literals;
  Study study = memory_study();
  for (const std::string& bytes : {
           "\0\xff\x80\n"s,
           "no JSON\n"s,
           "[1, 2]\n"s,
           "{\"op\": \"hello\", \"version\": 1}}\n"s,
           kHello + "{\"op\": \"tell\", \"values\": [1}\n",
           kHello + "{\"op\": \"report\", \"step\": 0, \"value\": 1e}\n",
           kHello + "{\"op\": \"\xc3\x28\"}\n",
           kHello + R"({"op": "set_user_attr", "key": "k", "value": )" + deep(500'000) + "}\n",
           kHello + std::string(1 << 21, 'x') + "\n",
           kHello + std::string((1 << 20) + 1, ' ') + "\n",
           kHello + std::string(1 << 21, 'x'),
       }) {
    INFO(bytes.substr(0, 60));
    const OneTrial result = run_bytes(study, bytes + kTell, true);
    CHECK(result.trial.state == TrialState::kFail);
    CHECK(result.fail() == "protocol");
    CHECK(result.error().size() < 1000);
  }
  check_another_trial(study);
}

TEST_CASE("what ends in mid-line or comes before hello does not end a study", "[exec]") {
  Study study = memory_study();
  CHECK(run_bytes(study, "{\"op\": \"hel", false).fail() == "exit:7");
  CHECK(run_bytes(study, kHello + "{\"op\": \"tell\", \"values\": [1]}", false).fail() == "exit:7");
  CHECK(run_bytes(study, "", false).fail() == "exit:7");
  // Each is answered with an error; then the trial goes on as if nothing had been.
  std::string early;
  for (const char* op : {"suggest", "report", "should_prune", "set_user_attr", "tell", "unheard of"}) {
    early += std::string("{\"op\": \"") + op + "\"}\n\n \r\n";
  }
  CHECK(run_bytes(study, early + kHello + kHello + kTell, true).trial.state == TrialState::kComplete);
  check_another_trial(study);
}

TEST_CASE("a flood of requests is answered, and one whose replies nobody reads is not read without end", "[exec]") {
  Study study = memory_study();
  std::string flood = kHello;
  for (int step = 0; step < 20'000; ++step) {
    flood += "{\"op\": \"report\", \"step\": " + std::to_string(step) + ", \"value\": 0.5}\n";
  }
  const OneTrial answered = run_bytes(study, flood + kTell, true);
  CHECK(answered.trial.state == TrialState::kComplete);
  CHECK(answered.trial.reports.size() == 20'000);
  const OneTrial unread = run_tool({"send-without-reading", R"({"op": "hello", "version": 1})"}, study);
  CHECK(unread.fail() == "exit:7");
  REQUIRE(unread.text("bluefin:stderr").find(" bytes") != std::string::npos);
  CHECK(std::stoul(unread.text("bluefin:stderr")) < 16'000'000);
  check_another_trial(study);
}

TEST_CASE("a hint that is none is answered with an error, a right one is the study's", "[exec][memory]") {
  Study study = memory_study();
  std::string bytes = kHello;
  for (const char* members : {R"("name": "a")", R"("name": "a", "params": "x")", R"("name": "a", "params": [1])",
                              R"("name": "a", "params": [""])", R"("name": "", "params": ["x"])", R"("params": ["x"])",
                              R"("name": "b", "params": ["x", "y"])"}) {
    bytes += std::string(R"({"op": "set_resource_hint", )") + members + "}\n";
  }
  CHECK(run_bytes(study, bytes + kTell, true).trial.state == TrialState::kComplete);
  const auto attributes = study.system_attrs();
  CHECK(find_attribute(attributes, "bluefin:resource_hint:a") == nullptr);
  REQUIRE(find_attribute(attributes, "bluefin:resource_hint:b") != nullptr);
  CHECK(find_attribute(attributes, "bluefin:resource_hint:b")->text() == R"(["x", "y"])");
}

// Valid JSON that means nothing, or something else than the one who wrote it thought. The seed is fixed.
TEST_CASE("messages with members of all kinds are answered one by one", "[exec]") {
  constexpr std::array kOps{"hello",          "suggest",           "report", "should_prune",
                            "set_user_attr",  "set_system_attr",   "tell",   "id",
                            "set_constraint", "set_resource_hint", "op",     ""};
  constexpr std::array kKeys{"version", "name",    "distribution", "step",  "value",  "key", "values",
                             "state",   "reason",  "id",           "op",    "client", "low", "high",
                             "type",    "choices", "log",          "class", "params"};
  const std::vector<std::string> values{"null",
                                        "true",
                                        "-1",
                                        "0",
                                        "1",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "18446744073709551615",
                                        "-9223372036854775808",
                                        "1e308",
                                        "-1e-320",
                                        "NaN",
                                        "-Infinity",
                                        "\"nan\"",
                                        "\"\"",
                                        "\"x\"",
                                        "\"\\u0000\"",
                                        "\"\\ud83d\\ude00\"",
                                        "[]",
                                        "{}",
                                        "[[1, 2], null]",
                                        "\"float\"",
                                        "\"int\"",
                                        "\"categorical\"",
                                        "\"fail\"",
                                        R"({"type": "float", "low": 0, "high": 1})",
                                        R"({"type": "int", "low": 3, "high": 1})",
                                        R"({"type": "int", "low": -9223372036854775808, "high": 9223372036854775807})",
                                        R"({"type": "float", "low": -1e308, "high": 1e308, "step": 1e-300})",
                                        R"({"type": "float", "low": 0, "high": 1, "log": true, "step": 0.1})",
                                        R"({"type": "categorical", "choices": []})",
                                        R"(["a", "a", null, 1, 1.0, true])",
                                        R"({"name": "CategoricalDistribution", "attributes": {"choices": [[1]]}})",
                                        R"({"name": "IntDistribution"})",
                                        deep(800)};
  std::mt19937 random(6);
  const auto pick = [&](const auto& from) { return std::string(from[random() % from.size()]); };
  const std::string tells[] = {R"({"op": "tell", "values": [NaN]})", R"({"op": "tell", "values": [1, 2]})",
                               R"({"op": "tell", "values": {}})", R"({"op": "tell", "state": "running"})"};
  for (int round = 0; round < 5; ++round) {
    std::string bytes = kHello;
    for (int i = 0; i < 1000; ++i) {
      std::string message = "{\"op\": \"" + pick(kOps) + "\"";
      for (auto members = random() % 5; members > 0; --members) {
        message += ", \"" + pick(kKeys) + "\": " + pick(values);
      }
      // A told failure would be the end.
      bytes += (message.find("\"fail\"") != std::string::npos && message.find("tell") != std::string::npos
                    ? tells[random() % 4]
                    : message + "}") +
               "\n";
    }
    Study study = memory_study();
    const OneTrial result = run_bytes(study, bytes + kTell, true);
    INFO("round " << round << ": " << result.fail() << " " << result.error());
    // A value that was taken by chance ends the trial as well.
    CHECK(result.trial.state == TrialState::kComplete);
    check_another_trial(study);
  }
}
