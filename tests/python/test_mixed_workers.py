# SPDX-License-Identifier: MIT
"""A few seconds of scripts/soak-mixed: workers of Optuna and of bluefin in one file."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

pytest.importorskip("optuna")
SCRIPT = Path(__file__).parents[2] / "scripts" / "soak-mixed"


def test_both_kinds_of_workers_get_along() -> None:
    command = [sys.executable, str(SCRIPT), "--seconds", "4", "--least", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
