# SPDX-License-Identifier: MIT
"""Studies: asked and told, with several objectives, with a queue, and where they are kept."""

import datetime
import math
import pickle

import pytest

import bluefin
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import FloatDistribution
from bluefin.distributions import IntDistribution
from bluefin.trial import TrialState

from objectives import objective

pytestmark = pytest.mark.filterwarnings("ignore::bluefin.exceptions.ExperimentalWarning")


@pytest.mark.parametrize("sampler", [None, bluefin.samplers.RandomSampler(seed=1)])
def test_optimize_fills_the_study(storage, sampler):
    study = bluefin.create_study(storage=storage, sampler=sampler)
    study.optimize(objective, n_trials=25)
    assert [t.number for t in study.trials] == list(range(25))
    assert {t.state for t in study.trials} == {TrialState.COMPLETE}
    best = min(study.trials, key=lambda t: t.value)
    assert (study.best_trial.number, study.best_value, study.best_params) == (best.number, best.value, best.params)
    for t in study.trials:
        assert list(t.params) == ["x", "lr", "n", "kind"]
        assert t.distributions == {
            "x": FloatDistribution(-5, 5),
            "lr": FloatDistribution(1e-5, 1e-1, log=True),
            "n": IntDistribution(1, 9, step=2),
            "kind": CategoricalDistribution([None, True, 2, 0.5, "adam"]),
        }
        assert -5 <= t.params["x"] <= 5 and t.params["n"] in (1, 3, 5, 7, 9)
        assert any(t.params["kind"] is choice for choice in (None, True, 2)) or t.params["kind"] in (0.5, "adam")
        assert isinstance(t.params["n"], int) and isinstance(t.params["x"], float)
        assert t.datetime_start <= t.datetime_complete and t.duration >= datetime.timedelta(0)
        assert abs((datetime.datetime.now() - t.datetime_start).total_seconds()) < 60  # local time, as in Optuna


def test_ask_and_tell(storage):
    study = bluefin.create_study(storage=storage, direction="maximize")
    first = study.ask({"x": FloatDistribution(0, 1), "c": CategoricalDistribution(("a", "b"))})
    assert list(first.params) == ["x", "c"] and first.number == 0
    second = study.ask()
    assert study.tell(second, 2).value == 2.0
    told = study.tell(first.number, [1.5])
    assert told.state == TrialState.COMPLETE and told.params == first.params
    assert study.best_trial.number == 1
    third = study.ask()
    third.report(0.25, 3)
    assert study.tell(third, state=TrialState.PRUNED).value == 0.25
    fourth = study.ask()
    failed = study.tell(fourth, state=TrialState.FAIL)
    assert failed.state == TrialState.FAIL and failed.values is None and failed.user_attrs == {}
    assert [t.state.name for t in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]


def test_tell_refuses_what_optuna_refuses():
    study = bluefin.create_study()
    trial = study.ask()
    for values, state in [
        (None, TrialState.COMPLETE),
        (float("nan"), TrialState.COMPLETE),
        ("abc", TrialState.COMPLETE),
        ([1.0, 2.0], TrialState.COMPLETE),
        (1.0, TrialState.PRUNED),
        (1.0, TrialState.FAIL),
        (None, TrialState.WAITING),
        (None, TrialState.RUNNING),
    ]:
        with pytest.raises(ValueError):
            study.tell(trial, values, state)
    assert study.trials[0].state == TrialState.RUNNING
    with pytest.raises(TypeError):
        study.tell("0", 1.0)
    with pytest.raises(ValueError, match="99"):
        study.tell(99, 1.0)
    with pytest.warns(UserWarning, match="nan"):
        assert study.tell(trial, float("nan")).state == TrialState.FAIL
    with pytest.raises(ValueError, match="FAIL"):
        study.tell(trial, 1.0)
    with pytest.raises(ValueError, match="FAIL"):
        study.tell(0, 1.0)
    assert study.tell(trial, 1.0, skip_if_finished=True).state == TrialState.FAIL
    assert study.tell(0, 1.0, skip_if_finished=True).state == TrialState.FAIL
    with pytest.raises(bluefin.exceptions.UpdateFinishedTrialError):
        trial.report(1.0, 1)


def test_what_an_objective_may_return():
    study = bluefin.create_study()
    results = iter([1, True, [0.5], "0.25", None, "abc", (1.0, 2.0), 1j, float("nan"), float("inf")])
    study.optimize(lambda trial: next(results), n_trials=10)
    assert [t.values for t in study.trials] == [[1.0], [1.0], [0.5], None, None, None, None, None, None, [math.inf]]


def test_several_objectives(storage):
    study = bluefin.create_study(storage=storage, directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "accuracy"])
    points = iter([(1, 1), (2, 2), (3, 1), (1, 1), (0.5, 0.1)])
    study.optimize(lambda trial: next(points), n_trials=5)
    assert [t.number for t in study.best_trials] == [0, 1, 3, 4]
    assert study.metric_names == ["loss", "accuracy"]
    assert study.directions == [bluefin.study.StudyDirection.MINIMIZE, bluefin.study.StudyDirection.MAXIMIZE]
    for attribute in ("best_trial", "best_value", "best_params", "direction"):
        with pytest.raises(RuntimeError):
            getattr(study, attribute)
    trial = study.ask()
    with pytest.raises(NotImplementedError):
        trial.report(1.0, 0)
    with pytest.raises(NotImplementedError):
        trial.should_prune()
    with pytest.raises(RuntimeError):
        study.trials[0].value
    with pytest.raises(ValueError):
        study.set_metric_names(["one"])


def test_no_trial_is_best_before_one_is_complete():
    study = bluefin.create_study()
    with pytest.raises(ValueError):
        study.best_trial
    assert study.best_trials == []


def test_queue_and_added_trials(storage):
    study = bluefin.create_study(storage=storage)
    study.enqueue_trial({"x": 1.5, "kind": "b"}, user_attrs={"why": "known"})
    study.enqueue_trial({"x": 1.5, "kind": "b"}, skip_if_exists=True)
    assert [t.state for t in study.trials] == [TrialState.WAITING]
    assert study.trials[0].system_attrs["fixed_params"] == {"x": 1.5, "kind": "b"}

    def run(trial):
        return trial.suggest_float("x", 0, 2) + len(trial.suggest_categorical("kind", ["a", "b"]))

    study.optimize(run, n_trials=1)
    assert study.trials[0].params == {"x": 1.5, "kind": "b"} and study.trials[0].user_attrs == {"why": "known"}
    added = bluefin.create_trial(
        value=0.5,
        params={"x": 0.5, "kind": "a"},
        distributions={"x": FloatDistribution(0, 2), "kind": CategoricalDistribution(["a", "b"])},
        intermediate_values={0: 3.0, 1: float("inf")},
        user_attrs={"source": "file"},
        constraints={"c": -1.0},
    )
    study.add_trials([added, added])
    stored = study.trials[2]
    assert (stored.number, stored.value, stored.params) == (2, 0.5, added.params)
    assert stored.intermediate_values == {0: 3.0, 1: math.inf} and stored.constraints == {"c": -1.0}
    assert abs(stored.datetime_start - added.datetime_start) < datetime.timedelta(milliseconds=1)
    assert study.best_trial.number == 1
    with pytest.raises(TypeError):
        study.enqueue_trial([1])
    with pytest.raises(ValueError):
        study.add_trial(bluefin.create_trial(values=[1.0, 2.0]))
    with pytest.raises(ValueError):
        bluefin.create_trial(value=1.0, params={"x": 1.0})


def test_directions():
    for directions in ([], ["up"], [None], ["minimize", bluefin.study.StudyDirection.NOT_SET]):
        with pytest.raises(ValueError):
            bluefin.create_study(directions=directions)
    with pytest.raises(ValueError):
        bluefin.create_study(direction="minimize", directions=["minimize"])
    with pytest.raises(ValueError):
        bluefin.create_study(direction=["minimize", "maximize"])
    with pytest.raises(TypeError):
        bluefin.create_study("sqlite:///positional.db")


def test_load_copy_delete(storage, tmp_path):
    opened = bluefin.storages.get_storage(storage)
    study = bluefin.create_study(storage=opened, study_name="a", directions=["maximize"])
    study.set_user_attr("k", "v")
    study.optimize(objective, n_trials=4)
    with pytest.raises(bluefin.exceptions.DuplicatedStudyError):
        bluefin.create_study(storage=opened, study_name="a")
    again = bluefin.create_study(storage=opened, study_name="a", load_if_exists=True)
    assert again.direction.name == "MAXIMIZE" and again.trials == study.trials
    bluefin.copy_study(from_study_name="a", from_storage=opened, to_storage=opened, to_study_name="b")
    elsewhere = f"sqlite:///{tmp_path}/copy.db"
    bluefin.copy_study(from_study_name="a", from_storage=opened, to_storage=elsewhere)
    copied = bluefin.load_study(study_name="a", storage=elsewhere)
    assert [t.params for t in copied.trials] == [t.params for t in study.trials] and copied.user_attrs == {"k": "v"}
    assert bluefin.get_all_study_names(opened) == ["a", "b"]
    summary = bluefin.get_all_study_summaries(opened)[0]
    assert (summary.study_name, summary.n_trials, summary.best_trial) == ("a", 4, study.best_trial)
    with pytest.raises(ValueError, match="'a', 'b'"):
        bluefin.load_study(study_name=None, storage=opened)
    bluefin.delete_study(study_name="a", storage=opened)
    assert bluefin.get_all_study_names(opened) == ["b"]
    for missing in (bluefin.load_study, bluefin.delete_study):
        with pytest.raises(KeyError, match="a"):
            missing(study_name="a", storage=opened)


def test_storages_that_cannot_be_used(tmp_path):
    for url in ("mysql://host/db", "postgresql://host/db", "redis://host", "study.db", ""):
        with pytest.raises(ValueError, match="sqlite"):
            bluefin.create_study(storage=url)
    with pytest.raises(TypeError):
        bluefin.create_study(storage=3)
    (tmp_path / "text.db").write_text("this is not a database, but some text that is long enough to look like one")
    for path in ("text.db", "missing/folder.db"):
        with pytest.raises(bluefin.exceptions.StorageInternalError, match=path.split("/")[0]):
            bluefin.create_study(storage=f"sqlite:///{tmp_path}/{path}")


def test_a_study_in_a_file_can_be_pickled(tmp_path):
    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db", sampler=bluefin.samplers.RandomSampler(1))
    study.optimize(objective, n_trials=2)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(objective, n_trials=1)
    assert len(study.trials) == 3


def test_a_study_in_memory_is_copied_by_pickle():
    study = bluefin.create_study(study_name="s")
    study.set_user_attr("any", (1, 2))
    study.optimize(objective, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    assert [t.params for t in again.trials] == [t.params for t in study.trials]
    assert (again.study_name, again.user_attrs, again._study_id) == ("s", {"any": (1, 2)}, study._study_id)
    again.optimize(objective, n_trials=1)
    assert (len(again.trials), len(study.trials)) == (4, 3)


def test_columns_of_a_study_are_the_engines_memory():
    import gc

    import numpy as np

    study = bluefin.create_study(directions=["minimize", "maximize"], sampler=bluefin.samplers.RandomSampler(1))

    def two(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number % 2:
            trial.suggest_categorical("c", ["a", "b"])
        trial.set_constraint("k", x - 0.5)
        return x, 10 * x

    study.optimize(two, n_trials=20)
    history = study.history()
    trials = study.trials
    assert len(history) == 20 and list(history.numbers) == list(range(20)) and set(history.states) == {1}
    assert list(history.losses[1]) == [-t.values[1] for t in trials]
    assert [list(column) for column in history.values] == [[t.values[k] for t in trials] for k in (0, 1)]
    assert sorted(history.params) == ["c", "x"] and list(history.params["x"]) == [t.params["x"] for t in trials]
    assert np.array_equal(np.isnan(history.params["c"]), [t.number % 2 == 0 for t in trials])
    assert list(history.violations) == [max(0.0, t.params["x"] - 0.5) for t in trials]
    with pytest.raises(KeyError):
        history.params["y"]
    for column in (history.numbers, history.losses[0], history.values[1], history.params["x"]):
        with pytest.raises(ValueError):
            column[0] = 1
    # The same memory each time, and alive without its study.
    assert np.shares_memory(study.history().losses[0], history.losses[0])
    losses = history.losses[0].copy()
    kept = history.losses[0]
    study.optimize(two, n_trials=200)
    del study, history
    gc.collect()
    assert np.array_equal(kept, losses)


def test_scalars_of_numpy_can_be_queued(storage):
    import numpy as np

    study = bluefin.create_study(storage=storage)
    study.enqueue_trial({"i": np.int64(3), "x": np.float32(0.5), "c": np.bool_(True)})
    study.optimize(
        lambda t: t.suggest_int("i", 1, 5) + t.suggest_float("x", 0, 1) + t.suggest_categorical("c", [False, True]),
        n_trials=1,
    )
    assert study.best_params == {"i": 3, "x": 0.5, "c": True}


def test_a_value_beyond_every_float_fails_the_trial():
    study = bluefin.create_study()
    study.optimize(lambda _: 10**400, n_trials=1)
    assert study.trials[0].state == bluefin.trial.TrialState.FAIL


def test_an_added_trial_of_another_kind_is_refused(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    other = bluefin.create_trial(
        value=1.0, params={"x": 1}, distributions={"x": bluefin.distributions.IntDistribution(0, 2)}
    )
    with pytest.raises(ValueError, match="'x'.*kind"):
        study.add_trial(other)
    assert len(study.trials) == 1


def test_a_summary_is_made_as_in_optuna():
    summary = bluefin.study.StudySummary("s", bluefin.study.StudyDirection.MINIMIZE, None, {}, 0, None, 1)
    assert summary.direction == bluefin.study.StudyDirection.MINIMIZE
    both = [bluefin.study.StudyDirection.MINIMIZE] * 2
    assert bluefin.study.StudySummary("s", None, None, {}, 0, None, 1, directions=both).directions == both
    with pytest.raises(ValueError, match="Specify one"):
        bluefin.study.StudySummary("s", None, None, {}, 0, None, 1)


def test_errors_tell_all_of_a_text_with_nul_bytes(storage):
    opened = bluefin.storages.get_storage(storage)
    with pytest.raises(KeyError, match="before.*after.*was not found"):
        bluefin.load_study(study_name="before\0after", storage=opened)
    study = bluefin.create_study(storage=opened)
    trial = study.ask()
    trial.suggest_float("before\0after", 0, 1)
    with pytest.raises(ValueError, match="before.*after.*different distribution kind"):
        trial.suggest_int("before\0after", 0, 1)
    with pytest.warns(RuntimeWarning, match="(?s)before.*after.*was suggested with another range"):
        trial.suggest_float("before\0after", 0, 2)


def test_messages_show_distributions_as_python_does():
    study = bluefin.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + len(trial.suggest_categorical("c", ["a"])), n_trials=1)
    shown = {name: repr(distribution) for name, distribution in study.trials[0].distributions.items()}
    with pytest.raises(ValueError) as caught:
        study.ask().suggest_int("x", 0, 1)
    assert shown["x"] in str(caught.value) and repr(IntDistribution(0, 1)) in str(caught.value)
    others = ["it's", 'say "hi"', "both ' and \"", "back\\slash", "line\nfeed", "ä", None, True, 1, 0.5]
    with pytest.raises(ValueError) as caught:
        study.ask().suggest_categorical("c", others)
    assert shown["c"] in str(caught.value) and repr(CategoricalDistribution(others)) in str(caught.value)
    study.enqueue_trial({"x": 7})
    with pytest.warns(UserWarning, match="'x' with value 7 is out of range for distribution FloatDistribution"):
        study.ask().suggest_float("x", 0, 1)


def test_the_times_of_a_study_as_columns():
    import numpy as np

    study = bluefin.create_study(direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    history = study.history()
    for name in ("datetime_start", "datetime_complete"):
        column = getattr(history, name)
        assert column.dtype == np.dtype("datetime64[us]")
        assert [time.item() for time in column] == [getattr(t, name) for t in study.trials]
    assert (history.datetime_complete >= history.datetime_start).all()
    everything = [history.numbers, history.states, history.violations, history.datetime_start]
    everything += [history.datetime_complete, *history.losses, *history.values, history.params["x"]]
    assert not any(column.flags.writeable for column in everything)
    assert len(bluefin.create_study().history().datetime_start) == 0


def test_a_time_that_is_not_known_is_not_a_time(tmp_path):
    import sqlite3

    import numpy as np

    study = bluefin.create_study(study_name="s", storage=f"sqlite:///{tmp_path}/s.db")
    study.optimize(lambda trial: 1.0, n_trials=2)
    with sqlite3.connect(tmp_path / "s.db") as file:
        file.execute("UPDATE trials SET datetime_start = NULL WHERE number = 0")
    again = bluefin.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/s.db")
    assert list(np.isnat(again.history().datetime_start)) == [True, False]


def test_the_empty_name_is_a_name(storage):
    opened = bluefin.storages.get_storage(storage)
    bluefin.create_study(study_name="other", storage=opened)
    with pytest.raises(KeyError, match="study '' was not found"):
        bluefin.load_study(study_name="", storage=opened)
    study = bluefin.create_study(study_name="", storage=opened)
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert study.study_name == "" and sorted(bluefin.get_all_study_names(opened)) == ["", "other"]
    assert len(bluefin.load_study(study_name="", storage=opened).trials) == 1
    with pytest.raises(bluefin.exceptions.DuplicatedStudyError):
        bluefin.create_study(study_name="", storage=opened)
    assert len(bluefin.create_study(study_name="", storage=opened, load_if_exists=True).trials) == 1
    bluefin.delete_study(study_name="", storage=opened)
    assert bluefin.get_all_study_names(opened) == ["other"]


def test_states_that_can_be_gone_through_once(storage):
    study = bluefin.create_study(storage=storage)
    study.optimize(objective, n_trials=3, callbacks=[bluefin.study.MaxTrialsCallback(2, iter([TrialState.COMPLETE]))])
    study.ask()
    for states in (iter([TrialState.COMPLETE]), (state for state in [TrialState.COMPLETE]), {TrialState.COMPLETE: 1}):
        assert [t.number for t in study.get_trials(states=states)] == [0, 1]
    by_id = study._storage
    assert len(by_id.get_all_trials(study._study_id, states=iter([TrialState.RUNNING]))) == 1
    assert by_id.get_n_trials(study._study_id, iter(TrialState)) == 3


def test_the_trial_of_another_study_is_not_told(storage, tmp_path):
    opened = bluefin.storages.get_storage(storage)
    study = bluefin.create_study(storage=opened, study_name="one")
    others = [
        bluefin.create_study(storage=opened, study_name="two"),
        bluefin.create_study(storage=f"sqlite:///{tmp_path}/other.db", study_name="one"),
        bluefin.create_study(study_name="one"),
    ]
    for other in others:
        trial = other.ask()
        with pytest.raises(ValueError, match=f"trial 0 of the study '{other.study_name}' in .* to the study 'one' in"):
            study.tell(trial, 1.0)
        assert study.trials == [] and other.tell(trial, 1.0).number == 0
    # One study, opened twice.
    again = bluefin.load_study(storage=opened, study_name="one")
    assert again.tell(study.ask(), 1.0).number == 0
    if storage is not None:
        trial = bluefin.load_study(storage=f"sqlite:///{tmp_path}/./study.db", study_name="one").ask()
        assert study.tell(trial, 2.0).number == 1
