# SPDX-License-Identifier: MIT
"""Files that older releases of Optuna have written: read as Optuna 5 reads them, or refused with the command that upgrades.

The dumps in `data/` were made by those releases (data/make_old_file.py), each with trials of every state and parameters of
every kind.
"""

import pathlib
import re
import sqlite3
import subprocess
import sys

import optuna
import pytest

from test_db_contract import assert_same_in_optuna, db, run
from test_optuna_contract import assert_same_study

DATA = pathlib.Path(__file__).parent / "data"
FILES = sorted(DATA.glob("optuna-*.sql"))
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("dump", FILES, ids=[file.stem for file in FILES])
def test_a_file_of_an_older_release(dump, tmp_path):
    path = tmp_path / "study.db"
    url = f"sqlite:///{path}"
    with sqlite3.connect(path) as connection:
        connection.executescript(dump.read_text())
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version")
    connection.close()
    if revision != "v3.2.0.a":
        before = path.read_bytes()
        for command in ("studies", "trials", "db check", "db copy"):
            words = ["--study-name", "s"] if command == "trials" else []
            words += ["--to-storage", f"sqlite:///{tmp_path}/copy.db"] if command == "db copy" else []
            done = run(*command.split(), "--storage", url, *words)
            assert done.returncode == 1
            suggested = re.search(r"`optuna storage upgrade --storage (.*)`", done.stderr)
            assert suggested and suggested[1] == url, done.stderr
        assert f"alembic_version: {revision}" in db("info", url)
        assert path.read_bytes() == before
        upgrade = [pathlib.Path(sys.executable).parent / "optuna", "storage", "upgrade", "--storage", url]
        done = subprocess.run(upgrade, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    names = optuna.get_all_study_names(url)
    assert "s" in names
    for name in names:
        assert_same_study(url, name)
        # And Optuna reads what bluefin makes of it.
        copy = f"sqlite:///{tmp_path}/{name}.db"
        db("copy", url, "--study-name", name, "--to-storage", copy)
        assert_same_in_optuna(url, copy, name, name)
    trials = optuna.load_study(study_name="s", storage=url).trials
    assert [t.state.name for t in trials[:3]] == ["COMPLETE", "PRUNED", "FAIL"]
    assert trials[-1].state.name == "WAITING"
    assert len(trials[0].params) == 6
    # Both go on with it.
    study = optuna.load_study(study_name="s", storage=url)
    study.tell(study.ask(), 1.0)
    assert db("check", url) == ""


def test_there_are_files_of_each_major_release():
    assert {file.stem.removeprefix("optuna-")[0] for file in FILES} == {"2", "3", "4"}
