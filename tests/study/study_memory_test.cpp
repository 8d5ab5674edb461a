// SPDX-License-Identifier: MIT
// The memory model in a study: what samplers suggest once trials have run out of memory.
#include <array>
#include <chrono>
#include <cstdint>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/memory_model.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::TempDir;

namespace {

struct Sizes {
  std::int64_t batch;
  std::int64_t width;
};

Sizes suggest(Trial& trial) {
  trial.suggest_float("lr", 1e-5, 1e-1, {.log = true});
  const auto batch = trial.suggest_int("batch", 1, 1024, {.log = true});
  return {batch, trial.suggest_int("width", 1, 1024, {.log = true})};
}

void fail(Study& study, Trial& trial, const char* kind) {
  trial.set_user_attr("bluefin:fail", kind);
  study.tell(trial, Failed{"the test says so"});
}

// A trial with these sizes that fails.
void add_failure(Study& study, std::int64_t batch, std::int64_t width, const char* kind = "oom-device") {
  study.enqueue_trial({{"batch", batch}, {"width", width}});
  Trial trial = study.ask();
  const Sizes sizes = suggest(trial);
  REQUIRE((sizes.batch == batch && sizes.width == width));
  fail(study, trial, kind);
}

Study make_study(const std::string& sampler, const std::string& storage = "memory:", std::uint64_t seed = 1) {
  return create_study({.storage = storage,
                       .name = "memory",
                       .load_if_exists = true,
                       .sampler = sampler.empty() ? nullptr : make_sampler(sampler),
                       .seed = seed});
}

// Runs trials and says how many are no smaller than (batch, width).
int count_large(Study& study, int n, Sizes from) {
  int large = 0;
  for (int i = 0; i < n; ++i) {
    Trial trial = study.ask();
    const Sizes sizes = suggest(trial);
    if (sizes.batch >= from.batch && sizes.width >= from.width) ++large;
    // The best ones are the largest, where memory ends.
    study.tell(trial, -static_cast<double>(sizes.batch * sizes.width));
  }
  return large;
}

// What is logged at warning level and above while it lives.
class Warnings {
 public:
  Warnings() {
    set_log_sink([this](LogLevel level, std::string_view message) {
      if (level >= LogLevel::kWarning) texts.emplace_back(message);
    });
  }
  ~Warnings() { set_log_sink({}); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  std::vector<std::string> texts;
};

std::optional<std::string> attribute(const FrozenTrial& trial, const char* key) {
  const Json* value = find_attribute(trial.user_attrs, key);
  return value == nullptr ? std::nullopt : std::optional(value->text());
}

}  // namespace

TEST_CASE("no sampler suggests what is no smaller than a trial that ran out", "[memory]") {
  for (const char* sampler : {"random", "tpe", "gp"}) {
    INFO(sampler);
    Study without = make_study(sampler);
    without.use_memory_model({.on = false});
    add_failure(without, 20, 20);
    CHECK(count_large(without, 40, {20, 20}) > 10);

    Study with = make_study(sampler);
    add_failure(with, 20, 20);
    CHECK(count_large(with, 40, {20, 20}) == 0);
    const MemoryReport report = memory_report(with);
    CHECK(report.n_refused > 0);
    CHECK(report.all_refused.empty());
    REQUIRE(!report.refused.empty());
    CHECK(report.refused[0].because == 0);
  }
}

TEST_CASE("a study in which nothing ran out suggests the same with the model and without it", "[memory]") {
  for (const char* sampler : {"random", "tpe"}) {
    INFO(sampler);
    const auto points = [&](bool on, const char* kind) {
      Study study = make_study(sampler);
      study.use_memory_model({.on = on});
      add_failure(study, 20, 20, kind);
      std::vector<std::int64_t> values;
      for (int i = 0; i < 20; ++i) {
        Trial trial = study.ask();
        const Sizes sizes = suggest(trial);
        values.insert(values.end(), {sizes.batch, sizes.width});
        study.tell(trial, 1.0 / static_cast<double>(sizes.batch));
      }
      return values;
    };
    // Other failures say nothing of memory, least of all the fault of a neighbour.
    for (const char* kind : {"exception", "neighbour-fault", "signal:9", "timeout"}) {
      CHECK(points(true, kind) == points(false, kind));
    }
    CHECK(points(true, "oom-device") != points(false, "oom-device"));
    CHECK(points(true, "oom-host") != points(false, "oom-host"));
  }
}

TEST_CASE("when all candidates are refused the smallest runs, and a warning says so", "[memory]") {
  for (const char* sampler : {"random", "tpe", "gp"}) {
    INFO(sampler);
    Study study = make_study(sampler);
    CHECK(count_large(study, 20, {1, 1}) == 20);
    // The smallest configuration there is, and every one of those that ended says otherwise: not believed.
    add_failure(study, 1, 1);
    Warnings warnings;
    CHECK(count_large(study, 5, {1, 1}) == 5);
    CHECK(warnings.texts.empty());

    Study hopeless = make_study(sampler);
    for (int i = 0; i < 12; ++i) {
      Trial trial = hopeless.ask();
      const Sizes sizes = suggest(trial);
      if (i == 11) CHECK(sizes.batch * sizes.width < 200);  // of many the least, of 1 to a million
      fail(hopeless, trial, "oom-host");
      if (i == 0) add_failure(hopeless, 1, 1, "oom-host");
    }
    REQUIRE(!warnings.texts.empty());
    CHECK_THAT(warnings.texts.back(), ContainsSubstring("memory") && ContainsSubstring("expected to run out"));
    CHECK(!memory_report(hopeless).all_refused.empty());
  }
}

TEST_CASE("what one process has met another one knows, by the file they share", "[memory]") {
  const TempDir folder;
  const std::string url = "sqlite:///" + (folder.path() / "study.db").string();
  Study first = make_study("random", url);
  Study second = make_study("random", url, 2);
  add_failure(first, 20, 20);
  CHECK(count_large(second, 30, {20, 20}) == 0);
  Study third = make_study("", url, 3);  // opened later
  CHECK(count_large(third, 30, {20, 20}) == 0);

  first.set_resource_hint("activations", {"batch", "width"});
  const MemoryReport report = memory_report(make_study("", url));
  REQUIRE(report.kinds.size() == 1);
  CHECK(report.kinds[0].kind == MemoryKind::kDevice);
  REQUIRE(report.kinds[0].limits.size() == 1);
  CHECK(report.kinds[0].limits[0].params ==
        std::vector<std::pair<std::string, Choice>>{{"batch", std::int64_t{20}}, {"width", std::int64_t{20}}});
  CHECK(report.kinds[0].terms.empty());  // nothing was measured
}

TEST_CASE("peaks that trials leave are learned from, also before one has run out where there is a hint", "[memory]") {
  Study study = make_study("random");
  study.use_memory_model({.host_capacity = 100'000});
  study.set_resource_hint("table", {"batch", "width"});
  int large = 0;
  for (int i = 0; i < 60; ++i) {
    Trial trial = study.ask();
    const Sizes sizes = suggest(trial);
    const std::int64_t bytes = 100 + sizes.batch * sizes.width;
    // The first trials are drawn blindly; five of them are enough.
    if (i >= 10 && bytes > 100'000) ++large;
    if (i % 2 == 0) {
      trial.set_user_attr("bluefin:peak_memory", bytes);  // by the program, or by its supervisor
    } else {
      trial.set_user_attr("bluefin:telemetry", Json::parse("{\"peak_host_bytes\": " + std::to_string(bytes) + "}"));
    }
    study.tell(trial, 1.0);
  }
  CHECK(large == 0);
  const MemoryReport report = memory_report(study);
  REQUIRE(report.kinds.size() == 1);
  const MemoryReport::Kind& host = report.kinds[0];
  CHECK(host.kind == MemoryKind::kHost);  // nobody said that it is a GPU's
  CHECK(host.fit_is_used);
  REQUIRE(host.terms.size() >= 2);
  CHECK(host.terms[1].name == "table");
  CHECK(host.terms[1].formula == "batch * width");
  CHECK(host.terms[1].bytes == Approx(1.0).epsilon(1e-3));
  CHECK(host.trials.size() == 60);
}

TEST_CASE("telemetry that is none is no figure", "[memory]") {
  Study study = make_study("random");
  study.set_resource_hint("table", {"batch", "width"});
  for (const char* text : {"3", "[]", "{}", "{\"peak_memory_bytes\": \"much\"}", "{\"peak_memory_bytes\": -1}",
                           "{\"peak_memory_bytes\": NaN}", "{\"peak_memory_bytes\": 1e300}", "null"}) {
    Trial trial = study.ask();
    suggest(trial);
    trial.set_user_attr("bluefin:telemetry", Json::parse(text));
    study.tell(trial, 1.0);
  }
  CHECK(memory_report(study).kinds.empty());
}

TEST_CASE("conditional parameters and choices are kept within memory too", "[memory]") {
  for (const char* sampler : {"random", "tpe", "gp"}) {
    INFO(sampler);
    Study study = make_study(sampler);
    std::vector<std::array<std::int64_t, 3>> failures;  // model, batch, units
    std::size_t needless = 0;                           // trials that could have been known to fail
    for (int i = 0; i < 80; ++i) {
      Trial trial = study.ask();
      const bool large = trial.suggest_categorical("model", {"small", "large"}) == "large";
      const auto batch = trial.suggest_int("batch", 1, 64);
      const auto units = large ? trial.suggest_int("large_units", 1, 64) : trial.suggest_int("small_units", 1, 64);
      for (const auto& known : failures) {
        if (known[0] != (large ? 1 : 0) || known[1] > batch || known[2] > units) continue;
        ++needless;
        break;
      }
      if (batch * units * (large ? 4 : 1) > 1024) {
        failures.push_back({large ? 1 : 0, batch, units});
        fail(study, trial, "oom-device");
      } else {
        study.tell(trial, -static_cast<double>(batch * units));
      }
    }
    CHECK(failures.size() > 5);
    CHECK(needless == memory_report(study).all_refused.size());
    CHECK(needless <= 8);  // a batch was drawn for which no small number of units came up
  }
}

TEST_CASE("optimize() tells out of memory from other errors, and goes on within memory", "[memory]") {
  for (const int n_jobs : {1, 2}) {
    Study study = make_study("random");
    study.optimize(
        [](Trial& trial) -> Outcome {
          const Sizes sizes = suggest(trial);
          if (sizes.batch >= 16 && sizes.width >= 16) throw std::bad_alloc();
          if (sizes.batch == 1) throw std::runtime_error("no");
          return static_cast<double>(sizes.batch);
        },
        {.n_trials = 60, .n_jobs = n_jobs, .catch_if = catch_all(), .memory_model = {.host_capacity = 12345}});
    int failed = 0;
    for (const auto& trial : study.trials({TrialState::kFail})) {
      const auto kind = attribute(*trial, "bluefin:fail");
      if (kind) CHECK(*kind == "\"oom-host\"");
      CHECK(attribute(*trial, "bluefin:capacity") == (kind ? std::optional<std::string>("12345") : std::nullopt));
      if (kind) ++failed;
    }
    CHECK(failed > 0);
    CHECK(failed < 12);  // of 60: a quarter of what is drawn blindly is at least that large
    REQUIRE(memory_report(study).kinds.size() == 1);
    CHECK(memory_report(study).kinds[0].capacity == 12345.0);
  }
}

TEST_CASE("the model can be switched off by an option of optimize()", "[memory]") {
  const auto n_failed = [](bool on) {
    Study study = make_study("random");
    study.optimize(
        [](Trial& trial) -> Outcome {
          const Sizes sizes = suggest(trial);
          if (sizes.batch >= 16 && sizes.width >= 16) throw std::bad_alloc();
          return 1.0;
        },
        {.n_trials = 60, .catch_if = catch_only<std::bad_alloc>(), .memory_model = {.on = on}});
    return study.trials({TrialState::kFail}).size();
  };
  CHECK(n_failed(false) >= 15);
  CHECK(n_failed(true) <= 10);
}

TEST_CASE("a queued configuration runs as it is", "[memory]") {
  Study study = make_study("random");
  add_failure(study, 20, 20);
  add_failure(study, 1000, 1000);
}

TEST_CASE("a hint that another process gives is learned with its next trial", "[memory]") {
  const test::TempDir dir;
  Study ours = create_study({.storage = dir.url(), .name = "s", .sampler = make_sampler("random"), .seed = 1});
  Study theirs = load_study({.storage = dir.url(), .name = "s", .sampler = make_sampler("random"), .seed = 2});
  ours.use_memory_model({.host_capacity = 100'000});
  static_cast<void>(ours.trials());
  theirs.set_resource_hint("table", {"batch", "width"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // it is looked for once in a second
  // None beyond the capacity: what has run may run, and random sizes differ from run to run where a file is shared.
  for (const std::int64_t batch : {1, 9, 90}) {
    for (const std::int64_t width : {1, 10, 100, 1000}) {
      theirs.enqueue_trial({{"batch", batch}, {"width", width}});
      Trial trial = theirs.ask();
      const Sizes sizes = suggest(trial);
      trial.set_user_attr("bluefin:peak_memory", 100 + sizes.batch * sizes.width);
      theirs.tell(trial, 1.0);
    }
  }
  for (int i = 0; i < 40; ++i) {
    Trial trial = ours.ask();
    const Sizes sizes = suggest(trial);
    CAPTURE(i);
    CHECK(sizes.batch * sizes.width <= 100'000);
    ours.tell(trial, 1.0);
  }
}

TEST_CASE("hints have names of parameters, can be replaced and taken away", "[memory]") {
  Study study = make_study("random");
  CHECK_THROWS_WITH(study.set_resource_hint("", {"batch"}), ContainsSubstring("name of the hint is empty"));
  CHECK_THROWS_WITH(study.set_resource_hint("a", {"batch", ""}),
                    ContainsSubstring("'a'") && ContainsSubstring("without a name"));
  const auto stored = [&] {
    std::string text;
    for (const Attribute& a : study.system_attrs()) {
      if (a.key.rfind("bluefin:resource_hint:", 0) == 0) text += a.key.substr(22) + a.value.text();
    }
    return text;
  };
  CHECK(stored().empty());
  Trial trial = study.ask();
  trial.set_resource_hint("a", {"batch"});
  CHECK(stored() == "a[\"batch\"]");
  study.set_resource_hint("a", {"batch", "width"});
  CHECK(stored() == "a[\"batch\", \"width\"]");
  study.set_resource_hint("a", {});
  CHECK(stored() == "a[]");
  study.set_resource_hint("never given", {});
  CHECK(stored() == "a[]");
  fixed_trial({}).set_resource_hint("a", {"batch"});  // of no study
}
