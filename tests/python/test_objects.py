# SPDX-License-Identifier: MIT
"""Attributes and choices that are objects: what a study in memory, or in a storage of one's own, keeps and gives back."""

import copy
import gc
import pickle
import warnings
import weakref

import pytest

import bluefin
from bluefin.trial import TrialState

from plain_storage import PlainStorage


@pytest.fixture(autouse=True)
def without_warnings_of_choices():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Choices for a categorical distribution")
        yield


class Model:
    def __init__(self, weight=0):
        self.weight = weight


def is_gone(end):
    gc.collect()
    return end() is None


def overwritten(set_attr):
    """An object that `set_attr` has set and replaced."""
    model = Model()
    end = weakref.ref(model)
    set_attr("model", model)
    set_attr("model", Model(1))
    del model
    return end


def test_an_overwritten_object_is_freed():
    study = bluefin.create_study()
    trial = study.ask()
    assert is_gone(overwritten(trial.set_user_attr))
    assert trial.user_attrs["model"].weight == 1
    assert is_gone(overwritten(study.set_user_attr))
    assert study.user_attrs["model"].weight == 1
    by_id = study._storage
    assert is_gone(overwritten(lambda key, value: by_id.set_trial_user_attr(trial._trial_id, key, value)))
    assert is_gone(overwritten(lambda key, value: by_id.set_study_user_attr(study._study_id, key, value)))
    # With a plain value in its place, and in a trial that was added.
    model = Model()
    end = weakref.ref(model)
    study.enqueue_trial({}, user_attrs={"model": model})
    del model
    waiting = study.ask()
    assert waiting.user_attrs["model"].weight == 0
    waiting.set_user_attr("model", "none")
    assert is_gone(end) and waiting.user_attrs == {"model": "none"}
    assert study.tell(waiting, 1.0).user_attrs == {"model": "none"} == study.trials[1].user_attrs


def test_objects_are_freed_with_their_study():
    storage = bluefin.storages.InMemoryStorage()
    ends = []

    def run(trial):
        model, choice = Model(), Model()
        ends.extend([weakref.ref(model), weakref.ref(choice)])
        trial.set_user_attr("model", model)
        trial.suggest_categorical(f"choice{trial.number}", [choice, "other"])
        return 1.0

    for name in ("kept", "deleted"):
        study = bluefin.create_study(study_name=name, storage=storage)
        study.optimize(run, n_trials=3)
    bluefin.delete_study(study_name="deleted", storage=storage)
    assert [is_gone(end) for end in ends] == [False] * 6 + [True] * 6
    del study, storage
    assert all(map(is_gone, ends))


def test_an_object_that_knows_its_study_ends_with_it():
    study = bluefin.create_study()
    model = Model(study)
    end = weakref.ref(model)
    study.set_user_attr("model", model)
    study.ask().set_user_attr("model", model)
    del study, model
    assert is_gone(end)


def test_what_is_refused_is_not_kept():
    study = bluefin.create_study()
    trial = study.ask()
    trial.set_user_attr("model", Model(1))
    study.tell(trial, 1.0)
    model = Model(2)
    end = weakref.ref(model)
    with pytest.raises(bluefin.exceptions.UpdateFinishedTrialError):
        trial.set_user_attr("model", model)
    with pytest.raises(bluefin.exceptions.UpdateFinishedTrialError):
        trial.set_user_attr("other", model)
    bad = bluefin.create_trial(value=1.0, user_attrs={"model": model})
    bad.values = [1.0, 2.0]
    with pytest.raises(ValueError):
        study.add_trial(bad)
    del model, bad
    assert is_gone(end) and study.trials[0].user_attrs["model"].weight == 1


def test_a_frozen_trial_does_not_change_with_the_object():
    study = bluefin.create_study()
    trial = study.ask()
    layers = [1, 2]
    trial.set_user_attr("layers", layers)
    trial.suggest_categorical("choice", [layers, "none"])
    copies = [study.trials[0], study.get_trials(deepcopy=True)[0]]
    shared = study.get_trials(deepcopy=False)[0]
    told = study.tell(trial, 1.0)
    copies.append(told)
    copies.append(study.best_trial)
    layers.append(3)
    assert [t.user_attrs for t in copies] == [{"layers": [1, 2]}] * 4
    assert all(t.distributions["choice"].choices == ([1, 2], "none") for t in copies)
    assert shared.user_attrs["layers"] is layers  # as Optuna's
    copies[0].user_attrs["layers"].append(4)
    assert study.trials[0].user_attrs == {"layers": [1, 2, 3]}
    # One object for one object, also in a copy.
    chosen = study.trials[0]
    assert chosen.params["choice"] == "none" or chosen.params["choice"] is chosen.distributions["choice"].choices[0]


def test_an_overwritten_attribute_is_as_it_was_in_earlier_values():
    study = bluefin.create_study()
    trial = study.ask()
    trial.set_user_attr("a", (1,))
    first = study.get_trials(deepcopy=False)[0]
    trial.set_user_attr("a", (2,))
    second = study.trials[0]
    trial.set_user_attr("a", None)
    assert (first.user_attrs, second.user_attrs, trial.user_attrs) == ({"a": (1,)}, {"a": (2,)}, {"a": None})


def test_callbacks_get_a_value_of_their_own():
    seen = []

    def spoil(study, trial):
        trial.user_attrs["list"].append(1)
        seen.append(trial.user_attrs["list"])

    study = bluefin.create_study()
    study.optimize(lambda t: t.set_user_attr("list", []) or 1.0, n_trials=1, callbacks=[spoil, spoil])
    assert seen == [[1], [1]] and study.trials[0].user_attrs == {"list": []}


def test_a_text_is_a_text():
    study = bluefin.create_study()
    texts = ["\0object:0", "\0object:", "\0choice:0", "\x00object:zz", "a\0b"]
    study.set_user_attr("object", Model())
    trial = study.ask()
    trial.set_user_attr("object", Model())
    for text in texts:
        study.set_user_attr(text, text)
        trial.set_user_attr(text, text)
    chosen = trial.suggest_categorical("choice", texts)
    study.tell(trial, 1.0)
    for attrs in (study.user_attrs, study.trials[0].user_attrs):
        assert [attrs[text] for text in texts] == texts
    assert study.trials[0].params["choice"] == chosen
    assert study.trials[0].distributions["choice"].choices == tuple(texts)


def test_choices_of_one_parameter_are_not_those_of_another():
    study = bluefin.create_study()

    def run(trial):
        trial.set_user_attr("pair", (1, 2))
        trial.suggest_categorical("whole", [(1, 2)])
        trial.suggest_categorical("real", [(1.0, 2.0)])
        return 1.0

    study.optimize(run, n_trials=2)
    for trial in study.trials:
        shown = repr([trial.user_attrs["pair"], trial.params["whole"], trial.params["real"]])
        assert shown == "[(1, 2), (1, 2), (1.0, 2.0)]"


def test_choices_that_cannot_be_compared():
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.zeros(2), numpy.ones(3)]
    study = bluefin.create_study()
    study.optimize(lambda trial: trial.suggest_categorical("array", arrays).sum(), n_trials=3)
    assert {len(trial.params["array"]) for trial in study.trials} <= {2, 3}


def test_other_choices_are_named_in_the_error():
    study = bluefin.create_study()
    study.ask().suggest_categorical("layers", [(1,), "none"])
    with pytest.raises(ValueError) as caught:
        study.ask().suggest_categorical("layers", [(2,), "none"])
    assert "CategoricalDistribution(choices=((1,), 'none'))" in str(caught.value)
    assert "object:" not in str(caught.value)


def test_objects_are_copied_with_their_study():
    study = bluefin.create_study(study_name="s")
    study.set_user_attr("pair", (1, 2))
    study.optimize(lambda t: t.set_user_attr("pair", (3,)) or len(t.suggest_categorical("c", [(1,)])), n_trials=1)
    storage = pickle.loads(pickle.dumps(study._storage))
    bluefin.copy_study(from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="t")
    again = bluefin.load_study(study_name="t", storage=storage)
    assert again.user_attrs == {"pair": (1, 2)}
    assert (again.trials[0].user_attrs, again.trials[0].params) == ({"pair": (3,)}, {"c": (1,)})


@pytest.mark.parametrize("one_study", [True, False])
def test_objects_in_a_storage_of_ones_own(one_study):
    storage = PlainStorage()
    study = bluefin.create_study(study_name="s", storage=storage)
    first = Model(1)

    def run(trial):
        trial.set_user_attr("model", first)
        trial.set_user_attr("model", Model(2))
        assert trial.user_attrs["model"].weight == 2
        trial.set_user_attr("model", first)
        return 1.0

    study.optimize(run, n_trials=1)
    trial = study.ask()
    trial.set_user_attr("model", Model(3))
    told = study.tell(trial, 2.0)
    assert told.user_attrs["model"].weight == 3 == trial.user_attrs["model"].weight
    assert told.user_attrs["model"] is not storage.all_trials[2].user_attrs["model"]
    assert storage.all_trials[1].user_attrs["model"] is first
    if not one_study:
        study = bluefin.load_study(study_name="s", storage=storage)
    assert study.best_trial.user_attrs["model"].weight == 1
    end = weakref.ref(first)
    storage.all_trials[1].user_attrs.clear()
    del first, run, told
    assert is_gone(end)


def test_vars_and_dir_of_a_frozen_trial():
    study = bluefin.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    trial = study.trials[0]
    made = bluefin.create_trial(value=trial.value, params=trial.params, distributions=trial.distributions)
    assert vars(trial).keys() == vars(made).keys()
    assert (vars(trial)["_number"], vars(trial)["state"]) == (0, TrialState.COMPLETE)
    public = {"state", "datetime_complete", "intermediate_values", "number", "params", "values", "user_attrs"}
    assert public <= set(dir(study.trials[0])) and public <= set(dir(made))
    trial.note = 1
    assert vars(trial)["note"] == 1
    assert copy.copy(trial).note == 1 and copy.copy(trial) == trial != study.trials[0]
    with pytest.raises(AttributeError, match="'FrozenTrial' object has no attribute 'nothing'"):
        trial.nothing


def test_text_that_is_not_unicode_is_refused_before_it_makes_a_file_unreadable(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    study = bluefin.create_study(storage=url, study_name="s")
    trial = study.ask()
    for value in ("\ud800", ["a", {"b": "\udfff"}]):
        with pytest.raises(ValueError, match="attribute 'k'"):
            trial.set_user_attr("k", value)
        with pytest.raises(ValueError, match="attribute 'k'"):
            study.set_user_attr("k", value)
    trial.set_user_attr("k", "\U0001f600")
    trial.set_user_attr("text", r"\ud800")
    study.tell(trial, 1.0)
    attrs = bluefin.load_study(study_name="s", storage=url).trials[0].user_attrs
    assert attrs == {"k": "\U0001f600", "text": r"\ud800"}

    in_memory = bluefin.create_study()
    in_memory.set_user_attr("k", "\ud800")
    assert in_memory.user_attrs == {"k": "\ud800"}
