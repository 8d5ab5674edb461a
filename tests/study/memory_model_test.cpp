// SPDX-License-Identifier: MIT
// What is learned of memory from trials: which parameters matter, what is refused, and what the fit says.
#include "study/memory_model.hpp"

#include <array>
#include <string>
#include <vector>

#include "catch.hpp"
#include "study/memory_fit.hpp"
#include "study/memory_params.hpp"

using namespace bluefin;

namespace {

constexpr double kGiB = 1 << 30;

ParamSpecPtr spec(const std::string& name, Distribution distribution) {
  return std::make_shared<const ParamSpec>(ParamSpec{name, std::move(distribution)});
}

const ParamSpecPtr kBatch = spec("batch", IntDistribution{1, 4096, 1, true});
const ParamSpecPtr kWidth = spec("width", IntDistribution{16, 8192, 1, true});
const ParamSpecPtr kDepth = spec("depth", IntDistribution{1, 32});
const ParamSpecPtr kLr = spec("lr", FloatDistribution{1e-5, 1.0, 0.0, true});
const ParamSpecPtr kOptimizer = spec("optimizer", CategoricalDistribution{{std::string("adam"), std::string("sgd")}});
const ParamSpecPtr kAccumulation = spec("accumulation_steps", IntDistribution{1, 16});

using Point = std::vector<TrialParam>;

// Trials one after another, and the model that has learned from them.
class Trials {
 public:
  Trials& ended(const Point& params, std::optional<double> peak = {}) { return add(params, false, peak, {}); }
  Trials& ran_out(const Point& params, std::optional<double> capacity = {}) { return add(params, true, {}, capacity); }
  MemoryModel model(std::optional<double> capacity = {}, const ResourceHints& hints = {},
                    const MemoryModelOptions& rules = {}) const {
    return MemoryModel(hints, trials_, capacity, rules);
  }

 private:
  Trials& add(const Point& params, bool failed, std::optional<double> peak, std::optional<double> capacity) {
    FrozenTrial trial;
    trial.number = static_cast<int>(trials_.size());
    trial.state = failed ? TrialState::kFail : TrialState::kComplete;
    trial.params = params;
    trials_.push_back({packer_.pack(trial), failed, peak, capacity});
    return *this;
  }
  TrialPacker packer_;
  std::vector<MemoryTrial> trials_;
};

double network_bytes(double batch, double width, double depth) {
  return 0.5 * kGiB + 16.0 * depth * width * width + 64.0 * batch * width * depth;
}

Point network(double batch, double width, double depth) {
  return {{kBatch, batch}, {kWidth, width}, {kDepth, depth}, {kLr, 0.01}};
}

MemoryRole role(const std::string& name, const Distribution& distribution) { return memory_role({name, distribution}); }

}  // namespace

TEST_CASE("names and types say which parameters drive memory", "[memory]") {
  const IntDistribution some{1, 100};
  for (const char* name : {"batch", "batch_size", "train.batchSize", "per_device_batch_size", "bs"}) {
    INFO(name);
    CHECK(role(name, some) == MemoryRole::kBatch);
  }
  for (const char* name : {"width", "hidden_size", "n_units_l0", "d_model", "conv2Filters", "embedding_dim"}) {
    INFO(name);
    CHECK(role(name, some) == MemoryRole::kWidth);
  }
  for (const char* name : {"depth", "n_layers", "num_hidden_layers", "n_layer"}) {
    INFO(name);
    CHECK(role(name, some) == MemoryRole::kDepth);
  }
  for (const char* name : {"seq_len", "context_length", "image_size"}) {
    INFO(name);
    CHECK(role(name, some) == MemoryRole::kLength);
  }
  CHECK(role("n_experts", some) == MemoryRole::kSize);
  CHECK(role("seed", some) == MemoryRole::kNone);
  CHECK(role("epochs", some) == MemoryRole::kNone);
  CHECK(role("accumulation_steps", some) == MemoryRole::kCondition);  // may need less when it grows
  CHECK(role("offset", IntDistribution{-5, 5}) == MemoryRole::kCondition);

  const FloatDistribution number{0.0, 1.0};
  CHECK(role("lr", number) == MemoryRole::kNone);
  CHECK(role("hidden_dropout", number) == MemoryRole::kNone);
  CHECK(role("width_multiplier", number) == MemoryRole::kWidth);
  CHECK(role("width_shift", FloatDistribution{-1.0, 1.0}) == MemoryRole::kNone);

  const auto choices = [](std::vector<Choice> list) { return CategoricalDistribution{std::move(list)}; };
  CHECK(role("batch", choices({std::int64_t{16}, std::int64_t{32}})) == MemoryRole::kBatch);
  CHECK(role("optimizer", choices({std::string("adam"), std::string("sgd")})) == MemoryRole::kCondition);
  CHECK(role("batch", choices({std::int64_t{16}, std::string("all")})) == MemoryRole::kCondition);
  CHECK(role("use_cache", choices({false, true})) == MemoryRole::kCondition);
}

TEST_CASE("a choice that is a number is its size", "[memory]") {
  const ParamSpec batch{"batch", CategoricalDistribution{{std::int64_t{64}, std::int64_t{16}}}};
  CHECK(memory_size(batch, 0.0) == 64.0);
  CHECK(least_memory_size(batch) == 16.0);
  const ParamSpec optimizer{"optimizer", CategoricalDistribution{{std::string("adam")}}};
  CHECK(!memory_size(optimizer, 0.0));
  CHECK(!memory_size({"n", IntDistribution{-1, 5}}, 3.0));
}

TEST_CASE("terms are products of hints, and those of a network by its names", "[memory]") {
  const std::vector<ParamSpecPtr> specs = {kBatch, kWidth, kDepth, kLr, kOptimizer};
  const auto formulas = [](const MemoryParams& params) {
    std::vector<std::string> result;
    for (const MemoryTerm& term : params.terms) result.push_back(params.formula(term));
    return result;
  };
  const MemoryParams named = memory_params({}, specs);
  CHECK(named.sizes == std::vector<std::string>{"batch", "width", "depth"});
  CHECK(named.conditions == std::vector<std::string>{"optimizer"});
  CHECK(formulas(named) ==
        std::vector<std::string>{"1", "batch", "width^2", "depth * width^2", "batch * depth * width"});

  const ResourceHints hints = {{"weights", {"width", "width", "depth"}}, {"tables", {"rows", "width"}}};
  const MemoryParams hinted = memory_params(hints, specs);
  CHECK(hinted.terms[1].name == "weights");  // "tables" has a parameter that no trial had
  CHECK(formulas(hinted) ==
        std::vector<std::string>{"1", "depth * width^2", "batch", "width^2", "batch * depth * width"});

  // Widths of the layers, one parameter each, are summed; integers of no known name count as they are.
  const MemoryParams layers = memory_params(
      {}, std::vector<ParamSpecPtr>{spec("units_l0", IntDistribution{1, 9}), spec("units_l1", IntDistribution{1, 9})});
  CHECK(formulas(layers) == std::vector<std::string>{"1", "(units_l0^2 + units_l1^2)"});
  CHECK(layers.terms[1].value(std::vector<double>{3.0, 4.0}) == 25.0);
  const MemoryParams typed = memory_params({}, std::vector<ParamSpecPtr>{spec("n", IntDistribution{1, 9}), kLr});
  CHECK(formulas(typed) == std::vector<std::string>{"1", "n"});

  // A hint makes a size of what could not be compared, and of a number that would not matter.
  const ResourceHints more = {{"a", {"accumulation_steps"}}, {"b", {"lr"}}};
  const MemoryParams forced = memory_params(more, std::vector<ParamSpecPtr>{kAccumulation, kLr});
  CHECK(forced.sizes == std::vector<std::string>{"accumulation_steps", "lr"});
  CHECK(forced.conditions.empty());
}

TEST_CASE("what is no smaller than a trial that ran out is refused, and nothing else", "[memory]") {
  const MemoryModel model = Trials().ended(network(64, 64, 2)).ran_out(network(512, 1024, 8)).model();
  const auto refused = [&](double batch, double width, double depth) {
    return model.judge(network(batch, width, depth)).refused;
  };
  CHECK(refused(512, 1024, 8));
  CHECK(refused(4096, 8192, 32));
  CHECK(model.judge(network(512, 1024, 9)).because == 1);
  CHECK(!refused(511, 8192, 32));
  CHECK(!refused(4096, 1023, 32));
  CHECK(!refused(4096, 8192, 7));
  CHECK(model.frontier() == std::vector<int>{1});
}

TEST_CASE("of several failures the smallest ones count, and one that a larger trial contradicts does not", "[memory]") {
  const MemoryModel model = Trials()
                                .ran_out(network(512, 1024, 8))
                                .ran_out(network(1024, 2048, 9))  // says nothing more
                                .ran_out(network(2048, 64, 2))
                                .ran_out(network(8, 16, 1))  // something else was on the card
                                .ended(network(16, 32, 2))
                                .model();
  CHECK(model.frontier() == std::vector<int>{0, 2});
  CHECK(model.not_believed() == std::vector<int>{3});
  CHECK(!model.judge(network(16, 32, 2)).refused);
  CHECK(!model.judge(network(256, 1024, 8)).refused);
}

TEST_CASE("trials are compared only where text choices and unclear integers are equal", "[memory]") {
  const auto with = [](Point point, double optimizer, double accumulation) {
    point.push_back({kOptimizer, optimizer});
    point.push_back({kAccumulation, accumulation});
    return point;
  };
  const MemoryModel model =
      Trials().ended(with(network(8, 64, 2), 1, 4)).ran_out(with(network(512, 1024, 8), 0, 1)).model();
  CHECK(model.judge(with(network(512, 1024, 8), 0, 1)).refused);
  CHECK(!model.judge(with(network(4096, 8192, 32), 1, 1)).refused);
  CHECK(!model.judge(with(network(4096, 8192, 32), 0, 8)).refused);
}

TEST_CASE("parameters that a trial does not have count nothing, and those still to come their least", "[memory]") {
  const ParamSpecPtr second = spec("units_l1", IntDistribution{16, 256});
  const ParamSpecPtr first = spec("units_l0", IntDistribution{16, 256});
  const MemoryModel model = Trials()
                                .ended({{kBatch, 8.0}, {first, 64.0}})
                                .ended({{kBatch, 8.0}, {first, 16.0}, {second, 64.0}})
                                .ran_out({{kBatch, 512.0}, {first, 128.0}})
                                .model();
  CHECK(model.judge(Point{{kBatch, 512.0}, {first, 128.0}, {second, 16.0}}).refused);  // one layer more
  CHECK(!model.judge(Point{{kBatch, 512.0}, {first, 64.0}, {second, 256.0}}).refused);
  CHECK(!model.judge(Point{{kBatch, 512.0}}).refused);  // a small first layer may follow
  CHECK(model.judge(Point{{kBatch, 512.0}, {first, 128.0}}).refused);
  REQUIRE(model.always().size() == 2);
  CHECK(model.always()[0]->name == "batch");
  CHECK(model.always()[1]->name == "units_l0");

  const MemoryModel lowest = Trials().ran_out({{kBatch, 512.0}, {first, 16.0}}).model();
  CHECK(lowest.judge(Point{{kBatch, 512.0}}).refused);  // however small the first layer is
  CHECK(!lowest.judge(Point{{first, 256.0}}).refused);
}

TEST_CASE("the fit finds the bytes of each term, and refuses what it predicts to need too much", "[memory]") {
  Trials trials;
  for (const auto& [batch, width, depth] : std::vector<std::array<double, 3>>{{16, 256, 2},
                                                                              {1024, 512, 4},
                                                                              {64, 4096, 3},
                                                                              {256, 2048, 12},
                                                                              {4096, 300, 5},
                                                                              {32, 1024, 24},
                                                                              {700, 700, 7}}) {
    trials.ended(network(batch, width, depth), network_bytes(batch, width, depth));
  }
  const MemoryModel model = trials.model(16 * kGiB);
  const MemoryFit& fit = model.fit();
  REQUIRE(fit.coefficients.size() == 5);
  CHECK(fit.coefficients[0] == Approx(0.5 * kGiB).epsilon(1e-6));
  CHECK(fit.coefficients[1] * 4096 == Approx(0.0).margin(1e3));
  CHECK(fit.coefficients[3] == Approx(16.0).epsilon(1e-6));
  CHECK(fit.coefficients[4] == Approx(64.0).epsilon(1e-6));
  CHECK(fit.error == Approx(0.0).margin(1e-6));
  CHECK(fit.margin == Approx(0.05).margin(1e-5));

  const auto verdict = model.judge(network(4096, 8192, 8));
  CHECK(verdict.refused);
  CHECK(!verdict.because);
  CHECK(*verdict.predicted == Approx(network_bytes(4096, 8192, 8)).epsilon(1e-6));
  // 15.4 GiB are more than 16 GiB less 5 %, 15.0 GiB are not.
  const auto width_for = [&](double bytes) {
    double width = 16;
    while (network_bytes(512, width, 8) < bytes) ++width;
    return width;
  };
  CHECK(model.judge(network(512, width_for(15.4 * kGiB), 8)).refused);
  CHECK(!model.judge(network(512, width_for(15.0 * kGiB), 8)).refused);
  // What has ended is never refused, whatever is predicted.
  const MemoryModel seen = trials.ended(network(512, width_for(15.9 * kGiB), 8)).model(16 * kGiB);
  CHECK(!seen.judge(network(512, width_for(15.9 * kGiB), 8)).refused);
  CHECK(!seen.judge(network(512, width_for(15.4 * kGiB), 8)).refused);
  // Each rule alone.
  CHECK(!trials.model(16 * kGiB, {}, {.regression = false}).judge(network(4096, 8192, 8)).refused);
}

TEST_CASE("a fit needs four peaks, and refuses nothing where it explains nothing", "[memory]") {
  Trials trials;
  for (int i = 0; i < 3; ++i) trials.ended(network(16 << i, 256, 2), kGiB * (1 + i));
  CHECK(!trials.model(16 * kGiB).fit());
  trials.ended(network(128, 256, 2), 4 * kGiB);
  CHECK(trials.model(16 * kGiB).fit());

  // Memory that depends on something else: twice as much or half as much, whatever the sizes are.
  Trials noise;
  for (int i = 0; i < 20; ++i) noise.ended(network(16 + i, 256 + i, 2), (i % 2 == 0 ? 1.0 : 9.0) * kGiB);
  const MemoryModel model = noise.model(8 * kGiB);
  REQUIRE(model.fit());
  CHECK(!model.fit().is_good());
  CHECK(!model.judge(network(4096, 8192, 32)).refused);
}

TEST_CASE("a trial that ran out raises a fit that would have let it through", "[memory]") {
  Trials trials;  // small ones, whose peaks are all context
  for (int i = 0; i < 6; ++i) trials.ended(network(1 + i, 16 + 3 * i, 1 + i % 3), 0.5 * kGiB);
  const double before = *trials.model(80 * kGiB).judge(network(4096, 4096, 8)).predicted;
  const double after = *trials.ran_out(network(4096, 4096, 8)).model(80 * kGiB).judge(network(4096, 4096, 8)).predicted;
  CHECK(before < 80 * kGiB);
  CHECK(after > before);
}

TEST_CASE("how much there is: what was said, what failures had, or what peaks and failures show", "[memory]") {
  Trials trials;
  for (const double batch : {16, 32, 64, 128, 256}) {
    trials.ended(network(batch, 256, 2), network_bytes(batch, 256, 2));
  }
  CHECK(!trials.model().capacity());
  CHECK(!trials.model().judge(network(4096, 8192, 32)).refused);
  CHECK(trials.model(10 * kGiB).capacity() == 10 * kGiB);
  Trials unknown = trials;
  const MemoryModel by_failure = unknown.ran_out(network(2048, 4096, 8)).model();
  CHECK(*by_failure.capacity() == Approx(*by_failure.judge(network(2048, 4096, 8)).predicted));
  CHECK(trials.ran_out(network(2048, 4096, 8), 24 * kGiB).model().capacity() == 24 * kGiB);
}

TEST_CASE("what ran out on a smaller card is not refused on a larger one", "[memory]") {
  Trials trials;
  trials.ended(network(16, 64, 2)).ran_out(network(512, 1024, 8), 24 * kGiB);
  CHECK(trials.model(24 * kGiB).judge(network(512, 1024, 8)).refused);
  CHECK(!trials.model(80 * kGiB).judge(network(512, 1024, 8)).refused);
  CHECK(trials.model(16 * kGiB).judge(network(512, 1024, 8)).refused);
}

TEST_CASE("of two points the one that needs less memory is known also without a fit", "[memory]") {
  const MemoryModel model = Trials().ran_out(network(8, 16, 1)).model();
  CHECK(model.need(network(8, 16, 1)) < model.need(network(16, 16, 1)));
  CHECK(model.need(network(8, 16, 1)) < model.need(network(8, 16, 2)));
}
