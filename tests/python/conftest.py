# SPDX-License-Identifier: MIT
"""What the tests of the module share."""

import signal

import optuna
import pytest

import bluefin

# A shell ignores SIGINT for what it starts in the background, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def quiet():
    for module in (bluefin, optuna):
        module.logging.set_verbosity(module.logging.ERROR)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return None if request.param == "memory" else f"sqlite:///{tmp_path}/study.db"
