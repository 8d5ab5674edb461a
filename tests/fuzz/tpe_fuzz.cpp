// SPDX-License-Identifier: MIT
// Studies of TPE as nobody runs them: the bytes are a space, options, trials that begin, end and come by the hundred,
// and suggestions in between. A suggestion lies inside of its distribution; what the model learned step by step is what
// it learns at once; scores are finite; the chosen candidate is the one of the best score; and each instruction set
// finds the same sums.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/history.hpp"
#include "fuzz/tpe_input.hpp"
#include "fuzz/use_storage.hpp"
#include "samplers/prior.hpp"
#include "samplers/tpe/acquisition.hpp"
#include "samplers/tpe/space_model.hpp"

using namespace bluefin;
using fuzz::broken;
using fuzz::Input;

namespace {

constexpr std::size_t kMaxRows = 1500;
constexpr int kMaxSteps = 120;

std::string text_of(const TrialParam& param) {
  return param.spec->name + " = " + Json(param.value).text() + " of " + to_json(param.spec->distribution);
}

std::string text_of(const tpe::Space& space, const std::vector<double>& points, std::size_t i) {
  std::string text;
  for (std::size_t j = 0; j < space.size(); ++j) text += text_of({space[j], points[i * space.size() + j]}) + "; ";
  return text;
}

void check_inside(const TrialParam& param) {
  const Distribution& distribution = param.spec->distribution;
  bool inside = contains(distribution, param.value);
  if (const auto* f = std::get_if<FloatDistribution>(&distribution); f != nullptr && f->step > 0.0) {
    // contains() asks for 1e-8 of a step, which a fine grid far from 0 does not have.
    const double k = std::nearbyint((param.value - f->low) / f->step);
    const double digits = 8.0 * std::numeric_limits<double>::epsilon();
    inside = f->low <= param.value && param.value <= f->high &&
             (!std::isfinite(k) ||
              std::abs(param.value - f->low - k * f->step) <= digits * std::max(std::abs(f->low), std::abs(f->high)));
  }
  if (!inside) broken("outside of its distribution: " + text_of(param));
}

// --- the scores ------------------------------------------------------------------------------------------------------

bool near(double a, double b, double tolerance) {
  return a == b || std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

// Learned step by step as at once.
void check_same(const tpe::Space& space, tpe::ParzenEstimator& known, tpe::ParzenEstimator& fresh) {
  if (known.size() != fresh.size()) broken("another number of kernels");
  if (known.kernel_weights() != fresh.kernel_weights()) broken("other weights");
  for (std::size_t j = 0; j < space.size(); ++j) {
    const auto a = known.numeric_kernels(j);
    const auto b = fresh.numeric_kernels(j);
    if (a.has_value() != b.has_value()) broken("another kind of parameter");
    if (!a) continue;
    for (std::size_t k = 0; k < a->mu.size(); ++k) {
      if (a->mu[k] != b->mu[k] || !near(a->sigma[k] / b->sigma[k], 1.0, 1e-12)) {
        broken("kernel " + std::to_string(k) + " of " + std::to_string(known.size()) + " has mu " +
               std::to_string(a->mu[k]) + " and sigma " + std::to_string(a->sigma[k]) + ", at once " +
               std::to_string(b->mu[k]) + " and " + std::to_string(b->sigma[k]) + ": " +
               to_json(space[j]->distribution));
      }
    }
  }
}

void check_scores(const tpe::Space& space, tpe::SpaceModel& known, tpe::SpaceModel& fresh, std::size_t n, bool finite) {
  check_same(space, known.l(), fresh.l());
  check_same(space, known.g(), fresh.g());
  Rng rng(n);
  Rng again(n);
  const std::vector<double> points = known.l().sample(n, rng);
  std::vector<double> score(n);
  for (const bool good : {true, false}) {
    tpe::ParzenEstimator& p = good ? known.l() : known.g();
    const std::vector<double> exact = p.log_pdf(points);
    const std::vector<double> at_once = (good ? fresh.l() : fresh.g()).log_pdf(points);
    std::vector<double> rough_error;
    std::vector<double> nearest_error;
    const std::vector<double> rough = p.log_pdf(points, 0.01, &rough_error);
    const std::vector<double> nearest = p.log_pdf(points, tpe::ParzenEstimator::kNearest, &nearest_error);
    for (std::size_t i = 0; i < n; ++i) {
      const bool may_be_0 = !finite && exact[i] == -std::numeric_limits<double>::infinity();
      if (!std::isfinite(exact[i]) && !may_be_0) {
        broken("log p = " + std::to_string(exact[i]) + " of " + std::to_string(p.size()) +
               " kernels: " + text_of(space, points, i));
      }
      if (!near(exact[i], at_once[i], 1e-9)) {
        broken("log p = " + std::to_string(exact[i]) + ", of what was learned at once " + std::to_string(at_once[i]));
      }
      const double slack = 1e-9 * std::max(1.0, std::abs(exact[i]));
      if (rough[i] > exact[i] + slack || rough[i] + rough_error[i] < exact[i] - slack || rough_error[i] > 0.03) {
        broken("log p = " + std::to_string(exact[i]) + ", to 1 % " + std::to_string(rough[i]) + " and at most " +
               std::to_string(rough_error[i]) + " more");
      }
      if (nearest[i] > exact[i] + slack || nearest[i] + nearest_error[i] < exact[i] - slack) {
        broken("log p = " + std::to_string(exact[i]) + ", of what is near " + std::to_string(nearest[i]) +
               " and at most " + std::to_string(nearest_error[i]) + " more");
      }
      score[i] += good ? exact[i] : -exact[i];
    }
  }
  const std::vector<double> best = tpe::best_candidate(known.l(), known.g(), n, again, {});
  double largest = -std::numeric_limits<double>::infinity();
  double found = largest;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isnan(score[i])) continue;  // 0 / 0: without a prior
    largest = std::max(largest, score[i]);
    const double* point = points.data() + i * space.size();
    if (std::equal(best.begin(), best.end(), point)) found = std::max(found, score[i]);
  }
  if (!near(found, largest, 1e-8)) {
    broken("a score of " + std::to_string(found) + " was chosen, the best has " + std::to_string(largest));
  }
}

// --- the study -------------------------------------------------------------------------------------------------------

class FuzzedStudy {
 public:
  FuzzedStudy(Input& input, fuzz::TpeCase made)
      : input_(input),
        case_(std::move(made)),
        k_(1 + (input.below(4) == 0 ? input.below(3) : 0)),
        history_(std::vector<Direction>(k_, Direction::kMinimize)),
        split_(case_.options.gamma ? case_.options.gamma
                                   : tpe::default_gamma(k_, static_cast<std::size_t>(case_.options.gamma_limit))) {
    model_ = make_sampler(case_.options)
                 ->make_model({"fuzz", std::vector<Direction>(k_, Direction::kMinimize), 1, input.below(2) == 0});
    const std::size_t d = 1 + input.below(input.below(4) == 0 ? 12 : 4);
    for (std::size_t j = 0; j < d; ++j) space_.push_back(spec("p" + std::to_string(j), fuzz::read_distribution(input)));
    above_.prior_weight = case_.options.prior_weight;
    above_.bandwidths = {case_.options.consider_magic_clip, case_.options.consider_endpoints};
    if (!case_.bad_weights) above_.weights = case_.options.weights;
    for (const auto& param : space_) {
      if (!is_single(param->distribution)) known_space_.push_back(param);
    }
    if (!known_space_.empty()) known_ = std::make_unique<tpe::SpaceModel>(known_space_, above_, above_);
  }

  void run() {
    for (int step = 0; step < kMaxSteps && !input_.done() && history_.size() < kMaxRows; ++step) one_step();
    for (int i = 0; i < 2; ++i) suggest();
    if (known_ == nullptr) return;
    follow();
    tpe::SpaceModel fresh(known_space_, above_, above_);
    const HistoryView history = history_.view();
    tpe::Split split = split_;
    fresh.follow(split, history);
    if (case_.options.constant_liar) fresh.set_running(history.pending(), split, n_);
    check_scores(known_space_, *known_, fresh, static_cast<std::size_t>(case_.options.n_ei_candidates),
                 case_.options.prior_weight > 0.0);
  }

 private:
  ParamSpecPtr spec(const std::string& name, const Distribution& distribution) {
    return history_.intern(name, distribution);
  }

  void one_step() {
    switch (input_.below(9)) {
      case 0:
        finish(read_trial());
        break;
      case 1:
        burst(1 + input_.byte());
        break;
      case 2:
        if (pending_.size() < 8) pending_.push_back({n_++, read_trial().params, {}});
        break;
      case 3:
        finish_pending();
        break;
      case 4: {
        ParamSpecPtr& changed = space_[input_.below(256) % space_.size()];
        changed = spec(changed->name, fuzz::read_other_range(input_, changed->distribution));
        break;
      }
      case 5:
        follow();
        break;
      default:
        suggest();
    }
    history_.set_pending(pending_);
  }

  FrozenTrial read_trial() {
    FrozenTrial trial;
    const std::size_t missing = input_.below(4) == 0 ? input_.byte() : 0;
    for (std::size_t j = 0; j < space_.size(); ++j) {
      if ((missing >> (j % 8U) & 1U) != 0) continue;
      trial.params.push_back({space_[j], fuzz::read_value(input_, space_[j]->distribution)});
    }
    return trial;
  }

  // Gives the trial an end; a number too unless it has one.
  void finish(FrozenTrial trial) {
    if (trial.number < 0) trial.number = n_++;
    switch (input_.below(8)) {
      case 0:
      case 1:
        trial.state = TrialState::kPruned;
        for (std::size_t i = input_.below(3); i > 0; --i) {
          const auto step =
              static_cast<std::int64_t>(trial.reports.size()) + static_cast<std::int64_t>(input_.below(2));
          trial.reports.push_back(
              {trial.reports.empty() ? step : trial.reports.back().step + 1 + step, fuzz::read_loss(input_)});
        }
        break;
      case 2:
        trial.state = TrialState::kFail;
        break;
      default:
        trial.state = TrialState::kComplete;
        for (std::size_t i = 0; i < k_; ++i) {
          const double loss = fuzz::read_loss(input_);
          trial.values.push_back(std::isnan(loss) ? 0.0 : loss);  // a value of NaN fails its trial
        }
    }
    if (input_.below(5) == 0) {
      trial.system_attrs.push_back({"constraints:c", Json(fuzz::read_loss(input_))});
    }
    history_.append(trial);
  }

  void finish_pending() {
    if (pending_.empty()) return;
    const std::size_t at = input_.below(256) % pending_.size();
    FrozenTrial trial;
    trial.number = pending_[at].number;
    trial.params = pending_[at].params;
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(at));
    finish(std::move(trial));
  }

  // Many trials at once, drawn uniformly; some of a parameter's values may be all the same.
  void burst(std::size_t n) {
    const std::size_t style = input_.byte();
    Rng rng(style);
    for (std::size_t i = 0; i < n && history_.size() < kMaxRows; ++i) {
      FrozenTrial trial;
      trial.number = n_++;
      trial.state = TrialState::kComplete;
      for (std::size_t j = 0; j < space_.size(); ++j) {
        double value = draw_prior(space_[j]->distribution, rng);
        if ((style & 1U) != 0 && rng.below(2) == 0 && !trial.params.empty())
          value = only_value(space_[j]->distribution);
        trial.params.push_back({space_[j], value});
      }
      for (std::size_t k = 0; k < k_; ++k) {
        trial.values.push_back((style & 6U) != 0 ? rng.uniform() : static_cast<double>(rng.below(3)));
      }
      history_.append(trial);
    }
  }

  void suggest() {
    const HistoryView history = history_.view();
    const std::size_t how = input_.byte();
    const FeasibilityFilter filter = [how](std::span<const TrialParam> params) {
      return (how & 8U) == 0 && std::signbit(params.back().value) == ((how & 16U) == 0);
    };
    const int number = n_++;
    Rng rng(how, static_cast<std::uint64_t>(number), 0);
    const FeasibilityFilter* feasible = (how & 7U) == 0 ? &filter : nullptr;
    FrozenTrial trial;
    try {
      const auto spaces = model_->joint_spaces(history);
      std::vector<TrialParam> joint;
      if (!spaces.empty()) joint = model_->suggest_joint({history, number, rng, {}, feasible}, spaces).params;
      for (const TrialParam& param : joint) check_inside(param);
      for (const ParamSpecPtr& param : space_) {
        const auto known = std::find_if(joint.begin(), joint.end(), [&](const TrialParam& other) {
          return other.spec->name == param->name && contains(param->distribution, other.value);
        });
        TrialParam chosen{param, 0.0};
        if (known != joint.end()) {
          chosen.value = known->value;
        } else {
          chosen.value = model_->suggest_parameter({history, number, rng, trial.params, feasible}, param);
          check_inside(chosen);
        }
        trial.params.push_back(chosen);
      }
    } catch (const Error& e) {
      if (!case_.bad_weights || e.code() != ErrorCode::kInvalidArgument) broken(std::string("refused: ") + e.what());
    }
    trial.number = number;
    finish(std::move(trial));
  }

  // The model that is looked into: l and g of one space, whatever the ranges are now.
  void follow() {
    if (known_ == nullptr) return;
    const HistoryView history = history_.view();
    split_.advance(history);
    known_->follow(split_, history);
    if (case_.options.constant_liar) known_->set_running(history.pending(), split_, n_);
  }

  Input& input_;
  fuzz::TpeCase case_;
  std::size_t k_;  // objectives
  History history_;
  std::vector<PendingTrial> pending_;
  std::unique_ptr<SamplerModel> model_;
  std::vector<ParamSpecPtr> space_;  // as the next trial has it
  int n_ = 0;                        // trials so far
  tpe::Split split_;
  tpe::ParzenOptions above_;
  tpe::Space known_space_;
  std::unique_ptr<tpe::SpaceModel> known_;
};

// --- the instruction sets --------------------------------------------------------------------------------------------

std::vector<const tpe::ScoreKernel*> kernels_here() {
  std::vector<const tpe::ScoreKernel*> kernels;
  for (const char* name : {"baseline", "avx2", "avx512"}) {
    try {
      kernels.push_back(&tpe::score_kernel(name));
    } catch (const Error&) {
      continue;  // not on this processor
    }
  }
  return kernels;
}

// Every instruction set sums the same kernels, as an estimator has them: positions of some ranges, constants of some
// dimensions, choices.
void check_instruction_sets(Input& input) {
  using Sums = std::array<tpe::Lanes, tpe::kCandidates>;
  const std::size_t n_continuous = 1 + input.below(6);
  const std::size_t n_categorical = input.below(3);
  const bool wide = input.below(2) == 0;
  const double spread = std::pow(2.0, static_cast<double>(input.below(7)));
  tpe::KernelStore store(n_continuous, n_categorical, 0, wide);
  const auto number = [&](double scale) { return scale * (static_cast<double>(input.byte()) / 127.5 - 1.0); };
  const std::size_t n = 1 + input.below(100);
  for (std::size_t k = 0; k < n; ++k) {
    store.append(static_cast<int>(k), static_cast<std::int32_t>(k));
    for (std::size_t j = 0; j < n_continuous; ++j) {
      store.cell(k, store.continuous_column(j)) = number(spread);
      if (wide) store.cell(k, store.continuous_column(j) + 1) = 0.01 + 0.99 * std::abs(number(1.0));
    }
    for (std::size_t j = 0; j < n_categorical; ++j) {
      store.cell(k, store.categorical_column(j)) = static_cast<double>(input.below(3));
    }
    store.set_constant(k, number(30.0));
    store.weight(k) = std::abs(number(1.0));
  }
  std::vector<double> x;
  std::vector<double> delta(n_categorical);
  std::array<double, tpe::kCandidates> offset{};
  const std::size_t n_columns = n_continuous + n_categorical;
  for (std::size_t at = 0; at < n_columns * tpe::kCandidates; ++at) {
    const bool choice = at >= n_continuous * tpe::kCandidates;
    x.insert(x.end(), tpe::kCopies, choice ? static_cast<double>(input.below(3)) : number(spread));
  }
  for (double& value : delta) value = std::abs(number(10.0));
  for (double& value : offset) value = number(30.0);
  std::vector<std::uint32_t> blocks;
  for (std::uint32_t b = 0; b < store.n_blocks(); b += 2) blocks.push_back(b);
  tpe::ScoreTask task = store.blocks();
  task.x = x.data();
  task.delta = delta.data();
  task.offset = offset.data();

  std::vector<Sums> all;
  for (const tpe::ScoreKernel* kernel : kernels_here()) {
    Sums& sums = all.emplace_back();
    kernel->add(task, sums[0].v);
    for (std::size_t i = 0; i < tpe::kCandidates; ++i) {
      kernel->add_listed(task, i, blocks.data(), blocks.size(), sums[i].v);
    }
    for (std::size_t i = 0; i < tpe::kCandidates; ++i) {
      for (std::size_t l = 0; l < tpe::kLanes; ++l) {
        const double a = all.front()[i].v[l];
        const double b = sums[i].v[l];
        if (!std::isfinite(b) || std::abs(a - b) > 1e-12 * a) {
          broken(std::string(kernel->name) + " sums " + std::to_string(std::log(b)) + ", baseline " +
                 std::to_string(std::log(a)));
        }
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_sink([](LogLevel, std::string_view) {});
  Input input(data, size);
  try {
    if (input.below(16) == 15) {
      check_instruction_sets(input);
      return 0;
    }
    fuzz::TpeCase made;
    std::unique_ptr<FuzzedStudy> study;
    made = fuzz::read_tpe_case(input);
    const bool refused = made.refused;
    try {
      study = std::make_unique<FuzzedStudy>(input, std::move(made));
    } catch (const Error& e) {
      // Options, or a distribution with an end or a step that is none.
      if (e.code() != ErrorCode::kInvalidArgument) throw;
      return 0;
    }
    if (refused) broken("options that no sampler can have were taken");
    study->run();
  } catch (const std::exception& e) {
    broken(std::string("an exception: ") + e.what());
  }
  return 0;
}
