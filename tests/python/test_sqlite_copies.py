# SPDX-License-Identifier: MIT
"""One SQLite file and several users in one process: Python's sqlite3, and a wheel with an SQLite of its own (apsw)."""

import sqlite3
import subprocess
import sys

import bluefin


def use(url, n_trials=3):
    study = bluefin.create_study(storage=url, study_name="s", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=n_trials)
    return study


def test_pythons_sqlite3_and_bluefin_write_one_file_in_turn(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    study = use(url)
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    insert = "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (1, ?, ?)"
    for k in range(5):
        other.execute(insert, (f"k{k}", str(k)))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        use(url, 1)  # opened again while both have it open
    assert other.execute("SELECT count(*) FROM trials").fetchone() == (18,)
    assert bluefin.load_study(study_name="s", storage=url).user_attrs == {f"k{k}": k for k in range(5)}
    # A lock that bluefin's closing connections had dropped would let this writer in.
    other.execute("BEGIN IMMEDIATE")
    use_elsewhere = f"import sqlite3; sqlite3.connect({str(tmp_path / 's.db')!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    locked = subprocess.run([sys.executable, "-c", use_elsewhere], capture_output=True, text=True)
    assert "database is locked" in locked.stderr
    other.execute("ROLLBACK")
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# In a process of its own each: a library that is loaded once stays.
def in_a_process(tmp_path, script):
    head = f"import apsw, bluefin, sqlite3\npath = {str(tmp_path / 's.db')!r}\nurl = f'sqlite:///{{path}}'\n"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", head + script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_copy_of_sqlite_that_leaves_the_file_alone_is_no_harm(tmp_path):
    use(f"sqlite:///{tmp_path}/s.db")
    script = """
other = apsw.Connection(path + ".other")
other.execute("CREATE TABLE t (x)")
assert apsw.Connection(path).execute("SELECT count(*) FROM trials").fetchone() == (3,)  # closed again
first = bluefin.load_study(study_name="s", storage=url)
second = bluefin.load_study(study_name="s", storage=url)
second.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
del second
third = bluefin.load_study(study_name="s", storage=url)
print(len(third.trials))
"""
    assert in_a_process(tmp_path, script) == "5\n"


def test_a_second_copy_of_sqlite_that_has_the_file_open_is_refused(tmp_path):
    use(f"sqlite:///{tmp_path}/s.db")
    script = """
other = apsw.Connection(path)
for reference in (other, None):
    try:
        study = bluefin.load_study(study_name="s", storage=url)
        print(len(study.trials))
    except bluefin.exceptions.StorageInternalError as error:
        print(error)
    other.close()
"""
    first, second = in_a_process(tmp_path, script).splitlines()
    assert first.startswith(
        f"sqlite:///{tmp_path}/s.db: this process has the file open and has a second copy of SQLite ("
    )
    assert "/apsw/" in first and first.endswith(
        "); two copies with one file open can damage it, so close it there first, or use it in another process"
    )
    assert second == "3"
