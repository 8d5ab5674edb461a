# SPDX-License-Identifier: MIT
"""What real Optuna takes and bluefin holds otherwise or not at all: the study opens, and what is left out is named."""

import math
import os
import pathlib
import subprocess
import warnings

import optuna
import pytest

import bluefin
from bluefin.storages import JournalStorage
from bluefin.storages.journal import JournalFileBackend
from processes import on_terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = str(BUILD / "bluefin")

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")

TOO_LARGE = {
    "an integer's bound": (lambda t: t.suggest_int("n", 0, 2**60), {"n": 3}),
    "a bound beyond 64 bits": (lambda t: t.suggest_int("n", 0, 2**100), {"n": 3}),
    "a bound beyond a float": (lambda t: t.suggest_int("n", 0, 10**400), {"n": 3}),
    "a step": (lambda t: t.suggest_int("n", 0, 10, step=2**70), {"n": 0}),
    "a queued integer": (lambda t: t.suggest_int("n", 0, 10), {"n": 2**70}),
    "infinite bounds": (lambda t: t.suggest_float("n", -math.inf, math.inf), {"n": 1.5}),
    "no bound": (lambda t: t.suggest_float("n", math.nan, 1.0), {"n": 0.5}),
}
CHOICES = {
    "lists": [[64, 32], [128]],
    "tuples": [(1, 2), (3,)],
    "dicts": [{"a": 1, "b": [None, 1.5]}, {}],
    "large integers": [2**70, 2**70 + 1, 2**64 - 1],
    "half a character": ["\ud800", "b"],
    "mixed": [[1], None, "[1]", 1.0, math.inf],
}


def backends(tmp_path):
    """URL of bluefin's, and Optuna's storage, of a file and of a journal."""
    journal = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "s.log"))
    )
    return [(f"sqlite:///{tmp_path}/s.db", f"sqlite:///{tmp_path}/s.db"), (f"journal:///{tmp_path}/s.log", journal)]


def write(storage, suggest, queued=None, n_trials=1):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage, study_name="s")
    if queued is not None:
        study.enqueue_trial(queued)

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        suggest(trial)
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(objective, n_trials=n_trials)
    return study


@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_parameter_that_cannot_be_held_is_left_out_of_its_trial(tmp_path, case):
    suggest, queued = TOO_LARGE[case]
    for url, storage in backends(tmp_path):
        theirs = write(storage, suggest, queued)
        with pytest.warns(UserWarning, match="study 's', trial 0: parameter 'n' = .*; it is left out"):
            study = bluefin.load_study(study_name="s", storage=url)
            trial = study.trials[0]
        assert trial.params == {"x": theirs.trials[0].params["x"]} and trial.values == theirs.trials[0].values
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
        assert len(study.trials) == 3 and len(theirs.get_trials()) == 3
        assert theirs.get_trials()[0].params == theirs.trials[0].params  # what is in the file is as it was
        for to in (f"sqlite:///{tmp_path}/copy.db", "memory:"):
            with pytest.raises(ValueError, match="trial 0: parameter 'n'"):
                bluefin.copy_study(
                    from_study_name="s",
                    from_storage=url,
                    to_storage=bluefin.storages.InMemoryStorage() if to == "memory:" else to,
                    to_study_name="t",
                )


def test_a_journal_that_python_reads_leaves_it_out_too(tmp_path):
    (_, _), (_, storage) = backends(tmp_path)
    suggest, queued = TOO_LARGE["a bound beyond 64 bits"]
    theirs = write(storage, suggest, queued)
    ours = JournalStorage(JournalFileBackend(str(tmp_path / "s.log")))
    with pytest.warns(UserWarning, match="trial 0: parameter 'n' = 3: .*; it is left out"):
        study = bluefin.load_study(study_name="s", storage=ours)
        assert study.best_params == {"x": theirs.best_params["x"]}
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert len(theirs.get_trials()) == 2
    with pytest.raises(ValueError, match="trial 0: parameter 'n'"):
        bluefin.copy_study(from_study_name="s", from_storage=ours, to_storage=f"sqlite:///{tmp_path}/copy.db")


@pytest.mark.parametrize("case", CHOICES)
def test_choices_that_json_holds_are_kept(tmp_path, case):
    choices = CHOICES[case]
    for url, storage in backends(tmp_path):
        theirs = write(storage, lambda t: t.suggest_categorical("c", choices), n_trials=4)
        study = bluefin.load_study(study_name="s", storage=url)
        assert [t.params for t in study.trials] == [t.params for t in theirs.get_trials()]
        assert repr(study.trials[0].distributions) == repr(theirs.get_trials()[0].distributions)
        if case == "half a character":
            continue  # is read, not written
        copy = f"sqlite:///{tmp_path}/copy-of-{url[:6]}.db"
        bluefin.copy_study(from_study_name="s", from_storage=url, to_storage=copy)
        again = optuna.load_study(study_name="s", storage=copy)
        assert [t.params for t in again.trials] == [t.params for t in theirs.get_trials()]
        study.enqueue_trial({"c": choices[1]})
        study.optimize(lambda t: float(t.suggest_categorical("c", choices) == choices[0]), n_trials=3)
        expected = [list(c) if isinstance(c, tuple) else c for c in choices]
        last = theirs.get_trials()[4:]
        assert last[0].params == {"c": expected[1]} and all(t.params["c"] in expected for t in last)


def test_choices_that_json_does_not_hold_are_refused(tmp_path):
    study = bluefin.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask()
    with pytest.raises(TypeError, match="Parameter 'c': the choice .* cannot be stored"):
        trial.suggest_categorical("c", [[{1}], [2]])
    with pytest.raises(TypeError, match="Parameter 'c': .*object"):
        trial.suggest_categorical("c", [object()])
    with pytest.raises(ValueError, match="Parameter 'c': the choice .* cannot be stored"):
        trial.suggest_categorical("c", [["\ud800"]])
    assert trial.suggest_categorical("c", [(1, 2), (1, 2)]) == (1, 2)
    assert study.trials[0].params == {"c": [1, 2]}


def run(*words):
    return subprocess.run([BLUEFIN, *words], capture_output=True, text=True, timeout=60)


def test_the_command_names_what_it_cannot_hold(tmp_path):
    (url, storage), _ = backends(tmp_path)
    write(storage, *TOO_LARGE["an integer's bound"])
    shown = run("best-trial", "--storage", url, "--study-name", "s", "-f", "json")
    assert shown.returncode == 0 and '"params": {"x": ' in shown.stdout
    assert shown.stderr.count("study 's', trial 0: parameter 'n' = 3: bounds must lie within -2^53 and 2^53") == 1
    checked = run("db", "check", "--storage", url)
    assert checked.returncode == 1 and "bluefin leaves the parameter out" in checked.stdout
    for words in (["copy", "--to-storage", f"sqlite:///{tmp_path}/to.db"], ["export"]):
        refused = run("db", *words, "--storage", url)
        assert refused.returncode == 1 and "trial 0: parameter 'n'" in refused.stderr, refused


def test_a_terminal_gets_no_control_characters_of_a_study(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    name = "a\x1b[2Jb\x07\x9b31m"
    study = bluefin.create_study(storage=url, study_name=name)
    study.set_user_attr("k\x1b[1m", "v\x1b]0;t\x07")
    trial = study.ask()
    trial.suggest_categorical("p\x1bc", ["\x1b[31mred"])
    trial.set_user_attr("t\x1bu", "\x1bv")
    study.tell(trial, 1.0)
    commands = [["study-names"], ["studies"], ["trials", "--study-name", name], ["best-trial", "--study-name", name]]
    for words in commands:
        for form in ("value", "table", "csv", "json", "yaml"):
            for more in ([], ["--flatten"] if words != ["study-names"] else []):
                text, code = on_terminal([BLUEFIN, *words, "--storage", url, "-f", form, *more])
                assert code == 0
                assert not set("\x1b\x07\x9b") & set(text.decode()), (words, form, text)
    # Programs get what is there.
    assert run("study-names", "--storage", url).stdout == name + "\n"
    shown = run("studies", "--storage", url, "-f", "csv").stdout
    assert name in shown
    wrong = run("best-trial", "--storage", url, "--study-name", "no\x1b[2J")
    assert wrong.returncode == 1 and "\x1b" not in wrong.stderr
