# SPDX-License-Identifier: MIT
"""What a trial's end means: the rules between an objective's result and the state that is stored."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import math
from typing import TYPE_CHECKING

from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.logging import get_logger
from bluefin.trial import FrozenTrial
from bluefin.trial import Trial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin import _native
    from bluefin.study._study import Study

_logger = get_logger(__name__)


def tell(
    study: Study,
    trial: Trial | int,
    values: float | Sequence[float] | None,
    state: TrialState | None,
    skip_if_finished: bool,
    told: Callable[[FrozenTrial, str | None], None] | None = None,
) -> tuple[FrozenTrial, str | None]:
    """Finishes a trial. Also returns why values that the objective gave made the trial a failed one.

    ``told`` is called with both where the sampler's `after_trial` has raised, before that is raised here.
    """
    return _tell(study, trial, values, state, skip_if_finished, None, told)


def tell_and_ask(
    study: Study,
    trial: Trial,
    values: float | Sequence[float] | None,
    state: TrialState | None,
    open_trials: list[_native.Trial],
) -> tuple[FrozenTrial, str | None]:
    """The same, and begins the next trial: one transaction of a file instead of two.

    ``open_trials`` then holds the next one instead of this one.
    """
    return _tell(study, trial, values, state, False, open_trials)


def _tell(
    study: Study,
    trial: Trial | int,
    values: float | Sequence[float] | None,
    state: TrialState | None,
    skip_if_finished: bool,
    open_trials: list[_native.Trial] | None,
    told: Callable[[FrozenTrial, str | None], None] | None = None,
) -> tuple[FrozenTrial, str | None]:
    known: FrozenTrial | None = None
    hears = study._sampler._hears_of_ends()
    native_storage = study._storage._is_native()
    if isinstance(trial, Trial):
        if trial.study is not study and not _are_same(trial.study, study):
            theirs = "no study" if trial.study is None else f"the study {trial.study.study_name!r}"
            raise ValueError(
                f"Cannot tell trial {trial.number} of {theirs} in {_place(trial.study)} to the study "
                f"{study.study_name!r} in {_place(study)}."
            )
        trial._hand_over()
        # To look at the trial costs as much as to tell it. Whether it may still be told the engine knows as well.
        if skip_if_finished or hears or not native_storage:
            known = trial._frozen()
    elif isinstance(trial, int):
        known = study._find_trial(trial)
    else:
        raise TypeError("Trial must be a trial object or trial number.")
    if known is not None:
        if known.state.is_finished() and skip_if_finished:
            return _skipped(known, values, state), None
        _check_running(known)

    try:
        state, floats, problem = outcome(len(study._directions), values, state)
    except ValueError:
        if known is None and isinstance(trial, Trial):
            _check_running(trial._frozen())  # if it has ended, that is the error
        raise
    error_after: BaseException | None = None
    if hears and known is not None:
        values_told = _last_report(known) if state == TrialState.PRUNED else floats or None
        try:
            study.sampler.after_trial(study, known, state, values_told)
        except BaseException as error:
            error_after = error  # the trial is told first: its values must not be lost
    if isinstance(trial, Trial) and known is not None and not native_storage:
        _take_over_attributes(study, trial, known)
    try:
        if isinstance(trial, Trial) and open_trials is not None:
            native = trial._native_study.tell_and_ask(trial._native, int(state), floats, open_trials)
        elif isinstance(trial, Trial):
            native = trial._native_study.tell(trial._native, int(state), floats)
        else:
            native = study._native.tell_number(trial, int(state), floats, skip_if_finished)
    except UpdateFinishedTrialError as error:
        # It has been told before, or another process was faster.
        known = study._find_trial(trial.number if isinstance(trial, Trial) else trial)
        if known.state.is_finished() and skip_if_finished:
            return _skipped(known, values, state), None
        raise _cannot_tell(known) from error
    frozen = FrozenTrial._from_native(native, study._objects, memo=None)
    frozen.state = state
    if study._objects and study._storage._takes_one_by_one():
        study._objects.discard(native.user_attrs().values())  # the storage has them now
    if error_after is not None:
        if told is not None:
            told(frozen, problem)
        raise error_after
    return frozen, problem


def _cannot_tell(trial: FrozenTrial) -> ValueError:
    return ValueError(f"Cannot tell a {trial.state.name} trial.")


def _check_running(trial: FrozenTrial) -> None:
    if trial.state != TrialState.RUNNING:
        raise _cannot_tell(trial)


def outcome(
    n_objectives: int, values: float | Sequence[float] | None, state: TrialState | None
) -> tuple[TrialState, list[float], str | None]:
    """The state to store, the values to store, and the reason when values cannot be stored."""
    if state is None:
        floats, problem = _floats(n_objectives, values)
        return (TrialState.COMPLETE if problem is None else TrialState.FAIL), floats, problem
    if state == TrialState.COMPLETE:
        if values is None:
            raise ValueError("No values were told. Values are required when state is TrialState.COMPLETE.")
        floats, problem = _floats(n_objectives, values)
        if problem is not None:
            raise ValueError(problem)
        return TrialState.COMPLETE, floats, None
    if state in (TrialState.PRUNED, TrialState.FAIL):
        if values is not None:
            raise ValueError(
                "Values were told. Values cannot be specified when state is TrialState.PRUNED or TrialState.FAIL."
            )
        return state, [], None
    raise ValueError(f"Cannot tell with state {state}.")


def _floats(n_objectives: int, given: float | Sequence[float] | None) -> tuple[list[float], str | None]:
    if type(given) is float and n_objectives == 1 and not math.isnan(given):
        return [given], None
    if given is None:
        return [], "The value None could not be cast to float."
    values = given if isinstance(given, Sequence) else [given]
    floats: list[float] = []
    problems = []
    for value in values:
        try:
            floats.append(float(None if isinstance(value, (str, bytes)) else value))  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            problems.append(f"The value {value!r} could not be cast to float")
            continue
        if math.isnan(floats[-1]):
            problems.append(f"The value {value} is not acceptable")
    if not problems and len(values) != n_objectives:
        problems.append(
            f"The number of the values {len(values)} did not match the number of the objectives {n_objectives}"
        )
    return ([], "; ".join(problems)) if problems else (floats, None)


def _last_report(trial: FrozenTrial) -> list[float] | None:
    last = None if trial.last_step is None else trial.intermediate_values[trial.last_step]
    return None if last is None or math.isnan(last) else [last]


def _take_over_attributes(study: Study, trial: Trial, known: FrozenTrial) -> None:
    """A sampler or a user may have written them into a storage of Python, past the engine."""
    stored = study._storage.get_trial(known._trial_id)
    for key in stored.system_attrs.keys() - known.system_attrs.keys():
        trial._set_system_attr(key, stored.system_attrs[key])
    for key in stored.user_attrs.keys() - known.user_attrs.keys():
        trial.set_user_attr(key, stored.user_attrs[key])


def _are_same(a: Study | None, b: Study) -> bool:
    """Whether both are one study of one storage, opened twice."""
    if a is None or (a._native.name(), a._study_id) != (b._native.name(), b._study_id):
        return False
    places = a._storage._place(), b._storage._place()
    return None in places or places[0] == places[1]  # those of users do not say where they are


def _place(study: Study | None) -> str:
    return "a supervisor" if study is None else repr(study._storage)


def _skipped(
    trial: FrozenTrial, values: float | Sequence[float] | None, state: TrialState | None
) -> FrozenTrial:
    _logger.info(
        f"Skipped telling trial {trial.number} with values {values} and state {state} since trial was already finished. "
        f"Finished trial has values {trial.values} and state {trial.state}."
    )
    return trial
