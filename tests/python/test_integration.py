# SPDX-License-Identifier: MIT
"""Samplers and pruners of Optuna in studies of bluefin, and the other way, against the same ones at home."""

import copy
import gc
import itertools
import pickle
import subprocess
import sys
import weakref

import numpy as np
import optuna
import pytest

import bluefin
from bluefin.integration import BluefinPruner
from bluefin.integration import BluefinSampler
from bluefin.integration import OptunaPruner
from bluefin.integration import OptunaSampler
from bluefin.integration._words import Words
from test_storages import storage  # the fixture: every kind of storage

pytestmark = [
    pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:.*constraints_func.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning"),
    pytest.mark.filterwarnings("ignore:c contains a value with the type of:UserWarning"),
]
MINIMIZE = ["minimize"]
BOTH = ["minimize", "maximize"]


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bluefin.logging.set_verbosity(bluefin.logging.CRITICAL)


def one_objective(trial):
    """Every kind of parameter, one that only some trials have, pruned and failing trials."""
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", 1e-3, 10, log=True)
    k = trial.suggest_int("k", 1, 19, step=3)
    kind = trial.suggest_categorical("kind", ["a", "b", None, 3])
    z = trial.suggest_float("z", 0, 1, step=0.1)
    trial.suggest_float("single", 2, 2)
    if kind == "a":
        x += trial.suggest_int("inner", 1, 100, log=True) / 100
    if trial.number % 17 == 11:
        raise ArithmeticError
    for step in range(3):
        trial.report(x * x + step, step)
    if trial.should_prune():
        raise package_of(trial).TrialPruned
    return x * x + y + k + z


def two_objectives(trial):
    x = trial.suggest_float("x", -5, 5)
    k = trial.suggest_int("k", 1, 19, step=3)
    trial.set_constraint("below", x - 2)
    return x * x + k, (x - 2) ** 2 - k


def curve(trial):
    x = trial.suggest_float("x", -5, 5)
    for step in range(20):
        trial.report(x * x + 1 / (step + 1), step)
        if trial.should_prune():
            raise package_of(trial).TrialPruned
    return x * x


def package_of(trial):
    return bluefin if isinstance(trial, bluefin.Trial) else optuna


def sequence(package, objective, sampler, directions=MINIMIZE, n_trials=40, pruner=None, storage=None):
    """What a study has suggested, and what became of it."""
    study = package.create_study(
        study_name="s", sampler=sampler, directions=directions, pruner=pruner, storage=storage
    )
    if objective is one_objective:
        study.enqueue_trial({"x": 1.0})
        study.enqueue_trial({"x": 1.0, "y": 1.0, "k": 4, "kind": "a", "z": 0.5, "single": 2.0, "inner": 7})
    study.optimize(objective, n_trials=n_trials, catch=ArithmeticError)
    return [(t.number, t.params, t.values, t.state.name, t.constraints) for t in study.trials]


OPTUNAS = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=1),
    "univariate tpe": lambda: optuna.samplers.TPESampler(seed=1, multivariate=False),
    "tpe in groups": lambda: optuna.samplers.TPESampler(seed=1, multivariate=True, group=True),
    "random": lambda: optuna.samplers.RandomSampler(seed=1),
    "nsga-ii": lambda: optuna.samplers.NSGAIISampler(seed=1, population_size=8),
    "nsga-iii": lambda: optuna.samplers.NSGAIIISampler(seed=1, population_size=8),
    "qmc": lambda: optuna.samplers.QMCSampler(seed=1),
    "cma-es": lambda: optuna.samplers.CmaEsSampler(seed=1),
    "partly fixed": lambda: optuna.samplers.PartialFixedSampler({"y": 2.0}, optuna.samplers.TPESampler(seed=1)),
    "gp": lambda: optuna.samplers.GPSampler(seed=1, n_startup_trials=35),
}
SEVERAL = ["tpe", "random", "nsga-ii", "nsga-iii"]  # GP would take half a minute
BLUEFINS = {
    "tpe": lambda: bluefin.samplers.TPESampler(seed=1),
    "univariate tpe": lambda: bluefin.samplers.TPESampler(seed=1, multivariate=False),
    "tpe in groups": lambda: bluefin.samplers.TPESampler(seed=1, multivariate=True, group=True),
    "random": lambda: bluefin.samplers.RandomSampler(seed=1),
    "gp": lambda: bluefin.samplers.GPSampler(seed=1),
}


def made(name):
    if name == "gp":
        pytest.importorskip("torch")
    return OPTUNAS[name]()


# --- samplers of Optuna ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTUNAS)
def test_a_sampler_of_optuna_suggests_the_same_in_both(name):
    expected = sequence(optuna, one_objective, made(name))
    assert sequence(bluefin, one_objective, OptunaSampler(made(name))) == expected
    assert {"COMPLETE", "PRUNED", "FAIL"} <= {state for _, _, _, state, _ in expected}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_sampler_of_optuna_suggests_the_same_for_several_objectives_and_constraints(name, storage):
    expected = sequence(optuna, two_objectives, made(name), BOTH)
    assert sequence(bluefin, two_objectives, OptunaSampler(made(name)), BOTH, storage=storage) == expected


def test_what_a_constraints_func_returns_is_kept(storage):
    def make():
        return optuna.samplers.NSGAIISampler(
            seed=1, population_size=8, constraints_func=lambda trial: (np.float64(trial.params["x"]), np.int64(-1))
        )

    expected = sequence(optuna, two_objectives, make(), BOTH)
    assert sequence(bluefin, two_objectives, OptunaSampler(make()), BOTH, storage=storage) == expected
    assert [constraints["1"] for *_, constraints in expected] == [-1] * 40


@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.samplers.GridSampler({"a": [0, 1, 2], "c": ["u", "v"]}, seed=1),
        lambda: optuna.samplers.BruteForceSampler(seed=1),
    ],
    ids=["grid", "brute force"],
)
def test_a_sampler_that_has_tried_everything_stops_the_study(make, storage):
    def objective(trial):
        return trial.suggest_int("a", 0, 2) + len(trial.suggest_categorical("c", ["u", "v"]))

    expected = sequence(optuna, objective, make(), n_trials=None)
    assert len(expected) == 6
    assert sequence(bluefin, objective, OptunaSampler(make()), n_trials=None, storage=storage) == expected


class Nosy(optuna.samplers.BaseSampler):
    """Looks at all that a sampler may look at; the classes must be Optuna's."""

    def __init__(self):
        self.seen = []

    def before_trial(self, study, trial):
        assert isinstance(study, optuna.Study)
        self.seen.append(("before", trial.number, trial.state, len(study.trials)))

    def infer_relative_search_space(self, study, trial):
        return optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(self, study, trial, search_space):
        assert all(isinstance(d, optuna.distributions.BaseDistribution) for d in search_space.values())
        return {name: study.best_params[name] for name in search_space}

    def sample_independent(self, study, trial, param_name, param_distribution):
        assert isinstance(trial, optuna.trial.FrozenTrial)
        assert study._storage.get_trial(trial._trial_id).params == trial.params
        assert study.direction is optuna.study.StudyDirection.MINIMIZE
        assert study.user_attrs == {"who": "me"}
        if isinstance(param_distribution, optuna.distributions.CategoricalDistribution):
            return param_distribution.choices[-1]
        return (param_distribution.low + param_distribution.high) / 2

    def after_trial(self, study, trial, state, values):
        assert study.sampler is self
        study._storage.set_trial_system_attr(trial._trial_id, "nosy", [trial.number, np.float32(0.5)])
        study._storage.set_study_system_attr(study._study_id, "nosy", study.trials[-1].number)
        self.seen.append(("after", trial.number, state, values))
        if trial.number == 3:
            study.stop()


def test_a_sampler_of_a_users_own_sees_classes_of_optuna(storage):
    sampler = Nosy()
    study = bluefin.create_study(sampler=OptunaSampler(sampler), storage=storage)
    study.set_user_attr("who", "me")
    study.optimize(
        lambda trial: trial.suggest_float("x", 0, 1) + len(trial.suggest_categorical("c", ["u", "vw"])), n_trials=9
    )
    running, complete = optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.COMPLETE
    assert sampler.seen == [
        event
        for number in range(4)
        for event in (("before", number, running, number + 1), ("after", number, complete, [2.5]))
    ]
    assert [trial.params for trial in study.trials] == [{"x": 0.5, "c": "vw"}] * 4
    assert study.trials[2].system_attrs == {"nosy": [2, 0.5]}
    assert study._storage.get_study_system_attrs(study._study_id) == {"nosy": 3}


def test_choices_of_any_type_reach_a_sampler_of_optuna_as_they_are():
    choices = [(1, 2), frozenset("a"), None]
    sampler = optuna.samplers.GridSampler({"c": choices})
    study = bluefin.create_study(sampler=OptunaSampler(sampler))
    study.optimize(lambda trial: choices.index(trial.suggest_categorical("c", choices)))
    assert sorted(choices.index(trial.params["c"]) for trial in study.trials) == [0, 1, 2]


def test_what_a_sampler_notes_is_seen_by_other_workers_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    sampler = optuna.samplers.GridSampler({"x": [0, 1]})
    trial = bluefin.create_study(study_name="s", storage=url, sampler=OptunaSampler(sampler)).ask()
    other = optuna.load_study(study_name="s", storage=url, sampler=sampler)
    assert other.trials[0].system_attrs["grid_id"] == 0
    assert trial.suggest_int("x", 0, 1) != other.ask().suggest_int("x", 0, 1)


def test_a_sampler_of_optuna_serves_threads():
    sampler = OptunaSampler(optuna.samplers.TPESampler(seed=1))
    study = bluefin.create_study(sampler=sampler)
    study.optimize(one_objective, n_trials=60, n_jobs=4, catch=ArithmeticError)
    assert [trial.number for trial in study.trials] == list(range(60))
    assert len({trial.params["x"] for trial in study.trials}) == 60


def test_a_sampler_of_optuna_serves_several_studies_and_can_be_exchanged():
    sampler = OptunaSampler(optuna.samplers.TPESampler(seed=1))
    studies = [bluefin.create_study(sampler=sampler), bluefin.create_study(directions=BOTH, sampler=sampler)]
    studies[0].optimize(curve, n_trials=15)
    studies[1].optimize(two_objectives, n_trials=15)
    studies[0].sampler = OptunaSampler(Nosy())
    studies[0].set_user_attr("who", "me")
    studies[0].optimize(curve, n_trials=1)
    assert studies[0].trials[15].params == studies[0].best_params
    assert [len(study.trials) for study in studies] == [16, 15]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])
def test_adapters_are_copied_with_their_samplers(copied):
    used = OptunaSampler(optuna.samplers.NSGAIISampler(seed=1, population_size=5))
    sequence(bluefin, curve, used, n_trials=12)
    expected = sequence(bluefin, curve, OptunaSampler(copy.deepcopy(used.optuna_sampler)))
    assert sequence(bluefin, curve, copied(used)) == expected
    native = BluefinSampler(bluefin.samplers.TPESampler(seed=1))
    expected = sequence(optuna, curve, native)
    assert sequence(optuna, curve, copied(native)) == expected
    assert isinstance(copied(OptunaPruner(optuna.pruners.MedianPruner())).optuna_pruner, optuna.pruners.MedianPruner)
    assert isinstance(copied(BluefinPruner(bluefin.pruners.NopPruner())).bluefin_pruner, bluefin.pruners.NopPruner)


def test_a_study_ends_when_it_is_dropped():
    for package, sampler in [
        (bluefin, OptunaSampler(optuna.samplers.TPESampler())),
        (optuna, BluefinSampler(bluefin.samplers.TPESampler())),
    ]:
        study = package.create_study(sampler=sampler)
        study.optimize(curve, n_trials=12)
        dropped = weakref.ref(study)
        del study
        gc.collect()
        assert dropped() is None


# --- samplers of bluefin ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "url"), [*((name, None) for name in BLUEFINS), ("tpe", "sqlite:///{}/study.db")], ids=[*BLUEFINS, "sqlite"]
)
def test_a_sampler_of_bluefin_suggests_the_same_in_both(name, url, tmp_path):
    expected = sequence(bluefin, one_objective, BLUEFINS[name]())
    storage = url and url.format(tmp_path)
    assert sequence(optuna, one_objective, BluefinSampler(BLUEFINS[name]()), storage=storage) == expected
    assert {"COMPLETE", "PRUNED", "FAIL"} <= {state for _, _, _, state, _ in expected}


@pytest.mark.parametrize("name", BLUEFINS)
def test_a_sampler_of_bluefin_suggests_the_same_for_several_objectives_and_constraints(name):
    expected = sequence(bluefin, two_objectives, BLUEFINS[name](), BOTH)
    assert sequence(optuna, two_objectives, BluefinSampler(BLUEFINS[name]()), BOTH) == expected


def test_a_sampler_of_bluefin_hears_of_constraints():
    def make():
        return bluefin.samplers.TPESampler(seed=1, constraints_func=lambda trial: [trial.params["x"] - 1])

    expected = sequence(bluefin, curve, make())
    assert sequence(optuna, curve, BluefinSampler(make())) == expected
    assert any(constraints["0"] > 0 for *_, constraints in expected)


class Counting(bluefin.samplers.BaseSampler):
    """Written in Python for bluefin."""

    def __init__(self):
        self.seen = []

    def before_trial(self, study, trial):
        assert isinstance(study, bluefin.Study)
        assert isinstance(trial, bluefin.trial.FrozenTrial)
        study._storage.set_trial_system_attr(trial._trial_id, "count", trial.number)

    def infer_relative_search_space(self, study, trial):
        return {"x": bluefin.distributions.FloatDistribution(0, 10)}

    def sample_relative(self, study, trial, search_space):
        return {"x": 1.0 + len(study.get_trials(states=[bluefin.trial.TrialState.COMPLETE]))}

    def sample_independent(self, study, trial, param_name, param_distribution):
        assert isinstance(param_distribution, bluefin.distributions.IntDistribution)
        assert trial.system_attrs == {"count": trial.number}
        return param_distribution.high

    def after_trial(self, study, trial, state, values):
        self.seen.append((state, values))
        if trial.number == 2:
            study.stop()


def test_a_sampler_written_for_bluefin_sees_classes_of_bluefin():
    sampler = Counting()
    study = optuna.create_study(sampler=BluefinSampler(sampler))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10) + trial.suggest_int("k", 1, 5), n_trials=9)
    assert [trial.params for trial in study.trials] == [{"x": 1.0 + i, "k": 5} for i in range(3)]
    assert sampler.seen == [(bluefin.trial.TrialState.COMPLETE, [6.0 + i]) for i in range(3)]


class Choosy(bluefin.samplers.RandomSampler):
    """Draws until it likes the value."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        while True:
            value = super().sample_independent(study, trial, param_name, param_distribution)
            if value > 0:
                return value


def test_a_subclass_of_a_native_sampler_may_draw_several_times():
    expected = sequence(bluefin, curve, Choosy(seed=1))
    assert min(params["x"] for _, params, *_ in expected) > 0
    assert sequence(optuna, curve, BluefinSampler(Choosy(seed=1))) == expected


def test_a_sampler_of_bluefin_serves_threads_with_one_stream_for_each_trial():
    study = optuna.create_study(sampler=BluefinSampler(bluefin.samplers.RandomSampler(seed=1)))
    study.optimize(curve, n_trials=60, n_jobs=4)
    alone = sequence(bluefin, curve, bluefin.samplers.RandomSampler(seed=1), n_trials=60)
    assert [trial.params for trial in study.trials] == [params for _, params, *_ in alone]


def test_a_sampler_of_bluefin_works_with_hyperband():
    study = optuna.create_study(
        sampler=BluefinSampler(bluefin.samplers.TPESampler(seed=1)),
        pruner=optuna.pruners.HyperbandPruner(max_resource=20),
    )
    study.optimize(curve, n_trials=40)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


# --- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["optuna in bluefin", "bluefin in optuna"])
def test_a_finished_trial_is_converted_once(way, monkeypatch):
    package, sampler = {
        "optuna in bluefin": (bluefin, OptunaSampler(optuna.samplers.NSGAIISampler(seed=1, population_size=10))),
        "bluefin in optuna": (optuna, BluefinSampler(bluefin.samplers.TPESampler(seed=1, multivariate=False))),
    }[way]
    study = package.create_study(sampler=package.samplers.RandomSampler(seed=1), pruner=package.pruners.NopPruner())
    study.optimize(curve, n_trials=100)
    study.sampler = sampler
    counts = itertools.count()
    convert = Words.trial
    monkeypatch.setattr(Words, "trial", lambda self, trial: (next(counts), convert(self, trial))[1])
    study.optimize(curve, n_trials=1)
    first = next(counts)
    assert 100 < first < 130
    study.optimize(curve, n_trials=10)
    assert next(counts) - first < 10 * 25  # the running trial, a few times each


# --- pruners ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.pruners.HyperbandPruner(max_resource=20),
        lambda: optuna.pruners.SuccessiveHalvingPruner(),
        lambda: optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(n_startup_trials=1), 0),
        lambda: optuna.pruners.ThresholdPruner(upper=10),
    ],
    ids=["hyperband", "successive halving", "patient", "threshold"],
)
def test_a_pruner_of_optuna_prunes_the_same_in_both(make, storage):
    sampler = OPTUNAS["tpe"]
    expected = sequence(optuna, curve, sampler(), pruner=make())
    adapted = {"sampler": OptunaSampler(sampler()), "pruner": OptunaPruner(make())}
    assert sequence(bluefin, curve, **adapted, storage=storage) == expected


def test_a_pruner_of_optuna_works_without_a_sampler_of_optuna():
    study = bluefin.create_study(sampler=BLUEFINS["tpe"](), pruner=OptunaPruner(optuna.pruners.HyperbandPruner()))
    study.optimize(curve, n_trials=40)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_a_pruner_of_bluefin_prunes_the_same_in_both():
    make = bluefin.pruners.MedianPruner
    expected = sequence(bluefin, curve, BLUEFINS["tpe"](), pruner=make())
    assert sequence(optuna, curve, BluefinSampler(BLUEFINS["tpe"]()), pruner=BluefinPruner(make())) == expected
    assert any(state == "PRUNED" for _, _, _, state, _ in expected)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["before_trial", "infer_relative_search_space", "sample_independent", "after_trial"]
)
@pytest.mark.parametrize("package", [bluefin, optuna], ids=["optuna in bluefin", "bluefin in optuna"])
def test_an_exception_of_a_sampler_ends_optimize(package, method):
    def fail(*args):
        raise LookupError("my sampler")

    other, adapter = (optuna, OptunaSampler) if package is bluefin else (bluefin, BluefinSampler)
    sampler = other.samplers.RandomSampler()
    setattr(sampler, method, fail)
    study = package.create_study(sampler=adapter(sampler))
    with pytest.raises(LookupError, match="my sampler"):
        study.optimize(curve, n_trials=3)
    assert len(study.trials) == 1


@pytest.mark.parametrize("package", [bluefin, optuna], ids=["optuna in bluefin", "bluefin in optuna"])
def test_an_exception_of_the_other_package_is_known_to_the_study(package):
    other, adapter = (optuna, OptunaSampler) if package is bluefin else (bluefin, BluefinSampler)

    def give_up(*args):
        raise other.TrialPruned("nothing left")

    sampler = other.samplers.RandomSampler()
    sampler.sample_independent = give_up
    study = package.create_study(sampler=adapter(sampler))
    study.optimize(curve, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["PRUNED"] * 3


def test_a_search_space_of_something_else_is_named():
    sampler = optuna.samplers.RandomSampler()
    sampler.infer_relative_search_space = lambda study, trial: {"x": (0, 1)}
    study = bluefin.create_study(sampler=OptunaSampler(sampler))
    with pytest.raises(TypeError, match=r"Expected a distribution of Optuna or bluefin, but got \(0, 1\)"):
        study.ask().suggest_float("x", 0, 1)


@pytest.mark.parametrize(
    ("adapter", "given", "message"),
    [
        (OptunaSampler, None, "OptunaSampler takes a sampler of optuna, but got None."),
        (OptunaSampler, optuna.samplers.TPESampler, "but got the class TPESampler: pass an object of it."),
        (OptunaSampler, optuna.pruners.NopPruner(), "takes a sampler of optuna, but got <optuna.pruners._nop.Nop"),
        (OptunaSampler, bluefin.samplers.RandomSampler(), r"got RandomSampler\(\), which the study takes directly."),
        (BluefinSampler, optuna.samplers.RandomSampler(), "takes a sampler of bluefin.*the study takes directly."),
        (BluefinSampler, "tpe", "BluefinSampler takes a sampler of bluefin, but got 'tpe'."),
        (OptunaPruner, bluefin.pruners.NopPruner(), r"takes a pruner of optuna, but got NopPruner\(\), which"),
        (BluefinPruner, 3, "BluefinPruner takes a pruner of bluefin, but got 3."),
    ],
)
def test_what_an_adapter_cannot_take_is_named(adapter, given, message):
    with pytest.raises(TypeError, match=message):
        adapter(given)


@pytest.mark.parametrize("package", [bluefin, optuna])
def test_what_is_used_without_an_adapter_is_named(package):
    other = optuna if package is bluefin else bluefin
    adapters = ("OptunaSampler", "OptunaPruner") if package is bluefin else ("BluefinSampler", "BluefinPruner")
    with pytest.raises(TypeError, match=adapters[0]):
        study = package.create_study(sampler=other.samplers.TPESampler())
        study.ask().suggest_float("x", 0, 1)
    with pytest.raises(TypeError, match=adapters[1]):
        study = package.create_study(pruner=other.pruners.MedianPruner())
        study.ask().should_prune()


def test_optuna_is_imported_only_for_an_adapter():
    program = """
import sys
import bluefin
import bluefin.integration
assert "optuna" not in sys.modules
assert not hasattr(bluefin.integration, "GenomeSampler") and hasattr(bluefin.integration, "CatBoostPruningCallback")
assert "optuna" not in sys.modules
sys.modules["optuna"] = None  # as if it were not installed
try:
    bluefin.integration.OptunaSampler
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "bluefin.integration.OptunaSampler needs the package 'optuna': pip install optuna\n"
