# SPDX-License-Identifier: MIT
"""Making, opening, copying and deleting studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Literal
import uuid
import warnings

from bluefin import _checks
from bluefin import pruners
from bluefin import samplers
from bluefin import storages
from bluefin.exceptions import DuplicatedStudyError
from bluefin.exceptions import StorageInternalError
from bluefin.logging import get_logger
from bluefin.study._direction import StudyDirection
from bluefin.study._study import checked_pruner
from bluefin.study._study import checked_sampler
from bluefin.study._study import Study
from bluefin.study._summary import StudySummary

_logger = get_logger("bluefin.study.study")  # where Optuna has it


def create_study(
    *,
    storage: str | storages.BaseStorage | None = None,
    sampler: samplers.BaseSampler | None = None,
    pruner: pruners.BasePruner | None = None,
    study_name: str | None = None,
    direction: Literal["minimize", "maximize"] | StudyDirection | None = None,
    load_if_exists: bool = False,
    directions: Sequence[Literal["minimize", "maximize"] | StudyDirection] | None = None,
) -> Study:
    """Makes a study.

    Args:
        storage: None (in memory), ``sqlite:///file`` or a storage.
        sampler: None: `TPESampler`, or the one that an existing study was made with where it says so.
        pruner: None: `MedianPruner`, or the one that an existing study was made with where it says so.
        study_name: None: a name that nobody else has.
        direction: ``minimize`` (the default) or ``maximize``.
        load_if_exists: Opens the study of this name where there is one; its directions stay.
        directions: For several objectives; not together with ``direction``.

    Raises:
        DuplicatedStudyError: The name is taken.
        ValueError: The directions or the storage's URL are not usable.
    """
    checked_sampler(sampler)
    checked_pruner(pruner)
    if study_name is not None:
        _checks.text("`study_name`", study_name)
    numbers = [int(d) for d in _checked_directions(direction, directions)]
    opened = storages.get_storage(storage)
    name = storages.DEFAULT_STUDY_NAME_PREFIX + str(uuid.uuid4()) if study_name is None else study_name
    try:
        opened._native.create_study(name, numbers)
    except DuplicatedStudyError as error:
        if not load_if_exists:
            raise DuplicatedStudyError(
                f"Another study with study_name={study_name!r} already exists. Please specify a name not in the "
                "storage, or reuse the existing one by setting `load_if_exists`."
            ) from error
        _logger.info(f"Using an existing study with `study_name={name!r}` instead of creating a new one.")
    else:
        if isinstance(opened, storages.NativeStorage) and opened._is_native():
            opened._log_new_study(name)  # the others do it in create_new_study()
    return Study(study_name=name, storage=opened, sampler=sampler, pruner=pruner)


def load_study(
    *,
    study_name: str | None,
    storage: str | storages.BaseStorage,
    sampler: samplers.BaseSampler | None = None,
    pruner: pruners.BasePruner | None = None,
) -> Study:
    """Opens a study.

    Args:
        study_name: None: the only study of the storage.
        storage: ``sqlite:///file`` or a storage.
        sampler: None: the one that the study was made with where it says so, else `TPESampler`.
        pruner: None: the one that the study was made with where it says so, else `MedianPruner`.

    Raises:
        KeyError: There is no study of this name.
        ValueError: No name was given, and the storage does not hold exactly one study.
    """
    opened = storages.get_storage(storage)
    if study_name is None:
        names = opened._native.study_names()
        if len(names) != 1:
            raise ValueError(
                f"Could not determine the study name since the storage={storage!r} does not contain exactly 1 study. "
                f"Specify `study_name` from {names!r}."
            )
        study_name = names[0]
        _logger.info(
            f"Study name was omitted but trying to load `study_name={study_name!r}` because that was the only study "
            "found in the storage."
        )
    return Study(study_name=study_name, storage=opened, sampler=sampler, pruner=pruner)


def delete_study(*, study_name: str, storage: str | storages.BaseStorage) -> None:
    """Deletes a study with all its trials. KeyError when there is none of this name."""
    opened = storages.get_storage(storage)
    study_id = opened.get_study_id_from_name(_checks.text("`study_name`", study_name))
    opened.delete_study(study_id)
    opened._forget_objects(study_id)


def copy_study(
    *,
    from_study_name: str,
    from_storage: str | storages.BaseStorage,
    to_storage: str | storages.BaseStorage,
    to_study_name: str | None = None,
) -> None:
    """Copies a study with its trials and attributes.

    Args:
        from_study_name: Name of the study.
        from_storage: Where it is.
        to_storage: Where the copy goes; may be the same storage.
        to_study_name: Name of the copy; None: the same.

    Raises:
        KeyError: There is no study ``from_study_name``.
        DuplicatedStudyError: The name of the copy is taken.
        ValueError: Trials have what bluefin leaves out, so that the copy would be without it.
    """
    _checks.text("`from_study_name`", from_study_name)
    if to_study_name is not None:
        _checks.text("`to_study_name`", to_study_name)
    source = load_study(study_name=from_study_name, storage=from_storage)
    trials = source.get_trials(deepcopy=False)
    left_out = source._storage._native.left_out(source._study_id)
    if left_out:
        raise ValueError(
            f"Study {from_study_name!r} is not copied, the copy would not be whole: {left_out}. Optuna copies it."
        )
    to_storage = source._storage if to_storage == from_storage else to_storage
    target = create_study(
        study_name=to_study_name or from_study_name, storage=to_storage, directions=source.directions
    )
    for key, value in source._system_attrs.items():
        target._set_system_attr(key, value)
    for key, value in source.user_attrs.items():
        target.set_user_attr(key, value)
    target.add_trials(trials)


def get_all_study_names(storage: str | storages.BaseStorage) -> list[str]:
    """Names of all studies in a storage."""
    return storages.get_storage(storage)._native.study_names()


def get_all_study_summaries(
    storage: str | storages.BaseStorage, include_best_trial: bool = True
) -> list[StudySummary]:
    """All studies in a storage. ``include_best_trial=False`` leaves `StudySummary.best_trial` empty."""
    opened = storages.get_storage(storage)
    summaries = []
    for name in opened._native.study_names():
        try:
            study = Study(study_name=name, storage=opened)
            trials = study.get_trials(deepcopy=False)
        except StorageInternalError as error:
            warnings.warn(f"The study {name!r} is left out, it cannot be read: {error}", stacklevel=2)
            continue
        starts = [trial.datetime_start for trial in trials if trial.datetime_start is not None]
        best = None
        if include_best_trial and len(study.directions) == 1:
            try:
                best = study.best_trial
            except ValueError:  # none yet
                pass
        summaries.append(
            StudySummary(
                name,
                None,
                best,
                study.user_attrs,
                len(trials),
                min(starts, default=None),
                study._study_id,
                directions=study.directions,
            )
        )
    return summaries


def _checked_directions(direction: Any, directions: Any) -> list[StudyDirection]:
    if direction is not None and directions is not None:
        raise ValueError("Specify only one of `direction` and `directions`.")
    if directions is None:
        if isinstance(direction, Sequence) and not isinstance(direction, str):
            raise ValueError("Use `directions` instead of `direction` for multi-objective optimization.")
        directions = ["minimize" if direction is None else direction]
    given = _checks.items("`directions`", directions, "a list of `minimize` or `maximize`")
    if not given:
        raise ValueError("The number of objectives must be greater than 0.")
    words = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}
    checked: list[Any] = [words.get(d) if isinstance(d, str) else d for d in given]
    if not all(isinstance(d, StudyDirection) and d != StudyDirection.NOT_SET for d in checked):
        raise ValueError(
            f"`directions` must be a list of `minimize` or `maximize`, but got {given}. For single-objective "
            "optimization, please use `direction` instead of `directions`."
        )
    return [StudyDirection(d) for d in checked]
