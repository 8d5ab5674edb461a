# SPDX-License-Identifier: MIT
"""Exceptions and warnings, with the base classes that they have in Optuna."""


class OptunaError(Exception):
    """Base class of the errors below."""


class TrialPruned(OptunaError):
    """Raised by an objective to say that its trial was stopped early.

    The trial becomes PRUNED and its value is its last report.
    """


class CLIUsageError(OptunaError):
    """The command line was used wrongly."""


class StorageInternalError(OptunaError):
    """The storage cannot be used: it is locked, full, not reachable, or holds something its format does not allow."""


class DuplicatedStudyError(OptunaError):
    """A study of this name exists in the storage."""


class UpdateFinishedTrialError(OptunaError, RuntimeError):
    """The trial is finished and does not change any more."""


class ExperimentalWarning(Warning):
    """The interface used may still change."""
