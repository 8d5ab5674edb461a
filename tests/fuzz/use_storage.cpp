// SPDX-License-Identifier: MIT
#include "fuzz/use_storage.hpp"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "bluefin/pruners/median.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "bluefin/study.hpp"
#include "bluefin/transfer.hpp"

namespace bluefin::fuzz {
namespace {

// All that was read is looked at: by a sanitizer too.
std::size_t look_at(const FrozenTrial& trial) {
  std::size_t n = trial.user_attrs.size() + trial.reports.size() + trial.values.size();
  for (const TrialParam& param : trial.params) {
    n += param.spec->name.size();
    static_cast<void>(to_external(param.spec->distribution, param.value));
  }
  n += trial.constraints().size();
  for (const Attribute& attribute : trial.system_attrs) n += attribute.value.text().size();
  return n;
}

void run_trials(Study& study, bool clean) {
  for (int i = 0; i < 2; ++i) {
    attempt("a trial", clean, [&] {
      Trial trial = study.ask_to_run();
      double value = 0.0;
      attempt("suggest_float", false, [&] { value += trial.suggest_float("lr", 1e-5, 1.0, {.log = true}); });
      attempt("suggest_int", false, [&] { value += static_cast<double>(trial.suggest_int("n", 1, 9)); });
      attempt("suggest_categorical", false, [&] { trial.suggest_categorical("kind", {"a", "b"}); });
      attempt("report", false, [&] {
        if (study.directions().size() != 1) return;
        trial.report(value, 1);
        static_cast<void>(trial.should_prune());
      });
      attempt("flush", false, [&] { study.flush(trial); });
      study.tell(trial, std::vector<double>(study.directions().size(), value));
    });
  }
}

}  // namespace

void broken(const std::string& what) {
  std::fprintf(stderr, "broken: %s\n", what.c_str());
  std::abort();
}

void use_storage(const std::string& url, bool clean) {
  std::shared_ptr<Storage> storage;
  if (!attempt("open", clean, [&] { storage = open_storage(url); })) return;
  attempt("summaries", clean, [&] { static_cast<void>(study_summaries(storage)); });
  std::vector<std::string> names;
  attempt("names", clean, [&] { names = study_names(*storage); });
  if (names.size() > 4) names.resize(4);
  for (const std::string& name : names) {
    attempt("a study", clean, [&] {
      StorageCursor whole;
      StorageCursor part;
      part.whole = false;
      // A name that is listed may still not be found: as text of another kind, say, or with a NUL in it.
      const auto found = storage->find_study(name);
      if (!found) return;
      const StudyId id = found->id;
      const bool readable = attempt("read", clean, [&] {
        for (const auto& trial : storage->changes_since(id, whole).finished) look_at(*trial);
        static_cast<void>(storage->changes_since(id, part));
      });
      attempt("lost", clean, [&] { static_cast<void>(storage->lost_trials(id, std::chrono::seconds(60))); });
      attempt("trial by id", clean, [&] { static_cast<void>(storage->find_trial(TrialId{1})); });

      Study study = load_study({.name = name,
                                .sampler = make_sampler(TpeOptions{.n_startup_trials = 2}),
                                .pruner = make_pruner(MedianOptions{.n_startup_trials = 1}),
                                .seed = 1,
                                .open_storage = storage});
      for (const auto& trial : study.trials()) look_at(*trial);
      // What the study's rows allow need not be what this objective asks for; reading must go on to work all the same.
      run_trials(study, false);
      attempt("repair", clean, [&] { study.fail_lost_trials(1, std::chrono::seconds(60)); });
      if (readable) attempt("read what came", clean, [&] { static_cast<void>(storage->changes_since(id, part)); });
      attempt("best", clean, [&] { static_cast<void>(study.best_trials()); });
    });
    attempt("config", false, [&] { static_cast<void>(load_study({.name = name, .open_storage = storage}).seed()); });
  }
  attempt("export", false, [&] {
    std::ostringstream out;
    export_studies(url, out);
  });
  attempt("delete", clean, [&] {
    for (const StudyRecord& study : storage->list_studies()) storage->delete_study(study.id);
  });
}

}  // namespace bluefin::fuzz
