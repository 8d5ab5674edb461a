# SPDX-License-Identifier: MIT
"""The same command lines for `optuna` and `bluefin`, on the same or on twin files: the same standard output."""

import contextlib
import datetime
import io
import itertools
import json
import logging
import math
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time
import warnings

import optuna
import optuna.cli
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", os.environ.get("BLUEFIN_BUILD", "build"))
BLUEFIN = BUILD / "bluefin"
FORMATS = ("value", "json", "table", "yaml")

optuna.logging.set_verbosity(optuna.logging.WARNING)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def somewhere_else_than_greenwich(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    for variable in ("BLUEFIN_STORAGE", "OPTUNA_STORAGE"):
        monkeypatch.delenv(variable, raising=False)
    yield
    monkeypatch.undo()
    time.tzset()


def run_bluefin(*arguments, env=None):
    return subprocess.run(
        [str(BLUEFIN), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
    )


def bluefin(*arguments):
    done = run_bluefin(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_optuna(*arguments):
    """Optuna's own main(), in this process for speed. Gives the exit code and standard output."""
    out = io.StringIO()
    header = list(optuna.cli._Studies._study_list_header)
    handlers = list(logging.getLogger().handlers)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        patch.setattr("sys.argv", ["optuna", *map(str, arguments)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                code = optuna.cli.main()
            except SystemExit as error:
                code = error.code
            except Exception:
                code = 1  # what the interpreter makes of it
    optuna.cli._Studies._study_list_header[:] = header
    logging.getLogger().handlers[:] = handlers
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return code, out.getvalue()


def optuna_cli(*arguments):
    code, out = run_optuna(*arguments)
    assert code == 0
    return out


def assert_same(*arguments):
    assert bluefin(*arguments) == optuna_cli(*arguments)


AWKWARD = {
    "null": None,
    "true": True,
    "int": -7,
    "big": 2**53,
    "float": 0.1,
    "small": 1e-05,
    "large": 1e22,
    "whole": 3.0,
    "nan": math.nan,
    "infinities": [math.inf, -math.inf],
    "empty list": [],
    "empty dict": {},
    "nested": {"b": [1, {"c": None, "a": [[], [1, [2, 3]]]}], "a": {"z": {}, "y": "1"}},
    "yes": "yes",
    "number": "1.5",
    "sexagesimal": "1:30",
    "date": "2026-11-23",
    "tilde": "~",
    "dash": "- a",
    "colon": "a: b",
    "hash": "a #b",
    "quotes": """both ' and " quotes""",
    "single": "it's",
    "accent": "h\u00e9llo \u540d \U0001f41f",
    "breaks": "one\ntwo\n\nthree",
    "ends": "line\n",
    "tab": "a\tb\\c\x07\x1b",
    "spaces": "  both ends  ",
    "folded": "lorem ipsum dolor sit amet " * 8,
    "folded quotes": "it's: " * 40,
    "folded accents": "\u00e9t\u00e9 " * 60,
    "unbroken": "x" * 200,
    "k" * 130: "a key of 130 characters",
    "a key\nof two lines": "value",
    "": "no key",
}


def fill(url):
    """Three studies with everything that a table can hold."""
    empty = optuna.create_study(storage=url, study_name="empty")
    empty.set_user_attr("note", "nothing here")

    study = optuna.create_study(storage=url, study_name="one", direction="maximize")
    for key, value in AWKWARD.items():
        study.set_user_attr(key or "blank", value)
    space = {
        "x": FloatDistribution(-1.0, 1.0),
        "lr": FloatDistribution(1e-6, 1.0, log=True),
        "n": IntDistribution(1, 9, step=2),
        "c": CategoricalDistribution([None, True, 3, 2.5, "foo", "it's"]),
    }
    begin = datetime.datetime(2026, 3, 28, 23, 59, 58, 250000)
    spans = (0.0, 0.000001, 61.5, 3600.0, 86400.0, 200000.123456)
    choices = (None, True, 3, 2.5, "foo", "it's")
    states = (
        (TrialState.COMPLETE, 0.5),
        (TrialState.COMPLETE, -math.inf),
        (TrialState.PRUNED, 0.25),
        (TrialState.FAIL, None),
        (TrialState.COMPLETE, 12345678.9),
        (TrialState.PRUNED, None),
    )
    for i, (span, choice, (state, value)) in enumerate(zip(spans, choices, states)):
        params = {"lr": 10.0**-i, "x": i / 7, "c": choice} if i % 2 else {"n": 2 * i + 1, "c": choice}
        trial = create_trial(
            state=state,
            value=value,
            params=params,
            distributions={name: space[name] for name in params},
            user_attrs=dict(itertools.islice(AWKWARD.items(), i * 6, i * 6 + 5)) if i != 5 else {},
        )
        trial.datetime_start = begin + datetime.timedelta(hours=i)
        trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=span)
        study.add_trial(trial)
    study.ask()
    study.enqueue_trial({"x": 0.5})

    several = optuna.create_study(storage=url, study_name="several", directions=["minimize", "maximize"])
    for i in range(5):
        state = TrialState.FAIL if i == 3 else TrialState.COMPLETE
        values = None if i == 3 else [i, (i - 2) ** 2]
        several.add_trial(create_trial(state=state, values=values, params={"x": i / 8}, distributions={"x": space["x"]}))

    named = optuna.create_study(storage=url, study_name="named", directions=["minimize", "maximize"])
    named.set_metric_names(["loss", "accuracy"])
    named.add_trial(create_trial(values=[1.0, 2.0]))
    single = optuna.create_study(storage=url, study_name="named one")
    single.set_metric_names(["loss"])
    single.add_trial(create_trial(value=1.0))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "studies.db"
    fill(f"sqlite:///{path}")
    return f"sqlite:///{path}"


@pytest.mark.parametrize("output_format", FORMATS)
def test_study_names(url, output_format):
    assert_same("study-names", "--storage", url, "-f", output_format)


@pytest.mark.parametrize("flatten", ([], ["--flatten"]))
@pytest.mark.parametrize("output_format", FORMATS)
def test_studies(url, output_format, flatten):
    assert_same("studies", "--storage", url, "--format", output_format, *flatten)


@pytest.mark.parametrize("flatten", ([], ["--flatten"]))
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("study", ("empty", "one", "several", "named", "named one"))
def test_trials(url, study, output_format, flatten):
    assert_same("trials", "--storage", url, "--study-name", study, "-f", output_format, *flatten)


@pytest.mark.parametrize("flatten", ([], ["--flatten"]))
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("study", ("one", "named one"))
def test_best_trial(url, study, output_format, flatten):
    assert_same("best-trial", "--storage", url, "--study-name", study, "-f", output_format, *flatten)


@pytest.mark.parametrize("flatten", ([], ["--flatten"]))
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("study", ("one", "several", "named"))
def test_best_trials(url, study, output_format, flatten):
    assert_same("best-trials", "--storage", url, "--study-name", study, "-f", output_format, *flatten)


def test_default_formats(url):
    assert_same("study-names", "--storage", url)
    assert_same("studies", "--storage", url)
    for command in ("trials", "best-trial", "best-trials"):
        assert_same(command, "--storage", url, "--study-name", "one")


def test_a_storage_without_studies(tmp_path):
    url = f"sqlite:///{tmp_path / 'none.db'}"
    optuna.storages.RDBStorage(url)
    for command, output_format in itertools.product(("study-names", "studies"), FORMATS):
        assert_same(command, "--storage", url, "-f", output_format)


def test_options_before_the_command_and_shortened(url):
    assert_same("--storage", url, "trials", "--study-name", "one")
    assert_same("--storage=" + url, "-q", "trials", "--study=one", "--form", "json")


def test_texts_of_any_kind_come_out_alike(tmp_path):
    """Random strings, keys and nestings, so that every rule about quoting, escaping and folding is met."""
    rng = random.Random(7)
    pieces = list(" abcXYZ0123456789.:,-#?!&*'\"%@`|>{}[]~=<\\/\n\t_+") + [
        "\u00e9", "\u540d", "\U0001f41f", "\u2028", "\u00a0", "\ufeff", "\x7f", "\u200b", "\x00", "\x85", "  ", "\n\n",
        " \n", "\n ", "word ", "yes", "null", "1e5", "0x1f", "---", "...", ": ", " #", "2026-01-01 10:00:00",
    ]  # fmt: skip

    def text(longest):
        return "".join(rng.choice(pieces) for _ in range(rng.randrange(longest)))

    def number():
        return rng.choice((rng.randrange(-(10**18), 10**18), rng.gauss(0, 1) * 10 ** rng.randrange(-20, 20)))

    def value(depth):
        kind = rng.randrange(8 if depth else 5)
        if kind < 3:
            return text(8 if rng.random() < 0.5 else 120)
        if kind == 3:
            return number()
        if kind == 4:
            return rng.choice((None, True, False, math.nan, 0.0, -0.0))
        if kind < 6:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        return {text(20): value(depth - 1) for _ in range(rng.randrange(4))}

    url = f"sqlite:///{tmp_path / 'random.db'}"
    study = optuna.create_study(storage=url, study_name="random")
    for i in range(150):
        study.set_user_attr(f"{i} {text(10)}", value(3))
    for output_format in FORMATS:
        assert_same("studies", "--storage", url, "-f", output_format)


# Distributions with one value each, so that every sampler suggests the same.
FIXED_SPACE = {
    "x": {"name": "FloatDistribution", "attributes": {"low": 0.1, "high": 0.1, "log": False, "step": None}},
    "n": {"name": "IntDistribution", "attributes": {"low": 3, "high": 3, "log": False, "step": 1}},
    "a": {"name": "CategoricalDistribution", "attributes": {"choices": ["f\u00f3o"]}},
    "none": {"name": "CategoricalDistribution", "attributes": {"choices": [None]}},
}
WIDE_SPACE = {"x": {"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0}}}


def make_twins(folder):
    original = folder / "optuna.db"
    url = f"sqlite:///{original}"
    study = optuna.create_study(storage=url, study_name="s")
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.75})
    optuna.create_study(storage=url, study_name="two", directions=["minimize", "minimize"])
    shutil.copy(original, folder / "bluefin.db")
    return url, f"sqlite:///{folder / 'bluefin.db'}"


@pytest.fixture
def twins(tmp_path):
    """Two equal files with a study of two objectives and one of one, where two configurations are queued."""
    return make_twins(tmp_path)


def same_on_twins(twins, *arguments):
    theirs, ours = twins
    expected = optuna_cli(*arguments, "--storage", theirs)
    assert bluefin(*arguments, "--storage", ours) == expected
    return expected


@pytest.mark.parametrize("flatten", ([], ["--flatten"]))
@pytest.mark.parametrize("output_format", (None, *FORMATS))
def test_ask(twins, output_format, flatten):
    shown = [*flatten] if output_format is None else ["-f", output_format, *flatten]
    for sampler in ([], ["--sampler", "RandomSampler"], ["--sampler", "TPESampler", "--sampler-kwargs", '{"seed": 1}']):
        same_on_twins(twins, "ask", "--study-name", "two", "--search-space", json.dumps(FIXED_SPACE), *sampler, *shown)
    same_on_twins(twins, "ask", "--study-name", "two", *shown)
    for _ in range(2):  # the queued ones
        same_on_twins(twins, "ask", "--study-name", "s", "--search-space", json.dumps(WIDE_SPACE), *shown)


def trials_without_times(url, study):
    trials = json.loads(bluefin("trials", "--storage", url, "--study-name", study, "-f", "json"))
    for trial in trials:
        for key in ("datetime_start", "datetime_complete", "duration"):
            trial.pop(key)
        trial.get("user_attrs", {}).pop("bluefin:error", None)  # why a trial failed; Optuna does not store it
        if trial.get("user_attrs") == {}:
            trial.pop("user_attrs")
    return trials


def test_tell(twins):
    for _ in range(5):
        same_on_twins(twins, "ask", "--study-name", "two", "--search-space", json.dumps(FIXED_SPACE))
    for number, arguments in enumerate(
        (
            ["--values", "1.5", "-2"],
            ["--values", "-0.001", "inf", "--state", "complete"],
            ["--values", "nan", "1"],
            ["--values", "1"],
            ["--state", "fail"],
        )
    ):
        same_on_twins(twins, "tell", "--study-name", "two", "--trial-number", number, *arguments)
    same_on_twins(twins, "tell", "--study-name", "two", "--trial-number", 0, "--values", 3, 4, "--skip-if-finished")
    theirs, ours = twins
    told = trials_without_times(ours, "two")
    assert told == trials_without_times(theirs, "two")
    assert [trial["state"] for trial in told] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    assert told[0]["values"] == [1.5, -2.0]


def test_a_pruned_trial_takes_its_last_report(twins):
    for url in twins:
        trial = optuna.load_study(storage=url, study_name="s").ask()
        trial.report(0.5, step=0)
        trial.report(0.125, step=3)
    same_on_twins(twins, "tell", "--study-name", "s", "--trial-number", 0, "--state", "pruned")
    theirs, ours = twins
    assert trials_without_times(ours, "s") == trials_without_times(theirs, "s")
    assert trials_without_times(ours, "s")[0]["value"] == 0.125


def test_studies_made_by_one_are_used_by_the_other(tmp_path):
    url = f"sqlite:///{tmp_path / 'made.db'}"
    assert bluefin("create-study", "--storage", url, "--study-name", "s", "--directions", "minimize", "maximize") == "s\n"
    assert optuna.load_study(storage=url, study_name="s").directions == [
        optuna.study.StudyDirection.MINIMIZE,
        optuna.study.StudyDirection.MAXIMIZE,
    ]
    bluefin("study", "set-user-attr", "--storage", url, "--study-name", "s", "-k", "key", "--value", "0.5")
    assert optuna.load_study(storage=url, study_name="s").user_attrs == {"key": "0.5"}
    assert_same("create-study", "--storage", url, "--study-name", "s", "--skip-if-exists")
    optuna_cli("create-study", "--storage", url, "--study-name", "t", "--direction", "maximize")
    bluefin("delete-study", "--storage", url, "--study-name", "s")
    assert_same("studies", "--storage", url)
    assert optuna.get_all_study_names(url) == ["t"]
    assert_same("storage", "upgrade", "--storage", url)


BAD_LINES = (
    ["create-study", "--direction", "sideways"],
    ["create-study", "--direction", "minimize", "--directions", "minimize", "maximize"],
    ["create-study", "--study-name", "s"],
    ["delete-study", "--study-name", "nobody"],
    ["study", "set-user-attr", "--study-name", "s", "--key", "k"],
    ["study", "set-user-attr", "--study-name", "nobody", "--key", "k", "--value", "v"],
    ["studies", "-f", "xml"],
    ["trials"],
    ["trials", "--study-name", "nobody"],
    ["trials", "--study-name", "s", "--no-such-option"],
    ["best-trial", "--study-name", "s"],
    ["best-trial", "--study-name", "two"],
    ["ask", "--study-name", "nobody"],
    ["ask", "--study-name", "s", "--sampler-kwargs", "{}"],
    ["ask", "--study-name", "s", "--sampler", "NoSuchSampler"],
    ["ask", "--study-name", "s", "--sampler", "TPESampler", "--sampler-kwargs", '{"no_such_option": 1}'],
    ["ask", "--study-name", "s", "--search-space", "{"],
    ["ask", "--study-name", "s", "--search-space", '{"x": {"name": "NoDistribution", "attributes": {}}}'],
    ["ask", "--study-name", "s", "--search-space", json.dumps({"x": {"name": "FloatDistribution", "attributes": {"low": 1, "high": 0}}})],
    ["tell", "--study-name", "s", "--trial-number", "99", "--values", "1"],
    ["tell", "--study-name", "s", "--trial-number", "0", "--values", "1"],  # it waits, it does not run
    ["tell", "--study-name", "s", "--trial-number", "x", "--values", "1"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--values", "abc"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--state", "waiting"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--state", "complete"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--state", "complete", "--values", "nan"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--state", "complete", "--values", "1", "2"],
    ["tell", "--study-name", "s", "--trial-number", "2", "--state", "pruned", "--values", "1"],
    ["stduies"],
)  # fmt: skip


@pytest.fixture(scope="module")
def twins_with_a_running_trial(tmp_path_factory):
    twins = make_twins(tmp_path_factory.mktemp("bad"))
    for url in twins:
        optuna.load_study(storage=url, study_name="s").add_trial(create_trial(state=TrialState.RUNNING))
    return twins


@pytest.mark.parametrize("arguments", BAD_LINES, ids=" ".join)
def test_what_optuna_refuses_is_refused_with_one_sentence(twins_with_a_running_trial, arguments):
    theirs, ours = twins_with_a_running_trial
    code, _ = run_optuna(*arguments, "--storage", theirs)
    assert code != 0
    done = run_bluefin(*arguments, "--storage", ours)
    assert done.returncode in (1, 2), done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("bluefin: ") and done.stderr.count("\n") == 1, done.stderr


def test_without_a_storage_the_help_is_shown():
    done = run_bluefin("create-study")
    assert done.returncode == 2
    assert done.stdout.startswith("usage:")
    assert "Storage URL is not specified" in done.stderr


def test_the_storage_comes_from_the_environment(url):
    expected = optuna_cli("study-names", "--storage", url)
    assert run_bluefin("study-names", env={"OPTUNA_STORAGE": url}).stdout == expected
    both = {"BLUEFIN_STORAGE": url, "OPTUNA_STORAGE": "sqlite:////nowhere/at/all.db"}
    assert run_bluefin("study-names", env=both).stdout == expected


@pytest.mark.parametrize("option, expected", (("--verbose", True), ("-v", True), ("--quiet", False), ("-q", False)))
def test_verbosity(tmp_path, option, expected):
    done = run_bluefin("create-study", "--storage", f"sqlite:///{tmp_path / 'v.db'}", option)
    assert done.returncode == 0
    assert ("A new study created in RDB with name: no-name-" in done.stderr) == expected


def test_a_study_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    optuna.create_study(storage=url, study_name="good").optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    bad = optuna.create_study(storage=url, study_name="bad")
    bad.optimize(lambda t: t.suggest_float("broken", 0, 1), n_trials=1)
    with sqlite3.connect(f"{tmp_path}/s.db") as connection:
        connection.execute("UPDATE trial_params SET distribution_json='{' WHERE param_name='broken'")
    connection.close()
    done = run_bluefin("studies", "--storage", url, "-f", "json")
    assert done.returncode == 0 and "study 'bad' cannot be read" in done.stderr
    assert [(s["name"], s["n_trials"]) for s in json.loads(done.stdout)] == [("good", 2), ("bad", None)]
    import bluefin as module

    with pytest.warns(UserWarning, match="'bad' is left out"):
        assert [s.study_name for s in module.get_all_study_summaries(url)] == ["good"]
