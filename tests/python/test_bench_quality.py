# SPDX-License-Identifier: MIT
"""bench/quality: the problems have the optima they state, and the score is what it is said to be. Without COCO."""

import json
import math
import re
import sys
import types
from pathlib import Path

import numpy
import pytest

import bluefin

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from quality import conditional, contestants, five, noise, pareto, report, runs, score  # noqa: E402
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
    for name in ("pareto-zdt1", "pareto-zdt3", "pareto-dtlz2", "pareto-dtlz2-of-two"):
        problem = PROBLEMS[name]
        line = runs.run("tpe", name, 1, 100)
        assert 0.0 < line["reached"][100] < problem.hypervolume


def test_with_noise_a_run_is_worth_what_its_trial_that_looks_best_is_without(monkeypatch):
    plain, noisy = PROBLEMS["five-d5-rosenbrock-i1"], PROBLEMS["five-d5-noise50-rosenbrock-i1"]
    assert noisy.group == "five-d5-noise50" and noisy.family == "five-d5-noise50-rosenbrock"
    left = noise.left_by_random_search(noisy)
    objective, same = noise.Noisy(noisy, 3), noise.Noisy(noisy, 3)
    point = runs.GivenTrial({name: 0.5 for name in noisy.space})
    values = [objective(point) for _ in range(500)]
    assert values == [same(point) for _ in range(500)]
    assert set(objective.without) == {plain.make()(point)}
    assert numpy.std(values) == pytest.approx(0.5 * left, rel=0.15)  # five standard errors

    made = []
    monkeypatch.setattr(runs, "Noisy", lambda *arguments: made.append(noise.Noisy(*arguments)) or made[-1])
    seen, make = [], runs._study_values

    def watched(*arguments):
        values, version = make(*arguments)
        seen.extend(values)
        return values, version

    monkeypatch.setattr(runs, "_study_values", watched)
    line = runs.run("random", noisy.name, 1, 30)
    assert line["reached"] == {30: made[0].without[seen.index(min(seen))]}
    assert line == runs.run("random", noisy.name, 1, 30) | {"seconds": line["seconds"]}


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


@pytest.mark.parametrize("function", five.FUNCTIONS, ids=lambda f: f.__name__)
def test_the_five_functions_have_the_optimum_they_state_and_their_instances_differ(function):
    for instance in five.INSTANCES:
        space, value, best = five.made(function, instance)
        assert len(space) == len(best) == five.D
        assert value(*best) == pytest.approx(0.0, abs=1e-9)
        for name, number in zip(space, best, strict=True):
            inside = number in space[name] if isinstance(number, str) else space[name][0] < number < space[name][1]
            assert inside, name
        raised = PROBLEMS[f"five-d5-raised-{function.__name__}-i{instance}"]
        at_best = runs.GivenTrial(dict(zip(space, best, strict=True)))
        assert raised.make()(at_best) == pytest.approx(raised.optimum(), abs=1e-9)
        assert abs(raised.optimum()) > 0.01
    middle = runs.GivenTrial({name: v[0] if isinstance(v[0], str) else 0.0 for name, v in space.items()})
    values = {PROBLEMS[f"five-d5-{function.__name__}-i{i}"].make()(middle) for i in five.INSTANCES}
    assert len(values) == len(five.INSTANCES) and min(values) > 0.0


# So that runs of peers, which are kept, stay comparable.
FIVE_AT_ONE_POINT = [66.45982914053322, 70936.89428112068, 101.62719509676216, 30217.197978012096, 14.61290251850939]


def test_the_instances_are_the_same_everywhere():
    at = {"x0": 1.0, "x1": -2.0, "x2": 0.5, "x3": 3.0, "x4": -4.0, "kind": "b", "mode": "q"}
    values = [PROBLEMS[f"five-d5-{f.__name__}-i3"].make()(runs.GivenTrial(at)) for f in five.FUNCTIONS]
    assert values == pytest.approx(FIVE_AT_ONE_POINT, rel=1e-12)


class LoopOfRandomPoints:
    """What bench/quality asks of a peer, without one."""

    def __init__(self, space, seed):
        self._space, self._rng, self.observed = space, numpy.random.default_rng(seed), []

    def suggest(self):
        return {
            name: str(self._rng.choice(v)) if isinstance(v[0], str) else float(self._rng.uniform(*v))
            for name, v in self._space.items()
        }

    def observe(self, point, value):
        self.observed.append((point, value))


def test_a_contestant_may_be_a_sampler_with_other_options():
    found = contestants.find("gp:prior=optuna+n_restarts=3+winsorise=false")
    assert not found.is_peer and not found.is_loop
    text = repr(found.sampler(7))
    assert "prior='optuna'" in text and "n_restarts=3" in text and "winsorise=False" in text
    assert contestants.find("gp") is contestants.CONTESTANTS["gp"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "no contestant 'nobody'; there are random, "),
        ("random:seed=3", "no contestant 'random:seed=3'"),
        ("gp:prior", "'prior', expected OPTION=VALUE"),
        ("gp:prior=best", "expected one of: lognormal, optuna"),
        ("gp:speed=3", "speed"),
    ],
)
def test_a_contestant_that_is_not_there_or_takes_no_such_option_is_an_error(name, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        contestants.find(name)



def test_a_peer_that_suggests_and_observes_is_run_on_the_same_problems(monkeypatch):
    module = types.ModuleType("quality.random_loop")
    loops = []
    module.Loop = lambda space, seed: loops.append(LoopOfRandomPoints(space, seed)) or loops[-1]
    module.VERSION = "7"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(contestants.CONTESTANTS, "loop", contestants.Contestant("random_loop", None, "", ".venv-none"))
    assert contestants.CONTESTANTS["loop"].is_loop and contestants.CONTESTANTS["loop"].is_peer
    line = runs.run("loop", "five-d5-mixed-i2", 1, 60)
    assert list(line["reached"]) == [30, 60] and line["version"] == "7"
    objective = PROBLEMS["five-d5-mixed-i2"].make()
    assert [objective(runs.GivenTrial(point)) for point, _ in loops[0].observed] == [v for _, v in loops[0].observed]
    assert line["reached"][60] == min(value for _, value in loops[0].observed)
    assert line["reached"] == runs.run("loop", "five-d5-mixed-i2", 1, 60)["reached"]


def test_a_point_outside_the_space_is_an_error():
    with pytest.raises(ValueError, match="x0 = 6.0, expected a number from -5 to 5"):
        runs.GivenTrial({"x0": 6.0}).suggest_float("x0", -5, 5)
    with pytest.raises(ValueError, match="kind = 'z', expected one of"):
        runs.GivenTrial({"kind": "z"}).suggest_categorical("kind", ("a", "b"))
