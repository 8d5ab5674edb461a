// SPDX-License-Identifier: MIT
// bluefin memory, and the options of `bluefin run` that belong to it.
#include <nlohmann/json.hpp>
#include <string>

#include "bluefin/study.hpp"
#include "catch.hpp"
#include "cli/command.hpp"
#include "cli/option_values.hpp"

using namespace bluefin;
using bluefin::test::bluefin_command;
using bluefin::test::Folder;

namespace {

// Twelve trials of which three run out, and two of the others leave no peak.
void make_study_out_of_memory(const std::string& url) {
  Study study = create_study({.storage = url, .name = "net", .seed = 1});
  study.use_memory_model({.on = false, .device_capacity = std::uint64_t{4} << 30});
  study.set_resource_hint("activations", {"batch", "width"});
  for (int i = 0; i < 12; ++i) {
    const std::int64_t batch = 8 << i;
    study.enqueue_trial({{"batch", batch}, {"width", std::int64_t{64}}});
    Trial trial = study.ask();
    trial.suggest_int("batch", 1, 1 << 20, {.log = true});
    trial.suggest_int("width", 1, 1024);
    trial.set_user_attr("bluefin:gpu", "GPU-1");
    if (i >= 9) {
      trial.set_user_attr("bluefin:fail", "oom-device");
      study.tell(trial, Failed{"CUDA out of memory"});
      continue;
    }
    const std::int64_t bytes = 1'000'000 + 100 * batch * 64;
    if (i >= 2) {
      trial.set_user_attr("bluefin:telemetry", Json::parse("{\"peak_memory_bytes\": " + std::to_string(bytes) + "}"));
    }
    study.tell(trial, 1.0);
  }
  study.use_memory_model({.device_capacity = std::uint64_t{4} << 30});
  for (int i = 0; i < 10; ++i) {
    Trial trial = study.ask();
    trial.suggest_int("batch", 1, 1 << 20, {.log = true});
    trial.suggest_int("width", 1, 1024);
    study.tell(trial, 1.0);
  }
}

}  // namespace

TEST_CASE("bluefin memory shows terms, peaks against predictions, limits and what was refused", "[cli][memory]") {
  const Folder folder;
  make_study_out_of_memory(folder.url());
  const auto text = bluefin_command({"memory", "--storage", folder.url(), "--study-name", "net"});
  CHECK(text.err.empty());
  REQUIRE(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("GPU: 3 trials ran out, 7 measured; a trial has 4 GiB\n"));
  CHECK_THAT(text.out, ContainsSubstring("grows with batch, width\n"));
  CHECK_THAT(text.out, ContainsSubstring("activations"));
  CHECK_THAT(text.out, ContainsSubstring("batch * width"));
  CHECK_THAT(text.out, ContainsSubstring("ran out with"));
  CHECK_THAT(text.out, ContainsSubstring("batch=4096 width=64"));
  CHECK_THAT(text.out, ContainsSubstring("refused before the start"));

  const auto json = bluefin_command({"memory", "--storage", folder.url(), "--json"});
  REQUIRE(json.code == 0);
  const auto tree = nlohmann::json::parse(json.out);
  REQUIRE(tree["kinds"].size() == 1);
  const auto& kind = tree["kinds"][0];
  CHECK(kind["kind"] == "device");
  CHECK(kind["capacity_bytes"] == 4294967296.0);
  CHECK(kind["sizes"] == nlohmann::json({"batch", "width"}));
  CHECK(kind["terms"][1]["name"] == "activations");
  CHECK(kind["terms"][1]["formula"] == "batch * width");
  CHECK(kind["trials"].size() == 10);
  CHECK(kind["trials"][0]["number"] == 2);
  CHECK(kind["trials"][0]["measured_bytes"] == 1'204'800.0);
  CHECK(kind["trials"][0]["ran_out"] == false);
  CHECK(kind["limits"] == nlohmann::json::parse(R"([{"trial": 9, "params": {"batch": 4096, "width": 64}}])"));
  CHECK(tree["n_refused"].get<int>() > 0);
  REQUIRE(!tree["refused"].empty());
  CHECK(tree["refused"][0]["for_trial"].get<int>() >= 12);
  CHECK(tree["refused"][0]["params"].contains("batch"));
}

TEST_CASE("bluefin memory says in a sentence that nothing is known", "[cli][memory]") {
  const Folder folder;
  create_study({.storage = folder.url(), .name = "net"});
  const auto text = bluefin_command({"memory", "--storage", folder.url()});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("nothing is known of memory yet: no trial of study net has run out of it"));
  const auto json = bluefin_command({"memory", "--storage", folder.url(), "--json"});
  CHECK(json.out == "{\"kinds\": [], \"n_refused\": 0, \"all_refused\": [], \"refused\": []}\n");
  CHECK(bluefin_command({"memory", "--storage", folder.url(), "--study-name", "other"}).code == 1);
}

TEST_CASE("the options --memory-model and --resource-hint are checked before anything is written", "[cli][memory]") {
  const auto hint = cli::parse_resource_hint("weights= width*width *depth");
  CHECK(hint.first == "weights");
  CHECK(hint.second == std::vector<std::string>{"width", "width", "depth"});
  const Folder folder;
  const auto run = [&](const std::string& option, const std::string& value) {
    return bluefin_command({"run", "--storage", folder.url(), "--create", option, value, "--", "true"});
  };
  for (const char* bad : {"weights", "=width", "weights=", "weights=width*", "weights=*width"}) {
    const auto done = run("--resource-hint", bad);
    CHECK(done.code == 2);
    CHECK_THAT(done.err, ContainsSubstring(bad) && ContainsSubstring("NAME=PARAMETER"));
  }
  const auto done = run("--memory-model", "maybe");
  CHECK(done.code == 2);
  CHECK_THAT(done.err, ContainsSubstring("--memory-model 'maybe' must be on or off"));
  CHECK(!std::filesystem::exists(folder.path() / "test.db"));
}
