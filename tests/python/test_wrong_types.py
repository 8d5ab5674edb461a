# SPDX-License-Identifier: MIT
"""What is of a wrong type is an error in one line that names it, whichever function gets it."""

import warnings

import pytest

import bluefin
from bluefin.distributions import FloatDistribution
from bluefin.study import StudyDirection
from bluefin.trial import TrialState

MEMORY = bluefin.storages.InMemoryStorage


class PythonSampler(bluefin.samplers.RandomSampler):
    def sample_independent(self, study, trial, name, distribution):
        return super().sample_independent(study, trial, name, distribution)


def trial(sampler=None):
    return bluefin.create_study(sampler=sampler).ask()


def study():
    return bluefin.create_study()


def optimize(**options):
    study().optimize(**{"func": lambda trial: 1.0, "n_trials": 1, **options})


CALLS = [
    ("'x'.*`low`.*'a'", lambda: trial().suggest_float("x", "a", 1)),
    ("'x'.*`high`.*None", lambda: trial().suggest_float("x", 0, None)),
    ("'x'.*`step`.*'a'", lambda: trial().suggest_float("x", 0, 1, step="a")),
    ("'x'.*`log`.*'a'", lambda: trial().suggest_float("x", 1, 2, log="a")),
    ("`name`.*3", lambda: trial().suggest_float(3, 0, 1)),
    ("'x'.*`low`.*'1'", lambda: trial().suggest_int("x", "1", 3)),
    ("'x'.*`step`.*None", lambda: trial().suggest_int("x", 1, 3, step=None)),
    ("`name`.*None", lambda: trial().suggest_int(None, 1, 3)),
    ("'x'.*`choices`.*3", lambda: trial().suggest_categorical("x", 3)),
    ("`name`.*3", lambda: trial().suggest_categorical(3, ["a"])),
    ("`low`.*'a'", lambda: trial(PythonSampler()).suggest_float("x", "a", 1)),
    ("`name`.*3", lambda: trial(PythonSampler()).suggest_float(3, 0, 1)),
    ("`value`.*str", lambda: trial().report("x", 1)),
    ("`step`.*str", lambda: trial().report(1.0, "a")),
    ("`key`.*3", lambda: trial().set_user_attr(3, 1)),
    ("`key`.*3", lambda: trial().set_constraint(3, 1)),
    ("`key`.*3", lambda: study().set_user_attr(3, 1)),
    ("`metric_names`.*3", lambda: study().set_metric_names([3])),
    ("`study_name`.*3", lambda: bluefin.create_study(study_name=3)),
    ("`directions`.*3", lambda: bluefin.create_study(directions=3)),
    ("`study_name`.*3", lambda: bluefin.load_study(study_name=3, storage=MEMORY())),
    ("`study_name`.*3", lambda: bluefin.delete_study(study_name=3, storage=MEMORY())),
    (
        "`to_study_name`.*3",
        lambda: bluefin.copy_study(from_study_name="s", from_storage=MEMORY(), to_storage=MEMORY(), to_study_name=3),
    ),
    ("`params`.*3", lambda: study().enqueue_trial({3: 1})),
    ("`user_attrs`.*3", lambda: study().enqueue_trial({"x": 1}, user_attrs=3)),
    ("`trial`.*3", lambda: study().add_trial(3)),
    ("`trials`.*3", lambda: study().add_trials(3)),
    ("`fixed_distributions`.*3", lambda: study().ask(3)),
    ("'x'.*3", lambda: study().ask({"x": 3})),
    ("`states`.*3", lambda: study().get_trials(states=3)),
    ("`n_trials`.*'a'", lambda: optimize(n_trials="a")),
    ("`timeout`.*'a'", lambda: optimize(timeout="a")),
    ("`n_jobs`.*1.5", lambda: optimize(n_jobs=1.5)),
    ("`catch`.*3", lambda: optimize(catch=3)),
    ("`callbacks`.*3", lambda: optimize(callbacks=[3])),
    ("`func`.*3", lambda: optimize(func=3)),
    ("`n_startup_trials`.*'a'", lambda: bluefin.samplers.TPESampler(n_startup_trials="a")),
    ("`multivariate`.*'a'", lambda: bluefin.samplers.TPESampler(multivariate="a")),
    ("`seed`.*1.5", lambda: bluefin.samplers.TPESampler(seed=1.5)),
    ("`seed`.*'1'", lambda: bluefin.samplers.RandomSampler("1")),
    ("`interval_steps`.*'a'", lambda: bluefin.pruners.MedianPruner(interval_steps="a")),
    ("`percentile`.*'a'", lambda: bluefin.pruners.PercentilePruner("a")),
    ("`low`.*'a'", lambda: FloatDistribution("a", 1)),
    ("`high`.*None", lambda: bluefin.distributions.IntDistribution(0, None)),
    ("`choices`.*3", lambda: bluefin.distributions.CategoricalDistribution(3)),
    ("`state`.*3", lambda: bluefin.create_trial(state=3)),
    ("`value`.*'a'", lambda: bluefin.create_trial(value="a")),
    ("`user_attrs`.*3", lambda: bluefin.create_trial(value=1.0, user_attrs={3: 1})),
    ("`intermediate_values`.*'a'", lambda: study().add_trial(bluefin.create_trial(value=1.0, intermediate_values="a"))),
    ("A step in.*'a'", lambda: study().add_trial(bluefin.create_trial(value=1.0, intermediate_values={"a": 1}))),
    ("at step 1.*None", lambda: study().add_trial(bluefin.create_trial(value=1.0, intermediate_values={1: None}))),
    ("`constraints`.*0", lambda: bluefin.create_trial(value=1.0, constraints=0)),
    ("`url`.*3", lambda: bluefin.storages.RDBStorage(3)),
    ("`log_storage`.*3", lambda: bluefin.storages.JournalStorage(3)),
    ("`file_path`.*3", lambda: bluefin.storages.journal.JournalFileBackend(3)),
    ("`directions`.*3", lambda: MEMORY().create_new_study(3)),
    ("`study_name`.*3", lambda: MEMORY().create_new_study([StudyDirection.MINIMIZE], 3)),
]


@pytest.mark.parametrize("match, call", CALLS)
def test_a_wrong_type_is_named(match, call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError, match=match) as caught:
            call()
    assert "\n" not in str(caught.value)


def test_no_trial_is_left_behind_by_what_is_refused_before():
    study = bluefin.create_study()
    for distributions in (3, {"x": 3}, {3: FloatDistribution(0, 1)}):
        with pytest.raises(TypeError):
            study.ask(distributions)
    for options in ({"catch": 3}, {"callbacks": [3]}, {"n_trials": "a"}):
        with pytest.raises(TypeError):
            study.optimize(lambda trial: 1.0, **{"n_trials": 1, **options})
    assert study.trials == []


def test_what_cannot_be_an_id_is_the_id_of_nothing(storage):
    opened = bluefin.storages.get_storage(storage)
    opened.create_new_trial(opened.create_new_study([StudyDirection.MINIMIZE]))
    for given in ("1", None, 1.0, 2**70, -1):
        for call in (
            opened.get_trial,
            opened.get_all_trials,
            opened.delete_study,
            opened.create_new_trial,
            lambda i: opened.set_trial_user_attr(i, "a", 1),
            lambda i: opened.set_trial_state_values(i, TrialState.COMPLETE, [1.0]),
        ):
            with pytest.raises(KeyError):
                call(given)


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_what_numpy_gives_is_taken(storage):
    numpy = pytest.importorskip("numpy")
    integer, real = numpy.int64(1), numpy.float32(0.5)
    sampler = bluefin.samplers.TPESampler(n_startup_trials=integer, seed=numpy.uint32(1), constant_liar=numpy.True_)
    study = bluefin.create_study(storage=storage, sampler=sampler, pruner=bluefin.pruners.MedianPruner(integer))

    def run(trial):
        trial.report(real, integer)
        trial.suggest_int("i", integer, numpy.int32(5), step=numpy.int8(2))
        trial.suggest_int("j", 1.0, 1e3)  # as Optuna's
        return trial.suggest_float("x", real, 1, log=numpy.False_) + trial.suggest_categorical("c", numpy.arange(3))

    study.optimize(run, n_trials=numpy.int64(3))
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3


def test_text_that_utf_8_cannot_hold_is_refused(storage):
    half = "\ud800"
    study = bluefin.create_study(storage=storage)
    for call in (
        lambda: bluefin.create_study(study_name=half),
        lambda: study.set_user_attr(half, 1),
        lambda: study.ask().suggest_float(half, 0, 1),
        lambda: bluefin.create_study(storage=half),
        *([lambda: study.ask().suggest_categorical("c", [half])] if storage is not None else ()),
    ):
        with pytest.raises(ValueError):
            call()


def test_an_integer_beyond_what_the_engine_holds_is_refused():
    trial = bluefin.create_study().ask()
    for bounds in ((0, 2**70), (-(2**70), 0), (0, 2**54)):
        with pytest.raises(ValueError, match="'n'"):
            trial.suggest_int("n", *bounds)
    with pytest.raises(ValueError, match="step"):
        trial.report(1.0, 2**70)


@pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")
def test_a_limit_of_a_count_may_be_a_float(tmp_path):
    numpy = pytest.importorskip("numpy")
    study = bluefin.create_study(pruner=bluefin.pruners.MedianPruner(1.0, n_warmup_steps=0.3 * 5, n_min_trials=1.0))
    for value in (1.0, 2.0):
        trial = study.ask()
        pruned = []
        for step in range(4):
            trial.report(value, step)
            pruned.append(trial.should_prune())
        study.tell(trial, value)
    assert pruned == [False, False, True, True]
    for limit in (10.0, 9.5, numpy.float32(10)):
        assert repr(bluefin.samplers.TPESampler(n_startup_trials=limit)).startswith("TPESampler(n_startup_trials=10,")
    for limit in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`n_startup_trials`"):
            bluefin.pruners.MedianPruner(limit)
    url = f"sqlite:///{tmp_path}/study.db"
    with_heart = bluefin.storages.RDBStorage(url, heartbeat_interval=0.5, grace_period=1.5)
    study = bluefin.create_study(storage=with_heart)
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert with_heart.get_heartbeat_interval() == 0.5 and len(study.trials) == 1


def test_text_is_no_value_of_an_objective():
    study = bluefin.create_study()
    results = iter(["1", ["1"], [b"1"], 1])
    study.optimize(lambda trial: next(results), n_trials=4)
    assert [trial.values for trial in study.trials] == [None, None, None, [1.0]]
    with pytest.raises(ValueError, match="'1' could not be cast to float"):
        study.tell(study.ask(), "1", TrialState.COMPLETE)


def test_a_direction_is_a_word_or_a_direction():
    for direction in (1, True, 2.0, "up"):
        with pytest.raises(ValueError, match="`directions` must be"):
            bluefin.create_study(direction=direction)
    assert bluefin.create_study(direction=StudyDirection.MAXIMIZE).direction == StudyDirection.MAXIMIZE


def test_what_can_be_gone_through_once_is_read_once():
    assert bluefin.create_trial(values=iter([1.0, 2.0])).values == [1.0, 2.0]
    study = bluefin.create_study(directions=(word for word in ["minimize", "maximize"]))
    study.add_trials(bluefin.create_trial(values=[value, value]) for value in (1.0, 2.0))
    study.ask().suggest_categorical("c", iter(["a"]))
    assert [trial.values for trial in study.trials] == [[1.0, 1.0], [2.0, 2.0], None]


@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_an_integer_beyond_64_bits_is_a_choice_and_no_number(storage):
    study = bluefin.create_study(storage=storage)
    study.enqueue_trial({"c": 2**70})
    trial = study.ask()
    assert trial.suggest_categorical("c", [1, 2**70]) == 2**70
    study.tell(trial, 1.0)
    assert bluefin.load_study(study_name=study.study_name, storage=study._storage).best_params == {"c": 2**70}
    if storage is not None:
        return
    study.enqueue_trial({"x": 2**70, "y": Exception})
    trial = study.ask()
    for name, shown in (("x", str(2**70)), ("y", "<class 'Exception'>")):
        with pytest.raises(ValueError, match=f"'{name}': {shown}"):
            trial.suggest_float(name, 0, 1)
