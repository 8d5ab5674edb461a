# SPDX-License-Identifier: MIT
"""The median and the percentile pruner decide as Optuna's, report by report, on random curves.

Several trials of a study run at once. They report at gaps, twice, out of order, NaN and infinities, on a grid of few
values so that ties abound, and often exactly at the percentile that decides or one ulp beside it.
"""

import json
import math
import os
import pathlib
import random
import subprocess
import warnings

import numpy as np
import optuna
import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build")
TOOL = BUILD / "tests" / "tools" / "pruner_tool"

N_STUDIES = 50
N_TRIALS = 25  # of each study; 50 * 25 = 1,250 curves for each pruner


def random_options(rng, name):
    options = {
        "n_startup_trials": rng.choice([0, 1, 5, 5, 8]),
        "n_warmup_steps": rng.choice([0, 0, 0, 1, 4]),
        "interval_steps": rng.choice([1, 1, 1, 2, 3]),
        "n_min_trials": rng.choice([1, 1, 1, 2, 6]),
    }
    if name == "percentile":
        options["percentile"] = rng.choice([0.0, 10.0, 25.0, 33.3, 50.0, 66.6, 80.0, 100.0])
    return options


def random_steps(rng):
    n_steps = rng.randint(1, 12)
    steps = [step for step in range(n_steps) if rng.random() < 0.9] or [0]
    if rng.random() < 0.2:
        rng.shuffle(steps)
    if rng.random() < 0.1:
        steps.append(rng.choice(steps))
    return steps


def random_value(rng, finished, step, percentile):
    kind = rng.random()
    if kind < 0.04:
        return math.nan
    if kind < 0.07:
        return rng.choice([math.inf, -math.inf])
    if kind < 0.35:
        reported = [reports[step] for reports in finished if step in reports]
        limit = float(np.nanpercentile(reported, percentile)) if reported else math.nan
        if math.isfinite(limit):
            return rng.choice([limit, math.nextafter(limit, -math.inf), math.nextafter(limit, math.inf)])
    return rng.choice([rng.randint(0, 5) / 10, rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0) * 1e9])


def play(rng, name):
    """One study in Optuna: the line for the tool, and Optuna's decisions."""
    options = random_options(rng, name)
    direction = rng.choice(["minimize", "maximize"])
    pruner = {"median": optuna.pruners.MedianPruner, "percentile": optuna.pruners.PercentilePruner}[name](**options)
    study = optuna.create_study(direction=direction, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    percentile = options.get("percentile", 50.0)
    if direction == "maximize":
        percentile = 100 - percentile

    events, decisions = [], []
    finished = []  # the reports of COMPLETE trials
    running = []  # [trial, steps to come]
    n_started = 0
    while n_started < N_TRIALS or running:
        if n_started < N_TRIALS and len(running) < rng.randint(1, 3):
            running.append((study.ask(), random_steps(rng)))
            n_started += 1
        trial, steps = rng.choice(running)
        if steps:
            step = steps.pop(0)
            value = random_value(rng, finished, step, percentile)
            trial.report(value, step)
            events.append(["report", trial.number, step, value])
            decisions.append(bool(trial.should_prune()))
        else:
            # Whatever the pruner said: more trials that complete make more percentiles.
            state = rng.choice(["COMPLETE"] * 7 + ["PRUNED", "FAIL"])
            study.tell(trial, 0.0 if state == "COMPLETE" else None, state=optuna.trial.TrialState[state])
            if state == "COMPLETE":
                finished.append(study.trials[trial.number].intermediate_values)
            events.append(["tell", trial.number, state])
            running = [pair for pair in running if pair[0] is not trial]
    line = {"pruner": name, "options": options, "direction": direction, "events": events}
    return line, decisions


@pytest.mark.parametrize("name", ["median", "percentile"])
def test_decisions_are_optunas(name):
    rng = random.Random(20 + len(name))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy on NaN and infinities, optuna on steps reported twice
        played = [play(rng, name) for _ in range(N_STUDIES)]
    answers = subprocess.run(
        [TOOL], input="".join(json.dumps(line) + "\n" for line, _ in played), text=True, capture_output=True, timeout=60
    )
    assert answers.returncode == 0, answers.stderr
    lines = answers.stdout.splitlines()
    assert len(lines) == len(played)
    for (line, expected), answer in zip(played, lines):
        assert json.loads(answer) == expected, json.dumps(line)

    # Both answers were asked for often.
    all_decisions = [decision for _, decisions in played for decision in decisions]
    assert len(all_decisions) > 4000
    assert np.mean(all_decisions) > 0.05
