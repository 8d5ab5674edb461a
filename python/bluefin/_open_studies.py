# SPDX-License-Identifier: MIT
"""The studies that are open in this process: their running trials hold what is not written yet."""

from __future__ import annotations

import atexit
import threading
from typing import Any
from typing import TYPE_CHECKING
import weakref

from bluefin.logging import get_logger

if TYPE_CHECKING:
    from bluefin.study import Study

_logger = get_logger(__name__)
_studies: weakref.WeakSet[Study] = weakref.WeakSet()
_lock = threading.Lock()  # one thread may open a study while another asks for them


def add(study: Study) -> None:
    with _lock:
        _studies.add(study)


def of(native_storage: Any) -> list[Study]:
    """Those in a storage of the engine."""
    with _lock:
        return [study for study in _studies if study._storage._native is native_storage]


@atexit.register
def _flush() -> None:
    """What running trials have gathered is written now: a storage written in Python cannot be called any later."""
    for study in list(_studies):
        try:
            study._flush()
        except KeyError:
            pass  # the study was deleted
        except Exception as error:
            _logger.error(f"A running trial of the study {study.study_name!r} could not be written: {error}")
