# SPDX-License-Identifier: MIT
"""A run of a contestant whose library has an environment of its own.

`python -m quality.elsewhere NAME PROBLEM SEED MOST` in that environment writes the line of the run.
"""

import json
import os
import pathlib
import subprocess
import sys

from .contestants import find

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def python(name):
    return ROOT / find(name).environment / "bin" / "python"


def run(name, problem_name, seed, most):
    """As runs.run, in another process."""
    command = [python(name), "-m", "quality.elsewhere", name, problem_name, str(seed), str(most)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "bench")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} on {problem_name}, seed {seed}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])  # libraries print, too


if __name__ == "__main__":
    from . import runs

    print(json.dumps(runs.run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
