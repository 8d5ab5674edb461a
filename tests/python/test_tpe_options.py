# SPDX-License-Identifier: MIT
"""The options of TPESampler that Optuna has deprecated: they work, and warn as there."""

import warnings

import bluefin
import optuna
import pytest
from bluefin.samplers import TPESampler


def run(sampler, n_trials=40, n_jobs=1):
    study = bluefin.create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=n_trials, n_jobs=n_jobs)
    return [trial.params["x"] for trial in study.trials]


@pytest.fixture
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consider_prior", True),
        ("prior_weight", 0.5),
        ("consider_magic_clip", False),
        ("consider_endpoints", True),
        ("gamma", lambda n: 3),
        ("weights", lambda m: [1.0] * m),
        ("warn_independent_sampling", True),
    ],
)
def test_a_deprecated_option_warns(name, value):
    with pytest.warns(FutureWarning, match=f"`{name}` has been deprecated"):
        TPESampler(**{name: value})


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"consider_prior": True}, False),
        ({"prior_weight": 1.0, "consider_magic_clip": True, "consider_endpoints": False}, False),
        ({"gamma": lambda n: min(-(-n // 10), 25)}, False),
        ({"weights": lambda m: [1.0] * m}, True),  # differs beyond 25 observations only
        ({"gamma": lambda n: n // 2}, True),
        ({"prior_weight": 20.0}, True),
        ({"prior_weight": 0.0}, True),
        ({"consider_magic_clip": False}, True),
        ({"consider_endpoints": True}, True),
    ],
)
def test_an_option_changes_what_it_says(silent, options, differs):
    assert (run(TPESampler(seed=3, **options)) != run(TPESampler(seed=3))) == differs


def test_functions_are_called_from_threads_too(silent):
    calls = []

    def gamma(n):
        calls.append(n)
        return n + 5  # more than there are: all are good

    run(TPESampler(seed=1, gamma=gamma, weights=lambda m: [2.0] * m), n_trials=60, n_jobs=4)
    assert max(calls) >= 50


def test_hyperopt_parameters(silent):
    options = TPESampler.hyperopt_parameters()
    assert [options["gamma"](n) for n in (0, 1, 16, 100, 10**6)] == [0, 1, 1, 3, 25]
    assert options["weights"](3) == [1.0, 1.0, 1.0]
    assert options["weights"](26) == pytest.approx([1 / 26] + [1.0] * 25)
    assert options["weights"](28) == pytest.approx([1 / 28, (1 + 1 / 28) / 2] + [1.0] * 26)
    assert len(run(TPESampler(**options, seed=1))) == 40


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"gamma": lambda n: -1}, ValueError, r"gamma\(10\) = -1"),
        ({"gamma": lambda n: "many"}, TypeError, "str"),
        ({"weights": lambda m: [0.0] * m}, ValueError, "all zero"),
        ({"weights": lambda m: [1.0]}, ValueError, "are 1 numbers"),
        ({"weights": lambda m: [float("nan")] * m}, ValueError, "nan"),
        ({"weights": lambda m: [-1.0] * m}, ValueError, "-1"),
        ({"weights": lambda m: 1 / 0}, ZeroDivisionError, "zero"),
    ],
)
def test_a_function_that_returns_nonsense_is_an_error(silent, options, error, match):
    with pytest.raises(error, match=match):
        run(TPESampler(**options))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"gamma": 3}, TypeError, "`gamma` must be callable, but got 3"),
        ({"weights": [1.0]}, TypeError, "`weights` must be callable"),
        ({"prior_weight": -1.0}, ValueError, "prior_weight"),
    ],
)
def test_a_wrong_option_is_refused(silent, options, error, match):
    with pytest.raises(error, match=match):
        TPESampler(**options)


def test_independent_sampling_is_told_where_it_was_asked_for(silent):
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["a", "b"])
        return trial.suggest_float(kind, 0, 1)

    for options, told in (({}, False), ({"warn_independent_sampling": True}, True)):
        study = bluefin.create_study(sampler=TPESampler(seed=1, **options))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            study.optimize(objective, n_trials=30)
        assert any("sampled independently" in str(warning.message) for warning in caught) == told


def test_a_stored_study_goes_on_without_a_warning(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    bluefin.create_study(study_name="s", storage=url, sampler=TPESampler(n_startup_trials=5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = bluefin.load_study(study_name="s", storage=url)
    assert isinstance(study.sampler, TPESampler)


@pytest.mark.parametrize("name", ["gamma", "weights"])
@pytest.mark.parametrize("multivariate", [True, False])
def test_a_function_that_fails_fails_its_trial(silent, name, multivariate):
    def fails(n):
        raise ZeroDivisionError(name)

    def two(trial):
        return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)

    sampler = TPESampler(seed=1, n_startup_trials=3, multivariate=multivariate, **{name: fails})
    study = bluefin.create_study(sampler=sampler)
    with pytest.raises(ZeroDivisionError, match=name):
        study.optimize(two, n_trials=10)
    study.optimize(two, n_trials=2, catch=ZeroDivisionError)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["FAIL"] * 3
    # Who suggests nothing does not hear of it.
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert study.trials[-1].state.name == "COMPLETE"


def test_positional_arguments_are_those_of_older_versions():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sampler = TPESampler(None, None, None, None, 7, 8)
    assert [(w.category, w.filename) for w in caught] == [(FutureWarning, __file__)]
    assert "consider_prior" in str(caught[0].message)
    assert repr(sampler) == repr(TPESampler(n_startup_trials=7, n_ei_candidates=8))
    with pytest.warns(FutureWarning), pytest.raises(TypeError, match="multiple values.*n_startup_trials"):
        TPESampler(None, None, None, None, 7, n_startup_trials=7)
    with pytest.warns(FutureWarning), pytest.raises(TypeError, match="takes 10 positional arguments but 11"):
        TPESampler(*[None] * 10)


@pytest.mark.parametrize("package", [bluefin, optuna])
def test_group_turns_multivariate_on_with_a_warning(package):
    with pytest.warns(package.exceptions.ExperimentalWarning):
        sampler = package.samplers.TPESampler(group=True)
    study = package.create_study(sampler=sampler, directions=["minimize"] * 2)
    with pytest.warns(UserWarning, match="multivariate"):
        study.ask().suggest_float("x", 0, 1)


def test_no_point_comes_twice_with_avoid_duplicates():
    sampler = bluefin.samplers.TPESampler(seed=1, n_startup_trials=1, avoid_duplicates=True)
    study = bluefin.create_study(sampler=sampler)
    seen = []

    def objective(trial):
        seen.append((trial.suggest_categorical("kind", ["a", "b", None]), trial.suggest_float("x", 0.0, 1.0, step=0.25)))
        return seen[-1][1]

    study.optimize(objective, n_trials=15)
    assert len(set(seen)) == 15
    assert sampler._options["avoid_duplicates"] is True


@pytest.mark.parametrize("limit", [-1, 1.5, "many"])
def test_a_gamma_limit_that_is_none_is_refused(limit):
    with pytest.raises((ValueError, TypeError), match="gamma_limit"):
        bluefin.samplers.TPESampler(gamma_limit=limit)
