// SPDX-License-Identifier: MIT
#include "study/study_impl.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/rules.hpp"
#include "study/joint_point.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRefreshIntervalMs = 100;
constexpr std::int64_t kHintsIntervalMs = 1000;
constexpr std::int64_t kSearchIntervalMs = 1000;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

// Whether a sampler may have chosen this value. Not whether it is on the grid of a step: far from `low` rounding alone
// takes it off.
bool in_range(const Distribution& distribution, double value) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) return f->low <= value && value <= f->high;
  if (std::rint(value) != value) return false;
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    return static_cast<double>(i->low) <= value && value <= static_cast<double>(i->high);
  }
  const auto n = std::get<CategoricalDistribution>(distribution).choices.size();
  return 0.0 <= value && value < static_cast<double>(n);
}

template <class Model, class Maker>
std::unique_ptr<Model> make_model(const Maker& maker, std::string_view what, const StudyInfo& info) {
  auto model = maker.make_model(info);
  if (!model) throw Error(ErrorCode::kInvalidArgument, fmt::format("{} '{}' made no model", what, maker.name()));
  return model;
}

}  // namespace

StudyImpl::StudyImpl(Parts parts)
    : storage(std::move(parts.storage)),
      id(parts.record.id),
      name(std::move(parts.record.name)),
      directions(std::move(parts.record.directions)),
      sampler(std::move(parts.sampler)),
      pruner(std::move(parts.pruner)),
      seed(parts.seed),
      packing_(dynamic_cast<PackedTrials*>(storage.get())),
      cache_(directions),
      hints_(resource_hints(parts.record.system_attrs)),
      models_(make_models()) {
  if (!hints_.empty()) cache_.want_memory();
}

StudyImpl::Models StudyImpl::make_models() const {
  const StudyInfo info{name, directions, seed, storage->is_shared()};
  return {make_model<SamplerModel>(*sampler, "sampler", info), make_model<PrunerModel>(*pruner, "pruner", info)};
}

double StudyImpl::sign(std::size_t objective) const {
  return directions[objective] == Direction::kMaximize ? -1.0 : 1.0;
}

// --- the cache -------------------------------------------------------------------------------------------------------

void StudyImpl::refresh(bool whole) {
  const std::lock_guard reading(refresh_mutex_);
  cursor_.whole = whole;
  {
    const std::lock_guard lock(mutex_);
    cursor_.told.insert(cursor_.told.end(), told_.begin(), told_.end());
    told_.clear();
  }
  Changes changes = storage->changes_since(id, cursor_);
  refreshed_ms_ = steady_ms();
  const bool any = changes.any;
  if (any || first_read_) apply(std::move(changes));
  if (any) read_hints_now_and_then();
}

// What other processes have said of memory (set_resource_hint): once in a second, where there is news at all. Whatever
// goes wrong is for the next call that needs the storage. One in Python is not asked so often: what it counts or raises
// is its own affair.
void StudyImpl::read_hints_now_and_then() {
  if (!storage->takes_background_writes() || steady_ms() - hints_read_ms_ < kHintsIntervalMs) return;
  hints_read_ms_ = steady_ms();
  ResourceHints hints;
  try {
    hints = resource_hints(storage->get_study(id).system_attrs);
  } catch (const Error&) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (hints == hints_) return;
  hints_ = std::move(hints);
  if (!hints_.empty()) cache_.want_memory();
  memory_version_.reset();
}

void StudyImpl::refresh_now_and_then() {
  if (steady_ms() - refreshed_ms_ >= kRefreshIntervalMs) refresh();
}

void StudyImpl::apply(Changes&& changes) {
  const std::lock_guard lock(mutex_);
  const auto is_foreign = [&](int number) {
    note_number(number);
    return !cache_.is_finished(number) && own_numbers_.count(number) == 0;
  };
  bool stranger = false;
  for (const auto& trial : changes.finished) {
    const bool foreign = is_foreign(trial->number);
    stranger = stranger || (foreign && !first_read_);
    add_finished(*trial);
  }
  for (const auto& trial : changes.unfinished) {
    const bool foreign = is_foreign(trial->number);
    stranger = stranger || (foreign && (!first_read_ || trial->state == TrialState::kRunning));
  }
  cache_.set_unfinished(std::move(changes.unfinished));
  // Somebody else works on this study: from now on this process draws from streams of its own.
  if (stranger && nonce_ == 0) nonce_ = random_seed() | 1U;
  first_read_ = false;
}

void StudyImpl::add_finished(const FrozenTrial& trial) {
  cache_.add_finished(trial);
  note_finished(trial.number);
}

void StudyImpl::note_finished(int number) {
  own_numbers_.erase(number);
  note_number(number);
}

void StudyImpl::read_anew() {
  Models models = make_models();
  const std::scoped_lock lock(refresh_mutex_, mutex_);
  cursor_ = {};
  told_.clear();
  cache_ = TrialCache(directions);
  if (!hints_.empty()) cache_.want_memory();
  memory_version_.reset();
  models_ = std::move(models);
  first_read_ = true;
}

void StudyImpl::update_pending() {
  std::vector<PendingTrial> pending;
  const auto spec_of = [&](std::string_view param) { return cache_.history().first_spec(param); };
  const auto losses = [&](std::vector<Report> reports) {
    for (auto& report : reports) report.value *= sign(0);
    return reports;
  };
  for (const auto& [number, trial] : cache_.unfinished()) {
    if (trial->state != TrialState::kRunning || live_.count(number) != 0) continue;
    pending.push_back({number, known_point(*trial, spec_of), losses(trial->reports)});
  }
  for (const auto& [number, live] : live_) {
    const std::lock_guard lock(live->mutex);
    if (live->told) continue;
    PendingTrial trial{number, live->trial.params, live->losses};
    for (const auto& param : live->joint) {
      if (live->trial.find_param(param.spec->name) == nullptr) trial.params.push_back(param);
    }
    pending.push_back(std::move(trial));
  }
  for (const auto& [number, params] : drafts_) pending.push_back({number, params, {}});
  std::sort(pending.begin(), pending.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  cache_.history().set_pending(std::move(pending));
}

HistoryView StudyImpl::view() {
  const std::lock_guard lock(mutex_);
  update_pending();
  return cache_.history().view();
}

std::vector<FrozenTrialPtr> StudyImpl::trials(const std::function<bool(TrialState)>& wanted) {
  refresh(true);
  std::vector<TrialCache::Known> known;
  {
    const std::lock_guard lock(mutex_);
    std::map<int, FrozenTrialPtr> running = cache_.unfinished();
    for (const auto& [number, live] : live_) {
      const std::lock_guard live_lock(live->mutex);
      if (live->told) continue;
      FrozenTrialPtr& shown = running[number];
      shown = std::make_shared<const FrozenTrial>(shown && runs_anywhere(*live) ? with_unwritten(*shown, *live)
                                                                                : live->trial);
    }
    known = cache_.trials(running);
  }
  std::vector<FrozenTrialPtr> result;
  result.reserve(known.size());
  for (const auto& trial : known) {
    if (!wanted || wanted(trial.state())) result.push_back(trial.trial());
  }
  return result;
}

std::optional<FrozenTrial> StudyImpl::best_trial() {
  refresh();
  const std::lock_guard lock(mutex_);
  const FrozenTrialPtr best = cache_.best();
  return best ? std::optional(*best) : std::nullopt;
}

bool StudyImpl::has_complete_trial() {
  const std::lock_guard lock(mutex_);
  const auto states = cache_.history().view().states();
  return std::find(states.begin(), states.end(), TrialState::kComplete) != states.end();
}

void StudyImpl::note_own(int number) {
  const std::lock_guard lock(mutex_);
  own_numbers_.insert(number);
  note_number(number);
}

void StudyImpl::note_number(int number) { first_free_ = std::max(first_free_, number + 1); }

// The waiting trial that is next, or a new one; but no number that another thread expects.
int StudyImpl::expected_number() const {
  for (const auto& [number, trial] : cache_.unfinished()) {
    const bool waits = trial->state == TrialState::kWaiting && !cache_.is_finished(number) && !live_.contains(number);
    if (waits && !drafts_.contains(number)) return number;
  }
  int number = first_free_;
  while (drafts_.contains(number)) ++number;
  return number;
}

void StudyImpl::forget_own(int number) {
  // One entry only: two threads may have expected each other's number.
  if (const auto it = own_numbers_.find(number); it != own_numbers_.end()) own_numbers_.erase(it);
}

// --- a trial begins --------------------------------------------------------------------------------------------------

StudyImpl::Draft StudyImpl::draw() {
  Draft draft;
  HistoryView history;
  std::shared_ptr<SamplerModel> model;
  if (drawing_ == std::this_thread::get_id()) {
    throw Error(ErrorCode::kConflict,
                fmt::format("study '{}': a trial is asked for while its sampler is drawing another "
                            "one; a sampler cannot ask its own study",
                            name));
  }
  const std::lock_guard draw_lock(draw_mutex_);
  struct Drawing {
    explicit Drawing(std::atomic<std::thread::id>& thread) : thread_(thread) { thread_ = std::this_thread::get_id(); }
    Drawing(const Drawing&) = delete;
    Drawing& operator=(const Drawing&) = delete;
    ~Drawing() { thread_ = std::thread::id(); }
    std::atomic<std::thread::id>& thread_;
  } const drawing(drawing_);
  {
    const std::lock_guard lock(mutex_);
    update_pending();
    draft.expected = expected_number();
    drafts_[draft.expected];
    if (const auto found = used_streams_.find(draft.expected); found != used_streams_.end()) {
      draft.used = found->second;
    }
    own_numbers_.insert(draft.expected);
    draft.nonce = nonce_;
    history = cache_.history().view();
    model = models_.sampler;
    draft.memory = memory();
  }
  Rng rng(seed, static_cast<std::uint64_t>(draft.expected), draft.nonce,
          draft.used == 0 ? std::string() : fmt::format("\n{}", draft.used));
  try {
    if (draft.memory) {
      draft.joint = draw_within_memory(*model, history, draft, rng);
    } else if (const std::vector<SearchSpace> spaces = model->joint_spaces(history); !spaces.empty()) {
      draft.joint = model->suggest_joint({history, draft.expected, rng, {}, nullptr}, spaces);
    }
  } catch (...) {
    // A function of the user's has failed, say. As in Optuna that is an error of the trial, which there asks no sooner.
    draft.error = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  drafts_[draft.expected] = draft.joint.params;
  return draft;
}

namespace {

// What was queued is what the trial will have; a value that its parameter cannot take is an error, or a warning, when
// the parameter is asked for.
void replace_by_fixed(LiveTrial& live) {
  for (const auto& [name, value] : live.fixed) {
    for (TrialParam& param : live.joint) {
      if (param.spec->name != name) continue;
      try {
        const double canonical = to_canonical(param.spec->distribution, value);
        if (contains(param.spec->distribution, canonical)) param.value = canonical;
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace

std::shared_ptr<LiveTrial> StudyImpl::begin(Draft draft, FrozenTrial started, bool owned) {
  const auto live = make_live(std::move(started), draft.nonce);
  live->joint = std::move(draft.joint.params);
  replace_by_fixed(*live);
  live->joint_error = std::move(draft.error);
  live->memory = std::move(draft.memory);
  live->refused = std::move(draft.refused);
  live->owned = owned;

  const std::lock_guard lock(mutex_);
  const int number = live->trial.number;
  if (number != draft.expected) {
    // Somebody else was faster, or has queued a trial meanwhile: the point is kept all the same, and its random numbers
    // do not come again.
    forget_own(draft.expected);
    own_numbers_.insert(number);
  }
  // A queued trial may still be read as waiting when another thread asks.
  if (number != draft.expected || number < first_free_) ++used_streams_[draft.expected];
  drafts_.erase(draft.expected);
  note_number(number);
  live_[number] = live;
  if (owned && storage->takes_background_writes()) flush_thread_.wake();
  return live;
}

void StudyImpl::drop(const Draft& draft) {
  const std::lock_guard lock(mutex_);
  forget_own(draft.expected);
  drafts_.erase(draft.expected);
}

std::shared_ptr<LiveTrial> StudyImpl::ask(bool owned) {
  refresh();
  Draft draft = draw();
  FrozenTrial started;
  try {
    started = storage->start_trial(id, {std::move(draft.joint.system_attrs), owned});
  } catch (...) {
    drop(draft);
    throw;
  }
  return begin(std::move(draft), std::move(started), owned);
}

std::shared_ptr<LiveTrial> StudyImpl::make_live(FrozenTrial trial, std::uint64_t nonce) const {
  auto live = std::make_shared<LiveTrial>();
  live->trial = std::move(trial);
  live->nonce = nonce;
  live->written = Clock::now();
  live->dirty = nothing_of(live->trial);
  live->fixed = fixed_params(live->trial);
  for (const auto& report : live->trial.reports) {
    live->losses.push_back({report.step, sign(0) * report.value});
  }
  return live;
}

std::shared_ptr<LiveTrial> StudyImpl::resume(int number) {
  refresh(true);
  const std::lock_guard lock(mutex_);
  if (const auto it = live_.find(number); it != live_.end()) return it->second;
  const auto known = cache_.find(number);
  if (!known || known->state == TrialState::kWaiting) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("trial {} of study '{}' {}, it cannot be resumed", number,
                                                         name, known ? "is still waiting" : "does not exist"));
  }
  auto live = make_live(*known, nonce_);
  live->told = is_finished(known->state);
  if (live->told) return live;
  live->joint = known_point(*known, [&](std::string_view param) { return cache_.history().first_spec(param); });
  live_[number] = live;
  return live;
}

double StudyImpl::suggest(LiveTrial& live, std::string_view param, const Distribution& distribution,
                          std::optional<double> chosen) {
  ParamSpecPtr spec;
  ParamSpecPtr first;
  {
    const std::lock_guard lock(mutex_);
    first = cache_.history().first_spec(param);
    spec = first && first->distribution == distribution ? first : cache_.history().intern(param, distribution);
  }
  if (first) check_compatible(param, first->distribution, distribution);

  // Only this thread changes the trial's parameters, so they may be read between the locks.
  const auto value = [&]() -> double {
    for (const auto& [name_, fixed] : live.fixed) {
      if (name_ != param) continue;
      const double canonical = to_canonical(distribution, fixed);
      if (!contains(distribution, canonical)) {
        log(LogLevel::kWarning, fmt::format("fixed parameter '{}' with value {} is out of range for distribution {}",
                                            param, to_string(fixed), to_string(distribution)));
      }
      return canonical;
    }
    if (is_single(distribution)) {
      if (const auto* f = std::get_if<FloatDistribution>(&distribution)) return f->low;
      if (const auto* i = std::get_if<IntDistribution>(&distribution)) return static_cast<double>(i->low);
      return 0.0;
    }
    if (chosen) return *chosen;
    if (live.joint_error) std::rethrow_exception(std::exchange(live.joint_error, nullptr));
    for (const auto& joint : live.joint) {
      if (joint.spec->name != param) continue;
      check_compatible(param, joint.spec->distribution, distribution);
      if (contains(distribution, joint.value)) return joint.value;
    }
    const HistoryView history = view();
    Rng rng(seed, static_cast<std::uint64_t>(live.trial.number), live.nonce, param);
    const std::shared_ptr<SamplerModel> model = model_of_sampler();
    const SuggestRequest request{history, live.trial.number, rng, live.trial.params, nullptr};
    const bool may_be_too_large = live.memory && live.memory->matters(param);
    const double drawn = may_be_too_large ? draw_parameter_within_memory(*model, request, live, spec)
                                          : model->suggest_parameter(request, spec);
    if (in_range(distribution, drawn)) return drawn;
    throw Error(ErrorCode::kInternal, fmt::format("sampler '{}' suggested {} for '{}', which is not a value of {}",
                                                  sampler->name(), drawn, param, to_string(distribution)));
  }();

  {
    const std::lock_guard lock(mutex_);
    cache_.history().note_spec(spec);
  }
  const std::lock_guard lock(live.mutex);
  live.trial.params.push_back({spec, value});
  live.dirty.params.push_back({spec, value});
  return value;
}

bool StudyImpl::should_prune(LiveTrial& live) {
  if (live.losses.empty()) return false;
  refresh_now_and_then();
  HistoryView history;
  std::shared_ptr<PrunerModel> model;
  {
    const std::lock_guard lock(mutex_);
    if (pruner->needs_running_peers()) update_pending();
    history = cache_.history().view();
    model = models_.pruner;
  }
  return model->should_prune({history, live.trial.number, live.losses});
}

std::shared_ptr<SamplerModel> StudyImpl::model_of_sampler() {
  const std::lock_guard lock(mutex_);
  return models_.sampler;
}

// --- trials that nobody runs any more --------------------------------------------------------------------------------

std::vector<FrozenTrial> StudyImpl::fail_lost(int retry, std::optional<std::chrono::seconds> grace) {
  searched_ms_ = steady_ms();
  auto failed = storage->fail_lost_trials(id, retry, grace);
  for (const auto& trial : failed) {
    const Json* why = find_attribute(trial.user_attrs, "bluefin:error");
    log(LogLevel::kWarning, fmt::format("trial {} of study '{}' was running and has failed: {}", trial.number, name,
                                        why == nullptr ? "" : why->as_string().value_or("")));
  }
  return failed;
}

bool StudyImpl::searched_long_ago() const { return steady_ms() - searched_ms_ >= kSearchIntervalMs; }

void StudyImpl::fail_lost_now_and_then(int retry) {
  if (!searched_long_ago()) return;
  try {
    fail_lost(retry, {});
  } catch (const Error& e) {
    // Whoever works on trials of his own meets the error with them, if it lasts.
    log(LogLevel::kWarning, fmt::format("study '{}': lost trials were not looked for: {}", name, e.what()));
  }
}

bool StudyImpl::queue_again(const FrozenTrial& failed, int retry) {
  const auto again = storage_rules::retried(failed, retry);
  if (!again) return false;
  for (const auto& stored : storage->add_trials(id, {&*again, 1})) {
    note_own(stored.number);
    log(LogLevel::kInfo,
        fmt::format("trial {} of study '{}' is queued again, as trial {}", failed.number, name, stored.number));
  }
  refresh();
  return true;
}

}  // namespace bluefin
