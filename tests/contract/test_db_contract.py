# SPDX-License-Identifier: MIT
"""`bluefin db` and Optuna: its files are clean, its studies are copied and exported without loss, and it reads the result."""

import concurrent.futures
import json
import math
import os
import pathlib
import sqlite3
import subprocess

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from test_optuna_contract import ATTRIBUTES, make_optuna_study, same, tool

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
NAME = "\u00e9tude"

pytestmark = pytest.mark.filterwarnings("ignore")


def run(*words, text=None):
    return subprocess.run(
        [str(BUILD / "bluefin"), *map(str, words)], input=text, capture_output=True, text=True, timeout=120
    )


def db(command, url, *words, text=None):
    done = run("db", command, "--storage", url, *words, text=text)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def storage_of(url):
    return JournalStorage(JournalFileBackend(url.removeprefix("journal:///"))) if url.startswith("journal") else url


def described(trial):
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": trial.values,
        "params": list(trial.params.items()),
        "distributions": {k: repr(d) for k, d in trial.distributions.items()},
        "intermediate_values": trial.intermediate_values,
        "user_attrs": trial.user_attrs,  # Optuna reads them in no certain order
        "system_attrs": trial.system_attrs,
        "start": trial.datetime_start,
        "complete": trial.datetime_complete,
    }


def assert_same_in_optuna(url, other, name=NAME, other_name=NAME):
    """Optuna reads the same study from both."""
    a = optuna.load_study(study_name=name, storage=storage_of(url))
    b = optuna.load_study(study_name=other_name, storage=storage_of(other))
    assert a.directions == b.directions
    assert same(a.user_attrs, b.user_attrs)
    assert same(a._storage.get_study_system_attrs(a._study_id), b._storage.get_study_system_attrs(b._study_id))
    assert len(a.trials) == len(b.trials)
    for mine, theirs in zip(a.trials, b.trials):
        mine, theirs = described(mine), described(theirs)
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert same(mine[key], theirs[key]), (mine["number"], key)


@pytest.fixture
def url(tmp_path):
    """A file that Optuna has written, with a value of every kind and a trial of every state."""
    url = f"sqlite:///{tmp_path}/study.db"
    study = make_optuna_study(url, NAME)
    study.set_user_attr("huge", 2**70)
    study.add_trial(create_trial(value=1.0, system_attrs={"artifacts:1": json.dumps({"artifact_id": "1", "filename": "a"})}))
    study.enqueue_trial({"zeta": 7.0})  # outside of its range: Optuna warns, and keeps it
    for _ in range(3):
        study.ask().suggest_float("zeta", -1, 1)
    assert any(t.params.get("zeta") == 7.0 for t in study.trials)
    many = optuna.create_study(storage=url, study_name="many", directions=["maximize", "minimize", "minimize"])
    many.optimize(lambda t: (t.suggest_float("x", 0, 1), math.inf, -math.inf), n_trials=3)
    many.add_trial(create_trial(state=TrialState.PRUNED))
    return url


def test_a_file_that_optuna_wrote_is_clean(url):
    assert db("check", url) == ""
    info = json.loads(db("info", url, "-f", "json"))
    assert info["journal_mode"] == "delete"  # looking changes nothing
    assert (info["alembic_version"], info["schema_version"]) == ("v3.2.0.a", 12)
    study = optuna.load_study(study_name=NAME, storage=url)
    counts = {s.name: sum(t.state == s for t in study.trials) for s in TrialState}
    assert info["studies"][0] == {
        "name": NAME, "n_trials": len(study.trials), "trials": {k: v for k, v in sorted(counts.items()) if v}
    }
    assert info["studies"][1]["trials"] == {"COMPLETE": 3, "PRUNED": 1}


def test_a_file_with_heartbeats_is_clean(tmp_path):
    url = f"sqlite:///{tmp_path}/beats.db"
    storage = optuna.storages.RDBStorage(url, heartbeat_interval=1)
    study = optuna.create_study(storage=storage, study_name="s")
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT count(*) FROM trial_heartbeats").fetchone() == (3,)
    assert db("check", url) == ""


def test_a_file_that_bluefin_wrote_is_clean(tmp_path):
    url = f"sqlite:///{tmp_path}/mine.db"
    tool("make", url, "s")
    assert db("check", url) == ""


def test_what_optuna_could_not_read_is_found(url):
    path = url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trials SET state='DONE' WHERE trial_id=4")
        connection.execute("UPDATE trial_user_attributes SET value_json='{' WHERE trial_user_attribute_id=1")
    with pytest.raises(Exception):
        optuna.load_study(study_name=NAME, storage=url).trials
    done = run("db", "check", "--storage", url, "-f", "json")
    assert done.returncode == 1
    found = {(f["table"], f["id"]) for f in json.loads(done.stdout)}
    assert found >= {("trials", 4), ("trial_user_attributes", 1)}


@pytest.mark.parametrize("to", ["sqlite:///{}/copy.db", "journal:///{}/copy.log", "sqlite:///{}/delete.db?journal=delete"])
def test_optuna_reads_a_copy_as_its_own(url, tmp_path, to):
    to = to.format(tmp_path)
    plain = to.partition("?")[0]
    if "journal:" in to:
        # bluefin reads integers of a journal with 64 bits.
        optuna.load_study(study_name=NAME, storage=url).set_user_attr("huge", float(2**70))
    db("copy", url, "--to-storage", to)
    assert_same_in_optuna(url, plain)
    assert_same_in_optuna(url, plain, "many", "many")
    if plain.startswith("sqlite"):
        assert db("check", plain) == ""
    # and back again, under another name
    db("copy", to, "--to-storage", url, "--study-name", NAME, "--to-study-name", "back")
    assert_same_in_optuna(plain, url, NAME, "back")
    # Optuna goes on with it: the queued trial first.
    study = optuna.load_study(study_name=NAME, storage=storage_of(plain))
    waiting = [t for t in study.trials if t.state == TrialState.WAITING]
    if waiting:
        assert study.ask().number == waiting[0].number


def test_a_study_in_optunas_journal_is_copied(url, tmp_path):
    journal = f"journal:///{tmp_path}/theirs.log"
    optuna.copy_study(from_study_name="many", from_storage=url, to_storage=storage_of(journal))
    db("copy", journal, "--to-storage", f"sqlite:///{tmp_path}/copy.db")
    assert_same_in_optuna(journal, f"sqlite:///{tmp_path}/copy.db", "many", "many")


def test_export_and_import_lose_nothing(url, tmp_path):
    lines = db("export", url)
    other = f"sqlite:///{tmp_path}/other.db"
    db("import", other, text=lines)
    assert db("export", other) == lines
    assert_same_in_optuna(url, other)
    assert_same_in_optuna(url, other, "many", "many")
    records = [json.loads(line) for line in lines.splitlines()]  # as Python reads JSON
    assert records[0] == {"format": "bluefin-studies", "version": 1, "n_studies": 2}
    assert records[1]["study"] == NAME
    assert same(records[1]["user_attrs"], {**ATTRIBUTES, "huge": 2**70})
    trials = optuna.load_study(study_name=NAME, storage=url).trials
    for record, trial in zip(records[2:], trials):
        assert record["number"] == trial.number
        assert same({k: p["value"] for k, p in record["params"].items()}, trial.params)
        assert same(record["values"], trial.values or [])
    with sqlite3.connect(url.removeprefix("sqlite:///")) as a, sqlite3.connect(other.removeprefix("sqlite:///")) as b:
        for table in ("trial_user_attributes", "trial_system_attributes", "study_user_attributes"):
            query = f'SELECT "key", value_json FROM {table} ORDER BY 1, 2'
            assert a.execute(query).fetchall() == b.execute(query).fetchall()  # to the byte


def test_a_packed_file_opens_in_optuna_and_as_bytes(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    tool("make", url, "s")
    tool("run", url, "s", 3)
    db("pack", url, "--output", tmp_path / "copy.db")
    db("pack", url)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "study.db"]
    assert_same_in_optuna(url, f"sqlite:///{tmp_path}/copy.db", "s", "s")
    for name in ("copy.db", "study.db"):
        connection = sqlite3.connect(":memory:")
        if not hasattr(connection, "deserialize"):  # from Python 3.11 on
            break
        connection.deserialize((tmp_path / name).read_bytes())  # what the dashboards in a browser do
        assert connection.execute("SELECT count(*) FROM trials").fetchone()[0] >= 9
    study = optuna.load_study(study_name="s", storage=url)
    study.add_trial(create_trial(value=1.0, params={"zeta": 0.5}, distributions={"zeta": FloatDistribution(-1, 1)}))
    assert db("check", url) == ""


def test_copies_while_both_write(url, tmp_path):
    study = optuna.load_study(study_name=NAME, storage=url, sampler=optuna.samplers.RandomSampler(seed=1))
    before = len(study.trials)

    def objective(trial):
        value = trial.suggest_float("zeta", -1, 1)
        trial.report(value, 0)
        return value

    with concurrent.futures.ThreadPoolExecutor() as pool:
        writers = [pool.submit(tool, "run", url, NAME, 200), pool.submit(study.optimize, objective, n_trials=15)]
        copies = 0
        while not all(writer.done() for writer in writers) or copies == 0:
            copy = f"sqlite:///{tmp_path}/copy{copies}.db"
            db("copy", url, "--to-storage", copy, "--study-name", NAME)
            assert db("check", copy) == ""
            copies += 1
        for writer in writers:
            writer.result()
    numbers = [t.number for t in optuna.load_study(study_name=NAME, storage=copy).trials]
    assert numbers == list(range(len(numbers))) and len(numbers) >= before
    assert db("check", url) == ""
