# SPDX-License-Identifier: MIT
"""One SQLite file, two programs: what Optuna writes bluefin reads, and the other way round, value for value."""

import concurrent.futures
import datetime
import json
import math
import os
import pathlib
import sqlite3
import subprocess
import warnings

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build")
TOOL = BUILD / "tests" / "tools" / "storage_tool"

ATTRIBUTES = {
    "null": None,
    "bool": True,
    "int": 2**60,
    "float": 0.1,
    "nan": math.nan,
    "inf": [math.inf, -math.inf],
    "text": 'h\u00e9 "quoted" \\ \n \u540d \U0001f41f',
    "tree": {"a": [1, {"b": None}], "c": "d"},
    "\u00e9 key": "",
}

optuna.logging.set_verbosity(optuna.logging.WARNING)
pytestmark = pytest.mark.filterwarnings("ignore")


def tool(*arguments):
    done = subprocess.run([str(TOOL), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dump(url, study):
    lines = [json.loads(line) for line in tool("dump", url, study).splitlines()]
    return lines[0], lines[1:]


def same(a, b):
    """Equal, with NaN equal to itself and no number equal to a bool or a float to an int."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def micros(time):
    if time is None:
        return None
    return (time.replace(tzinfo=datetime.timezone.utc) - EPOCH) // datetime.timedelta(microseconds=1)


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def assert_same_trial(ours, theirs, raw):
    assert ours["number"] == theirs.number
    assert ours["state"] == theirs.state.name
    assert same(ours["values"], theirs.values or [])
    assert [p["name"] for p in ours["params"]] == list(theirs.params)
    for param in ours["params"]:
        distribution = theirs.distributions[param["name"]]
        assert same(param["value"], theirs.params[param["name"]]), param
        assert param["internal"] == distribution.to_internal_repr(theirs.params[param["name"]])
        assert optuna.distributions.json_to_distribution(json.dumps(param["distribution"])) == distribution
    assert same(ours["reports"], [[k, v] for k, v in sorted(theirs.intermediate_values.items())])
    assert same(ours["user_attrs"], theirs.user_attrs)
    assert same(ours["system_attrs"], theirs.system_attrs)
    assert same(ours["constraints"], {k: ours["constraints"][k] for k in theirs.constraints})
    assert all(float(ours["constraints"][k]) == v for k, v in theirs.constraints.items())
    start, complete = raw[ours["id"]]
    assert ours["start"] == micros(start and datetime.datetime.fromisoformat(start))
    assert ours["complete"] == micros(complete and datetime.datetime.fromisoformat(complete))


def assert_same_study(url, name):
    """Both programs say the same of the file. Returns Optuna's study."""
    ours, trials = dump(url, name)
    study = optuna.load_study(study_name=name, storage=url)
    assert ours["name"] == study.study_name
    assert ours["directions"] == [d.name for d in study.directions]
    assert same(ours["user_attrs"], study.user_attrs)
    assert same(ours["system_attrs"], study._storage.get_study_system_attrs(study._study_id))
    theirs = study.get_trials()
    assert [t["number"] for t in trials] == list(range(len(theirs)))
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        rows = connection.execute("SELECT trial_id, datetime_start, datetime_complete FROM trials")
        raw = {row[0]: row[1:] for row in rows}
    for mine, other in zip(trials, theirs):
        assert mine["id"] == other._trial_id
        assert_same_trial(mine, other, raw)
    return study


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/study.db"


def everything(trial):
    trial.suggest_float("zeta", -1, 1)
    trial.suggest_float("log", 1e-5, 1, log=True)
    trial.suggest_float("step", 0.0, 1.05, step=0.25)
    trial.suggest_int("int", -3, 10)
    trial.suggest_int("int step", 0, 9, step=4)
    trial.suggest_int("int log", 1, 1024, log=True)
    trial.suggest_categorical("\u00e9", [None, True, 7, 2.5, '\u540d "q"'])
    if trial.number % 2:
        trial.suggest_float("only odd", 0.1, 0.3, step=0.1)
    for key, value in ATTRIBUTES.items():
        trial.set_user_attr(key, value)
    trial.set_constraint("memory", -0.5)
    trial.set_constraint("time", 0.0)
    for step, value in [(0, 2.5), (1, math.inf), (5, -math.inf), (7, math.nan)]:
        trial.report(value, step)


def optuna_objective(trial):
    if trial.number == 7:
        raise ValueError("a failed trial")
    everything(trial)
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 5:
        trial.report(0.75, 9)
        raise optuna.TrialPruned
    return {1: math.inf, 2: -math.inf, 4: math.nan}.get(trial.number, trial.params["zeta"] ** 2)


def make_optuna_study(url, name):
    study = optuna.create_study(storage=url, study_name=name, direction="maximize")
    for key, value in ATTRIBUTES.items():
        study.set_user_attr(key, value)
    study.set_metric_names(["accuracy \u540d"])
    study.enqueue_trial({"zeta": 0.125, "\u00e9": None})
    study.optimize(optuna_objective, n_trials=12, catch=(ValueError,))
    study.enqueue_trial({"zeta": 0.25, "int": 4}, user_attrs={"why": "known"})
    everything(study.ask())
    study.enqueue_trial({"zeta": 0.5})
    study.ask()
    study.enqueue_trial({"int": 5})
    return study


def test_all_that_optuna_writes_is_read(url):
    make_optuna_study(url, "\u00e9tude")
    study = assert_same_study(url, "\u00e9tude")
    states = [trial.state for trial in study.trials]
    assert set(states) == set(TrialState)


def test_a_study_with_several_objectives_is_read(url):
    study = optuna.create_study(storage=url, study_name="s", directions=["maximize", "minimize", "minimize"])
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), math.inf, -math.inf), n_trials=3)
    study.add_trial(create_trial(state=TrialState.PRUNED))
    assert_same_study(url, "s")


def test_templates_and_older_class_names_are_read(url):
    study = optuna.create_study(storage=url, study_name="s")
    old = {
        "u": ("UniformDistribution", {"low": 0.0, "high": 1.0}, FloatDistribution(0, 1), 0.5),
        "l": ("LogUniformDistribution", {"low": 0.1, "high": 1.0}, FloatDistribution(0.1, 1, log=True), 0.5),
        "d": ("DiscreteUniformDistribution", {"low": 0.0, "high": 1.0, "q": 0.5}, FloatDistribution(0, 1, step=0.5), 0.5),
        "i": ("IntUniformDistribution", {"low": 0, "high": 9, "step": 3}, IntDistribution(0, 9, step=3), 3),
        "j": ("IntLogUniformDistribution", {"low": 1, "high": 9, "step": 1}, IntDistribution(1, 9, log=True), 3),
        "c": ("CategoricalDistribution", {"choices": [1, math.nan, "a"]}, CategoricalDistribution([1, math.nan, "a"]), 1),
    }
    study.add_trial(
        create_trial(
            params={k: v[3] for k, v in old.items()},
            distributions={k: v[2] for k, v in old.items()},
            values=[1.0],
            system_attrs={"constraints": [1.0, -2.0]},
        )
    )
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        for name, (cls, attributes, _, _) in old.items():
            text = json.dumps({"attributes": attributes, "name": cls})
            connection.execute("UPDATE trial_params SET distribution_json=? WHERE param_name=?", (text, name))
    ours, trials = dump(url, "s")
    got = {p["name"]: p["distribution"] for p in trials[0]["params"]}
    for name, (_, _, distribution, _) in old.items():
        read = optuna.distributions.json_to_distribution(json.dumps(got[name]))
        assert same(read._asdict(), distribution._asdict())
    assert trials[0]["constraints"] == {"0": 1.0, "1": -2.0}


def test_all_that_bluefin_writes_optuna_reads(url):
    tool("make", url, "\u00e9tude")
    study = assert_same_study(url, "\u00e9tude")
    trials = study.get_trials()
    assert [t.state.name for t in trials] == "COMPLETE COMPLETE PRUNED PRUNED FAIL RUNNING WAITING".split()
    assert study.metric_names == ["loss"]
    assert same(study.user_attrs, ATTRIBUTES)
    for trial in trials[:2]:
        assert same(trial.user_attrs, ATTRIBUTES)
        assert trial.constraints == {"memory": -0.5, "time": 0.0}
        assert list(trial.params) == ["zeta", "log", "step", "int", "int step", "int log", "\u00e9"]
        assert same(trial.intermediate_values, {0: 2.5, 1: math.inf, 5: -math.inf, 7: math.nan})
        assert trial.system_attrs["tpe:relative_params:0"] == '{"zeta": 0.5}'
    assert trials[0].params == {
        "zeta": 0.1 + 0.2, "log": 1e-5, "step": 0.75, "int": -3, "int step": 8, "int log": 1024, "\u00e9": '\u540d "q"'
    }
    assert trials[0].distributions["step"] == FloatDistribution(0, 1, step=0.25)
    assert trials[1].params["\u00e9"] is None
    assert trials[1].value == math.inf
    assert trials[2].value == 3.5 and trials[3].values is None
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        (start,) = connection.execute("SELECT datetime_start FROM trials WHERE number=0").fetchone()
    assert abs(now - datetime.datetime.fromisoformat(start)) < datetime.timedelta(minutes=5)  # UTC
    assert study.best_trial.number in (0, 1)
    pareto = assert_same_study(url, "\u00e9tude pareto")
    assert sorted(t.number for t in pareto.best_trials) == [0, 1, 3]


def test_optuna_takes_the_waiting_trial_and_goes_on(url):
    tool("make", url, "s")
    study = optuna.load_study(study_name="s", storage=url, sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=1))
    seen = []

    def objective(trial):
        everything(trial)
        seen.append((trial.number, trial.params["zeta"], trial.params["int"]))
        return trial.params["zeta"] ** 2

    study.optimize(objective, n_trials=10)
    assert seen[0] == (6, 0.125, 4)
    assert_same_study(url, "s")
    tool("run", url, "s", 10)
    study = assert_same_study(url, "s")
    assert len(study.trials) == 7 + 9 + 10
    assert study.best_trial.value == min(t.value for t in study.trials if t.state == TrialState.COMPLETE)


def test_both_write_one_study_at_the_same_time(url):
    study = optuna.create_study(storage=url, study_name="s", sampler=optuna.samplers.RandomSampler(seed=1))
    tool("dump", url, "s")  # from here on the file has a write-ahead log

    def objective(trial):
        value = trial.suggest_float("zeta", -1, 1)
        trial.report(value, 0)
        return value**2

    with concurrent.futures.ThreadPoolExecutor() as pool:
        workers = [pool.submit(tool, "run", url, "s", 150) for _ in range(2)]
        study.optimize(objective, n_trials=10)
        for worker in workers:
            worker.result()
    study = assert_same_study(url, "s")
    assert [t.number for t in study.trials] == list(range(310))
    assert all(t.state == TrialState.COMPLETE for t in study.trials)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_optuna_worker_sees_trials_that_finish_beside_it(url):
    tool("make", url, "s")
    study = optuna.load_study(study_name="s", storage=url)
    before = len(study.trials)
    tool("run", url, "s", 3)  # the first one is the waiting trial
    trials = study.trials
    assert len(trials) == before + 2
    assert trials[6].state == TrialState.COMPLETE and trials[6].params["zeta"] == 0.06
    assert_same_study(url, "s")


def test_a_file_without_versions_and_a_deleted_study(url):
    optuna.create_study(storage=url, study_name="a")
    optuna.create_study(storage=url, study_name="b").optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("DELETE FROM version_info")
    optuna.delete_study(study_name="a", storage=url)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM alembic_version")
    assert_same_study(url, "b")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("v3.2.0.a",)


def test_the_tables_are_those_that_optuna_makes(tmp_path):
    mine, theirs = tmp_path / "mine.db", tmp_path / "theirs.db"
    tool("make", f"sqlite:///{mine}", "s")
    optuna.create_study(storage=f"sqlite:///{theirs}", study_name="s")

    def tables(path):
        with sqlite3.connect(path) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            names = [name for name in names if not name.startswith("bluefin_")]  # what Optuna leaves alone
            columns = {name: sorted(r[1:] for r in connection.execute(f"PRAGMA table_info({name})")) for name in names}
            unique = {
                name: sorted(
                    tuple(column[2] for column in connection.execute(f"PRAGMA index_info({index[1]})"))
                    for index in connection.execute(f"PRAGMA index_list({name})")
                    if index[2]
                )
                for name in names
            }
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            schema = connection.execute("SELECT schema_version FROM version_info").fetchall()
        return columns, unique, versions, schema

    assert tables(mine) == tables(theirs)


def test_an_older_file_is_refused_until_optuna_upgrades_it(url):
    optuna.create_study(storage=url, study_name="s")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num='v3.0.0.d'")
    done = subprocess.run([str(TOOL), "dump", url, "s"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"optuna storage upgrade --storage {url}" in done.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.storages.RDBStorage(url, skip_compatibility_check=True).upgrade()
    assert_same_study(url, "s")
