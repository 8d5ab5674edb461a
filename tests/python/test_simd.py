# SPDX-License-Identifier: MIT
"""TPE chooses the same points whichever instruction set sums its kernels."""

import os
import subprocess
import sys

import pytest

STUDIES = """
import hashlib, math, sys
import bluefin
bluefin.logging.set_verbosity(bluefin.logging.ERROR)
def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    lr = trial.suggest_float("lr", 1e-5, 1, log=True)
    n = trial.suggest_int("n", 1, 50)
    c = trial.suggest_categorical("c", ["a", "b", "c"])
    return x * x + abs(math.log10(lr) + 3) + abs(n - 20) / 10 + (c != "b")
for seed in range(int(sys.argv[1])):
    study = bluefin.create_study(sampler=bluefin.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=int(sys.argv[2]))
    print(hashlib.sha256(repr([trial.params for trial in study.trials]).encode()).hexdigest())
"""


def run(simd, n_studies, n_trials):
    env = {**os.environ, "BLUEFIN_SIMD": simd}
    command = [sys.executable, "-c", STUDIES, str(n_studies), str(n_trials)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)


def test_every_instruction_set_gives_the_same_studies():
    results = {}
    for simd in ("baseline", "avx2", "avx512"):
        done = run(simd, 20, 1000)
        if done.returncode != 0 and "does not run here" in done.stderr:
            continue  # not on this processor
        assert done.returncode == 0, done.stderr
        results[simd] = done.stdout.split()
    assert len(set(results["baseline"])) == 20
    assert all(hashes == results["baseline"] for hashes in results.values()), results.keys()


@pytest.mark.parametrize("simd", ["mmx", "AVX2"])
def test_an_unknown_instruction_set_is_an_error(simd):
    done = run(simd, 1, 20)
    assert done.returncode == 1
    assert "ValueError: " in done.stderr.splitlines()[-1]
    assert f"BLUEFIN_SIMD = '{simd}' does not run here, this processor runs: " in done.stderr
    assert "baseline" in done.stderr
