# SPDX-License-Identifier: MIT
"""bench/quality: the problems have the optima they state, and the score is what it is said to be. Without COCO."""

import json
import math
from pathlib import Path
import sys

import numpy
import pytest

import bluefin

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from quality import conditional, pareto, report, runs, score  # noqa: E402
from quality.suite import PROBLEMS  # noqa: E402

BEST = {
    conditional.branch: {"kind": "c", "c0": 2.0, "c1": 2.0, "c2": 2.0, "c3": 2.0},
    conditional.layers: {"layers": 3, "width0": 256, "width1": 64, "width2": 16},
    conditional.optimizer: {"optimizer": "sgd", "rate": 10**-1.5, "momentum": 0.9},
    conditional.tree: {"turn": 1, "turn_1": 0, "turn_1_0": 1, "x_1_0_1": 0.6},
    conditional.switch: {"on": True, "x0": 1.0, "x1": 1.0, "x2": 1.0},
    conditional.shared: {"kind": 0, "x0": 0.2, "x1": 0.8, "x2": 0.5, "extra": 0.7},
}


@pytest.mark.parametrize("function", conditional._FUNCTIONS, ids=lambda f: f.__name__)
def test_a_conditional_problem_is_zero_at_its_optimum_and_positive_elsewhere(function):
    assert function(bluefin.trial.FixedTrial(BEST[function])) == pytest.approx(0.0, abs=1e-12)
    study = bluefin.create_study(sampler=bluefin.samplers.RandomSampler(seed=1))
    study.optimize(function, n_trials=300)
    assert 0.0 < study.best_value < 2.0


def test_hypervolume_of_known_shapes():
    assert pareto.hypervolume([(0.5, 0.5)], (1.0, 1.0)) == pytest.approx(0.25)
    assert pareto.hypervolume([(0.0, 0.5), (0.5, 0.0), (0.6, 0.6)], (1.0, 1.0)) == pytest.approx(0.75)
    assert pareto.hypervolume([(2.0, 0.0)], (1.0, 1.0)) == 0.0
    assert pareto.hypervolume([(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)], (1.0, 1.0, 1.0)) == pytest.approx(0.125)
    assert pareto.hypervolume([(0, 0, 0.5), (0, 0.5, 0), (0.5, 0, 0)], (1, 1, 1)) == pytest.approx(0.875)
    f = numpy.linspace(0, 1, 2001)
    assert PROBLEMS["pareto-zdt1"].hypervolume == pytest.approx(
        pareto.hypervolume(numpy.stack([f, 1 - numpy.sqrt(f)], axis=1), (1.1, 6.0)), abs=1e-3
    )


def test_no_front_of_the_problems_is_beyond_the_hypervolume_that_they_state():
    for name in ("pareto-zdt1", "pareto-zdt3", "pareto-dtlz2"):
        problem = PROBLEMS[name]
        line = runs.run("tpe", name, 1, 100)
        assert 0.0 < line["reached"][100] < problem.hypervolume


def lines(values, name="conditional-tree", budget=30):
    return {(name, seed): {"reached": {budget: value}} for seed, value in enumerate(values)}


def test_the_score_is_the_geometric_mean_of_regrets_relative_to_the_median_of_random_search():
    results = {"random": lines([1.0, 2.0, 40.0]), "good": lines([0.2, 0.2, 0.2]), "same": lines([1.0, 2.0, 4.0])}
    regrets = score.log_regrets(results, 30)
    good = score.compare(regrets["good"], {})
    assert good.ratio == pytest.approx(0.1)
    assert good.low == pytest.approx(0.1) and good.high == pytest.approx(0.1)
    same = score.compare(regrets["same"], {})
    assert same.ratio == pytest.approx(1.0)
    assert 0.5 <= same.low < 1.0 < same.high <= 2.0
    assert (good.wins, good.ties, good.losses) == (3, 0, 0)
    against = score.compare(regrets["same"], regrets["good"])
    assert against.ratio == pytest.approx(10.0) and against.losses == 3


def test_families_count_alike_however_many_runs_they_have():
    many = lines([0.01] * 9, "conditional-tree") | lines([1.0], "conditional-branch")
    results = {"random": lines([1.0] * 9) | lines([1.0], "conditional-branch"), "it": many}
    found = score.compare(score.log_regrets(results, 30)["it"], {})
    assert found.ratio == pytest.approx(0.1)
    assert (found.n_families, found.n_runs) == (2, 10)


def test_what_has_found_the_optimum_counts_as_the_least_regret():
    results = {"random": lines([1.0]), "it": lines([0.0])}
    assert score.compare(score.log_regrets(results, 30)["it"], {}).ratio == pytest.approx(score.LEAST)


def test_runs_are_kept_and_found_again(tmp_path):
    path = tmp_path / "tpe.jsonl"
    problem = PROBLEMS["conditional-branch"]
    kept = runs.Results(path)
    assert not kept.has(problem, 1, 100)
    line = runs.run("tpe", problem.name, 1, 100)
    kept.add(line)
    assert kept.has(problem, 1, 100) and not kept.has(problem, 2, 100)
    assert not kept.has(problem, 1, 300)  # it was not that long
    again = runs.Results(path)
    assert again.runs == kept.runs and again.has(problem, 1, 100)
    assert json.loads(path.read_text())["version"] == bluefin.__version__
    assert runs.run("tpe", problem.name, 1, 100)["reached"] == line["reached"]  # the seed decides
    assert runs.run("tpe", problem.name, 2, 100)["reached"] != line["reached"]
    assert list(line["reached"]) == [30, 100]
    assert line["reached"][100] <= line["reached"][30] < math.inf


def test_the_table_names_who_and_how_often(tmp_path):
    results = {
        "random": {("conditional-tree", s): runs.run("random", "conditional-tree", s, 30) for s in (1, 2)},
        "tpe": {("conditional-tree", s): runs.run("tpe", "conditional-tree", s, 30) for s in (1, 2)},
    }
    text = report.table(results, "tpe")
    assert "after 30 trials" in text and "after 100 trials" not in text
    assert [line.split()[:3] for line in text.splitlines() if "tpe" in line][1:] == [
        ["problems", "contestant", "runs"],
        ["all", "tpe", "2"],
        ["conditional", "tpe", "2"],
    ]
