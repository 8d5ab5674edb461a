# SPDX-License-Identifier: MIT
"""Where programs look closely: each test passes with either package."""

import copy
import enum
import logging
import pickle
import warnings

import numpy as np
import optuna
import pytest

import bluefin

@pytest.fixture(params=[bluefin, optuna], ids=["bluefin", "optuna"])
def package(request):
    return request.param


class Holder:
    def __init__(self, **things):
        self.__dict__.update(things)


def run(study, n_trials=2):
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=n_trials)


def test_a_study_may_be_among_its_own_attributes(package):
    study = package.create_study(study_name="s")
    study.set_user_attr("study", study)
    study.set_user_attr("held", Holder(study=study, storage=study._storage))
    run(study)
    attrs = study.user_attrs
    inner = attrs["study"]
    assert inner is not study and inner.study_name == "s" and attrs["held"].study is inner
    assert [t.params for t in inner.trials] == [t.params for t in study.trials]
    assert inner.user_attrs["study"].best_value == study.best_value
    run(inner, 1)
    assert (len(inner.trials), len(study.trials)) == (3, 2)


def test_trials_may_hold_their_study_and_themselves(package):
    study = package.create_study()

    def objective(trial):
        trial.set_user_attr("trial", trial)
        trial.set_user_attr("held", Holder(study=trial.study, frozen=trial.study.trials[0]))
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=3)
    first, *_, last = study.trials
    assert first.user_attrs["held"].study is last.user_attrs["held"].study is last.user_attrs["trial"].study
    assert first.user_attrs["held"].study.best_value == study.best_value == study.best_trial.value
    assert first.user_attrs["trial"].params == first.params
    assert first.user_attrs["trial"].user_attrs["trial"].number == 0
    assert len(study.get_trials(deepcopy=False)) == 3


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_such_a_study_is_copied(package, copied):
    study = package.create_study(study_name="s")
    trial = study.ask()
    trial.set_user_attr("trial", trial)
    study.set_user_attr("study", study)
    for again in (copied(study), copied(study._storage), copied(trial)):
        if isinstance(again, package.storages.BaseStorage):
            again = package.load_study(study_name="s", storage=again)
        elif isinstance(again, package.Trial):
            assert again.suggest_int("n", 3, 3) == 3
            again = again.study
        inner = again.trials[0].user_attrs["trial"]
        inner.report(1.0, 1)
        assert inner.study.user_attrs["study"].trials[0].number == 0
        again.tell(0, 1.0)
        assert again.best_value == 1.0
    assert study.trials[0].state == package.trial.TrialState.RUNNING


def test_the_name_of_a_study_is_the_users(package):
    study = package.create_study(study_name="stored")
    study.study_name = "mine"
    study.sampler = package.samplers.RandomSampler(seed=1)
    study.pruner = package.pruners.NopPruner()
    run(study)
    assert study.study_name == "mine" and len(study.trials) == 2
    assert package.get_all_study_names(study._storage) == ["stored"]
    assert pickle.loads(pickle.dumps(study)).study_name == "mine"
    assert len(package.load_study(study_name="stored", storage=study._storage).trials) == 2


def test_a_study_that_is_deleted_is_gone(package):
    study = package.create_study(study_name="s")
    run(study)
    package.delete_study(study_name="s", storage=study._storage)
    for use in (study.ask, study.get_trials, lambda: study.trials, lambda: study.user_attrs, lambda: study.best_trial):
        with pytest.raises(KeyError):
            use()
    with pytest.raises(KeyError):
        study.set_user_attr("a", 1)
    with pytest.raises(KeyError):
        run(study)


def test_what_optuna_5_has_removed_is_not_there(package):
    study = package.create_study()
    trial = study.ask()
    for thing in (study, trial):
        assert not hasattr(thing, "system_attrs") and not hasattr(thing, "set_system_attr")
    fixed = package.trial.FixedTrial({})
    assert fixed.system_attrs == {} == study.trials[0].system_attrs and not hasattr(fixed, "set_system_attr")
    assert not hasattr(study.trials[0], "set_system_attr")


def test_ids_in_memory_begin_with_0(package):
    storage = package.storages.InMemoryStorage()
    first = package.create_study(storage=storage)
    second = package.create_study(storage=storage)
    assert [first._study_id, second._study_id] == [0, 1]
    assert [first.ask()._trial_id, second.ask()._trial_id, first.ask()._trial_id] == [0, 1, 2]
    assert [t._trial_id for t in first.trials] == [0, 2]


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.all = []

    def emit(self, record):
        self.all.append((record.name, record.levelno, record.getMessage()))


def test_what_is_logged(package):
    name = package.__name__
    package.logging.set_verbosity(package.logging.INFO)
    records = Records()
    logging.getLogger(name).addHandler(records)
    try:
        study = package.create_study(study_name="s")
        outcomes = iter([2.0, None, 1.0])

        def objective(trial):
            value = next(outcomes)
            if trial.number == 2:
                raise package.TrialPruned("enough")
            return value

        study.optimize(objective, n_trials=3)
        package.create_study(study_name="s", storage=study._storage, load_if_exists=True)
        package.load_study(study_name=None, storage=study._storage)
        study.tell(0, 1.0, skip_if_finished=True)
        study.enqueue_trial({"x": 1})
        study.enqueue_trial({"x": 1}, skip_if_exists=True)
    finally:
        logging.getLogger(name).removeHandler(records)
    manage = f"{name}.study.study"
    assert records.all == [
        (f"{name}.storages._in_memory", logging.INFO, "A new study created in memory with name: s"),
        (
            manage,
            logging.INFO,
            "Trial 0 finished with value: 2.0 and parameters: {}. Best is trial 0 with value: 2.0.",
        ),
        (
            f"{name}.study._optimize",
            logging.WARNING,
            "Trial 1 failed with parameters: {} because of the following error: The value None could not be cast to "
            "float..",
        ),
        (f"{name}.study._optimize", logging.WARNING, "Trial 1 failed with value None."),
        (f"{name}.study._optimize", logging.INFO, "Trial 2 pruned. enough"),
        (manage, logging.INFO, "Using an existing study with `study_name='s'` instead of creating a new one."),
        (
            manage,
            logging.INFO,
            "Study name was omitted but trying to load `study_name='s'` because that was the only study found in the "
            "storage.",
        ),
        (
            f"{name}.study._tell",
            logging.INFO,
            "Skipped telling trial 0 with values 1.0 and state None since trial was already finished. Finished trial "
            f"has values [2.0] and state {package.trial.TrialState.COMPLETE}.",
        ),
        (manage, logging.INFO, "Trial with params {'x': 1} already exists. Skipping enqueue."),
    ]


def test_the_default_formatter(package):
    line = package.logging.create_default_formatter().format(
        logging.LogRecord("name", logging.INFO, __file__, 1, "text", None, None)
    )
    assert "[I " in line and line.endswith(" text")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("IntDistribution", {"step": 0.5}),
        ("IntDistribution", {"step": float("nan")}),
        ("IntDistribution", {"step": float("inf")}),
        ("IntDistribution", {"high": float("inf")}),
        ("IntDistribution", {"low": float("nan")}),
        ("FloatDistribution", {"step": float("inf")}),
        ("FloatDistribution", {"high": float("inf"), "step": 1}),
        ("FloatDistribution", {"low": 1e-300, "high": 1e300, "step": 1e-300}),
    ],
)
def test_a_range_that_is_none(package, kind, arguments):
    cls = getattr(package.distributions, kind)
    # Optuna lets Python's int and decimal say what they make of it.
    errors = ValueError if package is bluefin else (ValueError, ArithmeticError)
    with pytest.raises(errors):
        cls(**{"low": 0, "high": 10, **arguments})


def test_integers_of_any_size_are_a_range(package):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert package.distributions.IntDistribution(0, 3 * 10**40, step=3).high == 3 * 10**40
    with pytest.warns(UserWarning, match="not divisible"):
        assert package.distributions.IntDistribution(0, 10**40, step=3).high == 10**40 - 1


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite+pysqlite:///{}", "sqlite:///{}?timeout=10"]
)
def test_the_urls_of_sqlalchemy(package, url, tmp_path):
    path = tmp_path / "study.db"
    url = url.format(path)
    study = package.create_study(study_name="s", storage=url)
    run(study)
    assert len(study.trials) == 2
    assert path.exists() == (str(path) in url)
    if path.exists():
        assert len(bluefin.load_study(study_name="s", storage=f"sqlite:///{path}").trials) == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pool_size": 20, "connect_args": {"timeout": 10}}, None),  # of Optuna's documentation
        ({"echo": False, "pool_pre_ping": True, "connect_args": {"check_same_thread": False}}, None),
        ({"pool_siez": 20}, TypeError),
        ({"connect_args": {"timeuot": 10}}, TypeError),
        ({"connect_args": {"timeout": "ten"}}, TypeError),
    ],
)
def test_arguments_for_sqlalchemy(package, arguments, error, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    if error is None:
        package.storages.RDBStorage(url, engine_kwargs=arguments)
        return
    with pytest.raises(error, match=None if package is optuna else "pool_siez|timeuot|timeout"):
        package.storages.RDBStorage(url, engine_kwargs=arguments)


def test_every_argument_of_sqlalchemy_is_known():
    from sqlalchemy import create_engine
    from sqlalchemy import util
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine import Engine

    from bluefin.storages import _sqlalchemy

    words = {*util.get_cls_kwargs(SQLiteDialect_pysqlite), *util.get_cls_kwargs(Engine)} - {"url", "dialect", "dbapi"}
    assert words - _sqlalchemy._ENGINE - _sqlalchemy._ELSEWHERE == set()
    for name in _sqlalchemy._ENGINE - words:  # of pools, and of the function itself
        try:
            create_engine("sqlite:///file.db", **{name: None})
        except TypeError as error:
            assert "Invalid argument" not in str(error), name
        except Exception:
            pass  # known, but None is none


def test_half_a_character_is_a_choice_in_memory(package):
    study = package.create_study()
    study.enqueue_trial({"c": "\udfff"})
    study.optimize(lambda trial: len(trial.suggest_categorical("c", ["\ud800", "\udfff", "é"])), n_trials=3)
    assert study.trials[0].params == {"c": "\udfff"}
    assert study.trials[1].distributions["c"].choices == ("\ud800", "\udfff", "é")
    added = package.create_trial(value=1.0, params={"c": "\ud800"}, distributions=study.trials[0].distributions)
    study.add_trial(added)
    assert study.trials[3].params == {"c": "\ud800"}


def test_half_a_character_that_optuna_has_stored_is_read(package, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    theirs = optuna.create_study(study_name="s", storage=url)
    theirs.set_user_attr("half", {"\ud800": ["a\udfff", "\U0001f600"]})
    trial = theirs.ask()
    trial.set_user_attr("half", "\ud800")
    theirs.tell(trial, 1.0)
    study = package.load_study(study_name="s", storage=url)
    assert study.user_attrs == {"half": {"\ud800": ["a\udfff", "\U0001f600"]}}
    assert study.best_trial.user_attrs == {"half": "\ud800"}
    run(study)
    assert len(theirs.trials) == 3


def test_the_tutorials_add_a_handler_to_the_logger_optuna(package):
    records = Records()
    package.logging.set_verbosity(package.logging.INFO)
    logger = package.logging.get_logger("optuna")
    logger.addHandler(records)
    try:
        run(package.create_study(), n_trials=1)
    finally:
        logger.removeHandler(records)
    assert [level for _, level, _ in records.all] == [logging.INFO, logging.INFO]


class Kind(str, enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Size(enum.IntEnum):
    ONE = 1
    TWO = 2


@pytest.mark.parametrize(
    "choices",
    [list(Kind), list(Size), [np.str_("a"), np.str_("b")], [np.float64(0.5), 2.0], [np.int64(1), np.bool_(False)]],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:Choices for a categorical")
def test_choices_of_a_subclass_of_a_plain_type_are_kept_in_memory(package, choices):
    study = package.create_study(sampler=package.samplers.RandomSampler(seed=0))
    seen = []

    def objective(trial):
        seen.append(trial.suggest_categorical("x", choices))
        seen.append(trial.params["x"])
        assert [type(c) for c in trial.distributions["x"].choices] == [type(c) for c in choices]
        return 1.0

    study.enqueue_trial({"x": choices[1]})
    study.optimize(objective, n_trials=6)
    types = [next(type(c) for c in choices if c == value) for value in seen]
    assert [type(value) for value in seen] == types and set(types) == {type(c) for c in choices}
    assert seen[0] == choices[1]
    for trial in [*study.trials, *pickle.loads(pickle.dumps(study)).trials]:
        assert type(trial.params["x"]) is type(seen[2 * trial.number]) and trial.params["x"] == seen[2 * trial.number]
        assert [type(c) for c in trial.distributions["x"].choices] == [type(c) for c in choices]


def test_a_choice_and_the_plain_value_that_equals_it_are_one(package):
    study = package.create_study()
    study.enqueue_trial({"x": "large"})
    study.optimize(lambda trial: len(trial.suggest_categorical("x", list(Kind))), n_trials=1)
    study.optimize(lambda trial: len(trial.suggest_categorical("x", ["small", "large"])), n_trials=1)
    assert study.trials[0].params["x"] == Kind.LARGE


def test_each_callback_has_a_trial_of_its_own(package):
    study = package.create_study()
    seen = []

    def first(study, trial):
        trial.set_user_attr("seen", 1)
        trial.params.clear()

    study.optimize(
        lambda trial: trial.suggest_float("x", 0, 1),
        n_trials=1,
        callbacks=[first, lambda study, trial: seen.append((trial.user_attrs, list(trial.params)))],
    )
    assert seen == [({}, ["x"])]


def test_a_trial_that_is_stored_is_in_the_log_whatever_after_trial_raises(package, caplog):
    class Sampler(package.samplers.RandomSampler):
        def after_trial(self, *args):
            raise RuntimeError("after")

    study = package.create_study(sampler=Sampler())
    package.logging.set_verbosity(package.logging.INFO)
    package.logging.enable_propagation()
    try:
        with pytest.raises(RuntimeError, match="after"):
            study.optimize(lambda trial: 1.5, n_trials=1)
    finally:
        package.logging.disable_propagation()
    assert study.best_value == 1.5
    assert "Trial 0 finished with value: 1.5" in caplog.text


def test_the_space_of_what_was_chosen_before_the_objective_asked(package):
    study = package.create_study(sampler=package.samplers.TPESampler(n_startup_trials=2, multivariate=True, seed=0))
    study.optimize(
        lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_categorical("c", [1, 2]), n_trials=5
    )
    trial = study.ask()
    distributions = package.distributions
    assert trial.relative_params.keys() == {"x", "c"}  # in Optuna that infers the space
    assert trial.relative_search_space == {
        "x": distributions.FloatDistribution(0, 1),
        "c": distributions.CategoricalDistribution([1, 2]),
    }


def test_true_is_one_where_a_queued_trial_is_looked_for(package):
    study = package.create_study()
    study.enqueue_trial({"b": 1})
    study.enqueue_trial({"b": True}, skip_if_exists=True)
    assert len(study.trials) == 1
    study.enqueue_trial({"b": 2}, skip_if_exists=True)
    assert len(study.trials) == 2
