# SPDX-License-Identifier: MIT
"""Studies: making, opening, running and reading them."""

from bluefin.study._callbacks import MaxTrialsCallback
from bluefin.study._direction import StudyDirection
from bluefin.study._summary import StudySummary
from bluefin.study._manage import copy_study
from bluefin.study._manage import create_study
from bluefin.study._manage import delete_study
from bluefin.study._manage import get_all_study_names
from bluefin.study._manage import get_all_study_summaries
from bluefin.study._manage import load_study
from bluefin.study._study import Study

__all__ = [
    "MaxTrialsCallback",
    "Study",
    "StudyDirection",
    "StudySummary",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]
