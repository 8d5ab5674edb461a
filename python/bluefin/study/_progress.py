# SPDX-License-Identifier: MIT
"""The progress bar of `Study.optimize`: tqdm's where that is installed, else one plain line."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any
from typing import TYPE_CHECKING
import warnings

from bluefin import logging

if TYPE_CHECKING:
    from bluefin.study._study import Study


class ProgressBar:
    """Counts trials, or seconds where only a timeout is given. Shows nothing when neither is."""

    def __init__(self, n_trials: int | None, timeout: float | None) -> None:
        if n_trials is None and timeout is None:
            warnings.warn("Progress bar won't be displayed because n_trials and timeout are None.", stacklevel=4)
        self._lock = threading.Lock()
        self._total = n_trials if n_trials is not None else timeout
        self._in_seconds = n_trials is None
        self._done: float = 0
        self._begin = time.monotonic()
        self._best = ""
        self._bar: Any = None
        self._timeout: float | None = None  # shown beside a count of trials
        self._shown = ""  # the plain line
        if self._total is not None:
            logging._writers.append(self._write_above)
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        if self._in_seconds and timeout is not None:
            total = tqdm.format_interval(timeout)
            self._bar = tqdm(total=timeout, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}/" + total)
        else:
            self._bar = tqdm(total=self._total, disable=self._total is None)
            if timeout is not None:
                self._timeout = timeout

    def update(self, study: Study) -> None:
        """One more trial is finished."""
        if self._total is None:
            return
        best = ""
        if len(study.directions) == 1:
            try:
                trial = study.best_trial
                best = f"Best trial: {trial.number}. Best value: {trial.value:.6g}"
            except ValueError:  # none yet
                pass
        with self._lock:
            done = min(time.monotonic() - self._begin, self._total) if self._in_seconds else self._done + 1
            if self._bar is not None:
                self._bar.set_description(best)
                self._bar.update(done - self._done)
                if self._timeout is not None:
                    self._bar.set_postfix_str(f"{time.monotonic() - self._begin:.02f}/{self._timeout} seconds")
            else:
                unit = "s" if self._in_seconds else " trials"
                self._show(f"{done:.0f}/{self._total:.0f}{unit}  {best}")
            self._done = done

    def _show(self, line: str) -> None:
        sys.stderr.write(f"\r{line:{len(self._shown)}}")
        sys.stderr.flush()
        self._shown = line

    def _write_above(self, line: str) -> None:
        """A line of the log, which would begin in the middle of the bar's own."""
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
            return
        with self._lock:
            shown = self._shown
            self._show(line)
            sys.stderr.write("\n")
            self._shown = ""
            self._show(shown)

    def close(self) -> None:
        """Leaves the last state on the screen."""
        if self._total is not None:
            logging._writers.remove(self._write_above)
        if self._bar is not None:
            self._bar.close()
        elif self._total is not None:
            sys.stderr.write("\n")
