# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any
import weakref


class Views:
    """One view for each study: made when it is first asked for, and anew when the study gets another sampler or pruner.

    A view must not keep its study alive: both end together.
    """

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._views: weakref.WeakKeyDictionary[Any, tuple[Any, Any, Any]] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, study: Any) -> Any:
        sampler, pruner = study.sampler, study.pruner
        with self._lock:
            known = self._views.get(study)
            if known is not None and known[0] is sampler and known[1] is pruner:
                return known[2]
            view = self._make(study)
            self._views[study] = sampler, pruner, view
            return view
