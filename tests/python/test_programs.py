# SPDX-License-Identifier: MIT
"""Whole programs: one written for Optuna, the quickstart, and one trial of `bluefin run`."""

import os
from pathlib import Path
import subprocess
import sys
import textwrap

import pytest

import bluefin


ROOT = Path(__file__).resolve().parents[2]


SCRIPT = """
    import optuna

    def objective(trial: optuna.trial.Trial) -> float:
        x = trial.suggest_float("x", -10, 10)
        depth = trial.suggest_int("depth", 1, 32, log=True)
        name = trial.suggest_categorical("name", ["SVC", "RandomForest"])
        for step in range(5):
            trial.report(x ** 2 + 5 - step, step)
            if trial.should_prune():
                raise optuna.TrialPruned()
        return x ** 2 + depth + (name == "SVC")

    def callback(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        assert trial.state in (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)

    optuna.logging.set_verbosity(optuna.logging.INFO)
    study = optuna.create_study(
        study_name="example", storage="sqlite:///example.db", load_if_exists=True, direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=10), pruner=optuna.pruners.MedianPruner(n_warmup_steps=2),
    )
    study.enqueue_trial({"x": 0.5, "depth": 2})
    study.optimize(objective, n_trials=20, timeout=60, callbacks=[callback], gc_after_trial=True)
    pruned = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.PRUNED])
    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    assert len(pruned) + len(complete) == len(study.trials) == 20
    trial = study.best_trial
    print("Best:", trial.value, sorted(trial.params), study.trials[0].params["x"])
"""


@pytest.mark.parametrize("package", ["optuna", "bluefin"])
def test_a_plain_script_runs_with_only_the_import_changed(package, tmp_path):
    line = "import optuna" if package == "optuna" else "import bluefin as optuna"
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("import optuna", line, 1))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Best: ") and "['depth', 'name', 'x'] 0.5" in done.stdout
    assert "A new study created" in done.stderr and "Trial 0 finished with value: " in done.stderr


def test_the_quickstart_runs_and_goes_on(tmp_path):
    for n_trials in (30, 60):
        done = subprocess.run(
            [sys.executable, ROOT / "examples" / "quickstart.py"],
            cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("best loss 0.")
        assert len(bluefin.load_study(study_name="lr", storage=f"sqlite:///{tmp_path}/lr.db").trials) == n_trials


PROGRAM = """
    import sys
    import bluefin

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("kind", trial.suggest_categorical("kind", ["a", "b"]))
        trial.report(x, 0)
        if trial.number == 1:
            raise bluefin.TrialPruned
        if trial.number == 2:
            raise LookupError("two")
        return [x, x] if trial.number == 3 else x

    assert bluefin.is_attached()
    sys.exit(bluefin.run_attached(objective))
"""


def test_a_program_finds_the_trial_that_it_was_started_for(tmp_path):
    command = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build") / "bluefin"
    if not command.exists():
        pytest.skip("the command bluefin is not built")
    assert not bluefin.is_attached()
    with pytest.raises(ValueError):
        bluefin.run_attached(lambda trial: 1.0)
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    url = f"sqlite:///{tmp_path}/s.db"
    arguments = ["run", "--storage", url, "--study-name", "s", "--create", "--n-trials", "6", "--workers", "2"]
    done = subprocess.run(
        [command, *arguments, "--", sys.executable, program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    trials = bluefin.load_study(study_name="s", storage=url).trials
    states = [t.state.name for t in trials]
    assert states == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert all(t.user_attrs["kind"] == t.params["kind"] for t in trials)
    assert trials[0].value == trials[0].params["x"] and trials[1].value == trials[1].params["x"]
    assert "LookupError: two" in trials[2].user_attrs["bluefin:error"]
