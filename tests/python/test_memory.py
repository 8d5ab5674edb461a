# SPDX-License-Identifier: MIT
"""Memory: what a finished trial keeps, and that a study gives back what it had. `make soak` measures a long study."""

import gc
import os
from pathlib import Path
import subprocess
import sys
import weakref

import pytest

import bluefin

SOAK = Path(__file__).resolve().parents[2] / "scripts" / "soak-python"


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    size = trial.suggest_int("size", 1, 64)
    value = x * x + size + "abc".index(trial.suggest_categorical("kind", ["a", "b", "c"]))
    for step in range(10):
        trial.report(value + 1 / (step + 1), step)
        if trial.should_prune():
            raise bluefin.TrialPruned
    return value


def soak(*options):
    return subprocess.run([sys.executable, str(SOAK), *options], capture_output=True, text=True, timeout=120)


def test_a_study_grows_by_a_few_kilobytes_a_trial():
    # Twice what it is: so short a study grows in leaps.
    done = soak("--n-trials", "2000", "--max-bytes", "5000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 2000 trials " in done.stdout


def test_the_soak_fails_when_trials_keep_too_much():
    done = soak("--n-trials", "500", "--n-jobs", "1", "--max-bytes=-1e9")
    assert done.returncode == 1 and done.stderr == ""
    assert "bytes for each trial after the first 100, at most -1000000000" in done.stdout


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_finished_trial_keeps_no_python_object(n_jobs):
    study = bluefin.create_study()
    study.optimize(objective, n_trials=200, n_jobs=n_jobs)
    gc.collect()
    before = sys.getallocatedblocks()
    study.optimize(objective, n_trials=1000, n_jobs=n_jobs)
    gc.collect()
    assert sys.getallocatedblocks() - before < 500  # one object each would be 1,000


def test_a_study_its_objective_and_its_sampler_end_together():
    class Objective:
        def __init__(self, study):
            self.study = study  # a cycle, as a closure makes one

        def __call__(self, trial):
            assert self.study is not None
            return objective(trial)

    class Sampler(bluefin.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            self.study = study

    study = bluefin.create_study(sampler=Sampler(seed=1))
    function = Objective(study)
    study.optimize(function, n_trials=20, callbacks=[lambda study, trial: study.trials])
    assert study.sampler.study is not None
    ends = [weakref.ref(study), weakref.ref(function), weakref.ref(study.sampler)]
    del study, function
    gc.collect()
    assert [end() for end in ends] == [None, None, None]


def test_the_memory_of_a_dropped_study_is_used_again():
    def resident():
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def run():
        study = bluefin.create_study(sampler=bluefin.samplers.RandomSampler(seed=1), pruner=bluefin.pruners.NopPruner())
        study.optimize(objective, n_trials=4000)

    run()
    run()
    before = resident()
    for _ in range(6):
        run()
    assert resident() - before < 8 * 2**20  # six studies that stay are 22 MiB


def test_a_sampler_class_that_a_function_makes_ends_with_its_study():
    def run():
        class Sampler(bluefin.samplers.RandomSampler):
            def after_trial(self, study, trial, state, values):
                pass

        bluefin.create_study(sampler=Sampler(seed=1)).optimize(objective, n_trials=2)
        return weakref.ref(Sampler)

    end = run()
    gc.collect()
    assert end() is None
