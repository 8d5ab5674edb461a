# SPDX-License-Identifier: MIT
"""What the tests of the module share."""

import optuna
import pytest

import bluefin


@pytest.fixture(autouse=True)
def quiet():
    for module in (bluefin, optuna):
        module.logging.set_verbosity(module.logging.ERROR)


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return None if request.param == "memory" else f"sqlite:///{tmp_path}/study.db"
