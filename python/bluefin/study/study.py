# SPDX-License-Identifier: MIT
"""The names of the package `bluefin.study`, under the path that they have in Optuna as well."""

from bluefin.study._manage import copy_study
from bluefin.study._manage import create_study
from bluefin.study._manage import delete_study
from bluefin.study._manage import get_all_study_names
from bluefin.study._manage import get_all_study_summaries
from bluefin.study._manage import load_study
from bluefin.study._study import ObjectiveFuncType
from bluefin.study._study import Study

__all__ = [
    "ObjectiveFuncType",
    "Study",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]
