# SPDX-License-Identifier: MIT
"""Real programs: each runs with bluefin, and with Optuna after its import line is changed back."""

import importlib.util
from pathlib import Path
import re
import subprocess
import sys

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "python" / "examples"
NEEDED = {"lightgbm_callback": "lightgbm", "pytorch_pruning": "torch"}


@pytest.mark.parametrize("package", ["bluefin", "optuna"])
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_a_program_runs_with_either_package(name, package, tmp_path):
    if name in NEEDED and importlib.util.find_spec(NEEDED[name]) is None:
        pytest.skip(f"{NEEDED[name]} is not installed")
    source = (EXAMPLES / f"{name}.py").read_text()
    line = "import bluefin as optuna"
    assert source.count(line) == 1 and source.count("bluefin") == 1
    program = tmp_path / f"{name}.py"
    program.write_text(source.replace(line, f"import {package} as optuna"))
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    outcome = {
        "scikit_learn": r"30 trials, [1-9]\d* stopped early\nbest accuracy 0\.9\d",
        "ask_and_tell": r"41 trials, the first two: \[\{'learning_rate': 0\.1, 'batch': 256\}, "
        r"\{'learning_rate': 0\.003, 'batch': 32\}\]\nbest value 0\.",
        "several_objectives": r"accuracy  nodes\n( +0\.\d{3} +\d+\n){2,}",
        "lightgbm_callback": r"30 trials, [1-9]\d* stopped early\nbest loss 0\.0\d\d after \d+ rounds",
        "pytorch_pruning": r"25 trials, [1-9]\d* stopped early\nbest accuracy 0\.9\d",
        "callback": r"nothing better for 40 trials\n\d+ trials, best value 0\.",
    }[name]
    assert re.match(outcome, done.stdout), done.stdout
