// SPDX-License-Identifier: MIT
// bluefin explain.
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "bluefin/samplers/gp.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "cli/command.hpp"

using namespace bluefin;
using bluefin::test::bluefin_command;
using bluefin::test::Folder;

namespace {

void make_optimized_study(const std::string& url, std::shared_ptr<const Sampler> sampler, bool store_config = true) {
  Study study = create_study(
      {.storage = url, .name = "net", .sampler = std::move(sampler), .seed = 1, .store_config = store_config});
  study.optimize(
      [](Trial& trial) {
        const double lr = trial.suggest_float("lr", 1e-5, 1.0, {.log = true});
        const double x = trial.suggest_float("a rather long name of a parameter that goes on", 0, 1);
        trial.suggest_categorical("kind", {"a", "b"});
        return std::pow(std::log10(lr) + 3.0, 2) + 0.1 * x;
      },
      {.n_trials = 15});
}

std::string point() { return R"({"lr": 0.01, "a rather long name of a parameter that goes on": 0.5, "kind": "a"})"; }

void check_width(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    std::size_t columns = 0;
    for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) == 0x80 ? 0 : 1;
    CHECK(columns <= 80);
  }
}

}  // namespace

TEST_CASE("bluefin explain shows the fit, the best trial, the next point and those that were asked for", "[cli][gp]") {
  const Folder folder;
  make_optimized_study(folder.url(), make_sampler(GpOptions{}));
  const auto text = bluefin_command({"explain", "--storage", folder.url(), "--study-name", "net", "--at", point()});
  CHECK(text.err.empty());
  REQUIRE(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("study net: 15 complete trials\n"));
  CHECK_THAT(text.out, ContainsSubstring("value, minimized: fitted to 15 trials\n"));
  CHECK_THAT(text.out, ContainsSubstring("lengthscale") && ContainsSubstring("relevance"));
  CHECK_THAT(text.out, ContainsSubstring("float 1e-05 to 1, log"));
  CHECK_THAT(text.out, ContainsSubstring("a rather lo"));
  CHECK_THAT(text.out, ContainsSubstring("leave one out  R2 "));
  CHECK_THAT(text.out, ContainsSubstring("best: trial "));
  CHECK_THAT(text.out, ContainsSubstring("\nnext:\n") && ContainsSubstring("\nat:\n"));
  CHECK_THAT(text.out, ContainsSubstring("log expected improvement ") && ContainsSubstring("expected to improve on"));
  check_width(text.out);

  const auto json =
      bluefin_command({"explain", "--storage", folder.url(), "--json", "--at", "[" + point() + ", " + point() + "]"});
  REQUIRE(json.code == 0);
  const auto tree = nlohmann::json::parse(json.out);
  CHECK(tree["sampler"] == "gp");
  CHECK(tree["n_complete"] == 15);
  CHECK(tree["at"].size() == 2);
  CHECK(tree["at"][0] == tree["at"][1]);
  CHECK(tree["objectives"][0]["params"]["lr"]["relevance"].get<double>() > 0.9);
  CHECK(tree["params"][2]["low"] == 1e-5);

  // What it says comes next does come next.
  Study study = load_study({.storage = folder.url()});
  Trial trial = study.ask();
  CHECK(trial.suggest_float("lr", 1e-5, 1.0, {.log = true}) == tree["suggestion"]["params"]["lr"].get<double>());
}

TEST_CASE("bluefin explain shows how ranges are bent", "[cli][gp]") {
  const Folder folder;
  make_optimized_study(folder.url(), make_sampler(GpOptions{.input_warp = "kumaraswamy"}));
  const auto text = bluefin_command({"explain", "--storage", folder.url()});
  REQUIRE(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("  bent "));
  check_width(text.out);
  const auto json = bluefin_command({"explain", "--storage", folder.url(), "--json"});
  const auto param = nlohmann::json::parse(json.out)["objectives"][0]["params"]["lr"];
  REQUIRE(param["warp"].size() == 2);
  CHECK(param["warp"][0].get<double>() > 0.0);
  CHECK(param["distance"].is_null());
}

TEST_CASE("bluefin explain says which sampler it speaks for", "[cli][gp]") {
  const Folder folder;
  make_optimized_study(folder.url(), make_sampler("tpe"));
  const auto other = bluefin_command({"explain", "--storage", folder.url()});
  REQUIRE(other.code == 0);
  CHECK_THAT(other.out, ContainsSubstring("its sampler is tpe; this is what gp with its default options would say\n"));
  CHECK_THAT(other.out, ContainsSubstring("\nwhat gp would try next:\n"));
  const auto options = R"({"n_startup_trials": 40, "seed": 3})";
  const auto given = bluefin_command({"explain", "--storage", folder.url(), "--sampler-kwargs", options});
  REQUIRE(given.code == 0);
  CHECK_THAT(given.out, ContainsSubstring("this is what gp with the options that were given would say\n"));
  CHECK_THAT(given.out, ContainsSubstring("gp uses a model from 40 complete trials on"));
  check_width(other.out);
  check_width(given.out);

  const Folder unknown;
  make_optimized_study(unknown.url(), make_sampler("random"), /*store_config=*/false);
  const auto first = bluefin_command({"explain", "--storage", unknown.url()});
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, ContainsSubstring("which sampler it has is not known; this is gp with its default options\n"));
  CHECK(bluefin_command({"explain", "--storage", unknown.url()}).out == first.out);
  CHECK_THAT(bluefin_command({"explain", "--storage", unknown.url(), "--json"}).out,
             ContainsSubstring("\"sampler\": null"));
}

TEST_CASE("bluefin explain --json is JSON, also where there is nothing to say", "[cli][gp]") {
  const Folder folder;
  Study study = create_study({.storage = folder.url(), .name = "net", .sampler = make_sampler("gp")});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 1); }, {.n_trials = 1});
  const auto text = bluefin_command({"explain", "--storage", folder.url(), "--json"}).out;
  const auto tree = nlohmann::json::parse(text);  // which does not take NaN
  for (const char* name : {"loo_score", "loo_r2", "loo_within"}) CHECK(tree["objectives"][0][name].is_null());
  CHECK(tree["sampler"] == "gp");
  study.enqueue_trial({{"x", 0.5}});
  study.optimize([](Trial& trial) { return -INFINITY * trial.suggest_float("x", 0, 1); }, {.n_trials = 1});
  const auto infinite = nlohmann::json::parse(bluefin_command({"explain", "--storage", folder.url(), "--json"}).out);
  CHECK(infinite["best"][0]["values"][0].is_null());
}

TEST_CASE("bluefin explain shows several objectives and constraints", "[cli][gp]") {
  for (const std::size_t k : {std::size_t{2}, std::size_t{6}}) {
    const Folder folder;
    Study study = create_study({.storage = folder.url(),
                                .name = "net",
                                .directions = std::vector<Direction>(k, Direction::kMinimize),
                                .sampler = make_sampler(GpOptions{.n_startup_trials = 5}),
                                .seed = 1});
    study.optimize(
        [k](Trial& trial) {
          const double x = trial.suggest_float("x", 0, 1);
          if (x > 0.5) trial.suggest_int("depth", 1, 3);
          trial.set_constraint("fits", x - 0.9);
          std::vector<double> values = {x, 1.0 - x};
          while (values.size() < k) values.push_back(x * x);
          return Outcome(values);
        },
        {.n_trials = 10});
    const auto text = bluefin_command({"explain", "--storage", folder.url()});
    REQUIRE(text.code == 0);
    CHECK_THAT(text.out, ContainsSubstring("value 0, minimized:") && ContainsSubstring("value 1, minimized:"));
    CHECK_THAT(text.out, ContainsSubstring("constraint fits, satisfied when <= 0:"));
    CHECK_THAT(text.out, ContainsSubstring("on the Pareto front") && ContainsSubstring("fits predicted"));
    CHECK_THAT(text.out, ContainsSubstring("satisfies all constraints with probability"));
    CHECK_THAT(text.out, ContainsSubstring("depth: not in every trial"));
    check_width(text.out);
    CHECK((text.out.find("ParEGO") != std::string::npos) == (k == 6));
  }
}

TEST_CASE("bluefin explain says in a line what is wrong", "[cli][gp]") {
  const Folder folder;
  create_study({.storage = folder.url(), .name = "net"});
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"explain", "--storage", folder.url()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return bluefin_command(arguments);
  };
  const auto empty = run({});
  CHECK(empty.code == 1);
  CHECK(empty.err == "bluefin: study 'net': gp: there is no complete trial: nothing to fit\n");
  CHECK(run({"--study-name", "other"}).code == 1);
  for (const auto& wrong : {std::vector<std::string>{"--at", "x=1"},
                            {"--at", "[1]"},
                            {"--sampler-kwargs", "[]"},
                            {"--sampler-kwargs", R"({"seed": -1})"}}) {
    const auto done = run(wrong);
    INFO(wrong[1]);
    CHECK(done.code == 2);
    CHECK_THAT(done.err, ContainsSubstring(wrong[0]));
  }
  const auto unknown = run({"--sampler-kwargs", R"({"n_start": 3})"});
  CHECK(unknown.code == 1);
  CHECK_THAT(unknown.err, ContainsSubstring("unknown option 'n_start'"));
  const auto help = run({"--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, ContainsSubstring("lengthscale") && ContainsSubstring("--sampler-kwargs"));
}
