# SPDX-License-Identifier: MIT
"""Hyperparameter optimization with Optuna's interface on a native engine.

Programs that are written for Optuna run with ``import bluefin as optuna``; studies in SQLite files are shared with
Optuna both ways.
"""

import importlib
from typing import TYPE_CHECKING

from bluefin import distributions
from bluefin import exceptions
from bluefin import logging
from bluefin import pruners
from bluefin import samplers
from bluefin import search_space
from bluefin import storages
from bluefin import study
from bluefin import trial
from bluefin import version
from bluefin._attached import is_attached
from bluefin._attached import run_attached
from bluefin._fit_batch import BatchFit
from bluefin._fit_batch import fit_batch
from bluefin.exceptions import TrialPruned
from bluefin.study import copy_study
from bluefin.study import create_study
from bluefin.study import delete_study
from bluefin.study import get_all_study_names
from bluefin.study import get_all_study_summaries
from bluefin.study import load_study
from bluefin.study import Study
from bluefin.trial import create_trial
from bluefin.trial import Trial
from bluefin.version import __version__

if TYPE_CHECKING:
    from bluefin import artifacts
    from bluefin import cli
    from bluefin import importance
    from bluefin import integration
    from bluefin import terminator
    from bluefin import testing
    from bluefin import visualization
else:
    _LAZY = ("artifacts", "cli", "importance", "integration", "terminator", "testing", "visualization")

    def __getattr__(name):
        # What most programs do not need is not part of what every program waits for.
        if name in _LAZY:
            return importlib.import_module(f"bluefin.{name}")
        raise AttributeError(f"module 'bluefin' has no attribute {name!r}")


__all__ = [
    "BatchFit",
    "Study",
    "Trial",
    "TrialPruned",
    "__version__",
    "artifacts",
    "copy_study",
    "create_study",
    "create_trial",
    "delete_study",
    "distributions",
    "exceptions",
    "fit_batch",
    "get_all_study_names",
    "get_all_study_summaries",
    "importance",
    "integration",
    "is_attached",
    "load_study",
    "logging",
    "pruners",
    "run_attached",
    "samplers",
    "search_space",
    "storages",
    "study",
    "trial",
    "version",
    "visualization",
]
