# SPDX-License-Identifier: MIT
"""Hyperparameter optimization with Optuna's interface on a native engine.

Programs that are written for Optuna run with ``import bluefin as optuna``; studies in SQLite files are shared with
Optuna both ways.
"""

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

__all__ = [
    "Study",
    "Trial",
    "TrialPruned",
    "__version__",
    "copy_study",
    "create_study",
    "create_trial",
    "delete_study",
    "distributions",
    "exceptions",
    "get_all_study_names",
    "get_all_study_summaries",
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
]
