# SPDX-License-Identifier: MIT
"""The loop of `Study.optimize`, in the calling thread or in several, each of which may have a worker process."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
import copy
import gc
import logging
import math
import os
import sys
import threading
import time
from typing import Any
from typing import TYPE_CHECKING
import warnings

from bluefin import _checks
from bluefin import _native
from bluefin._limits import Limits
from bluefin._out_of_memory import out_of_memory_class
from bluefin.exceptions import TrialPruned
from bluefin.logging import get_logger
from bluefin.storages._heartbeat import beating
from bluefin.storages._heartbeat import fail_lost
from bluefin.storages._heartbeat import fail_stale
from bluefin.storages._heartbeat import is_heartbeat_enabled
from bluefin.study._objectives import InThreads
from bluefin.study._objectives import ObjectiveLost
from bluefin.study._objectives import Objectives
from bluefin.study._progress import ProgressBar
from bluefin.study._tell import tell
from bluefin.study._tell import tell_and_ask
from bluefin.trial import Trial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    from bluefin.study._study import Study
    from bluefin.trial import FrozenTrial

_logger = get_logger(__name__)
_study_logger = get_logger("bluefin.study.study")  # where Optuna has it


# How long Ctrl-C waits for threads that only a callback holds up; one that sleeps cannot be ended.
_CALLBACK_GRACE_S = 0.8
_SEARCH_INTERVAL_S = 1.0


class Run:
    """One call of optimize(): what its threads share."""

    def __init__(
        self,
        study: Study,
        objectives: Objectives,
        n_trials: int | None,
        timeout: float | None,
        catch: tuple[type[BaseException], ...],
        callbacks: Iterable[Callable[[Study, FrozenTrial], None]],
        gc_after_trial: bool,
        progress: ProgressBar | None,
    ) -> None:
        self._study = study
        self._objectives = objectives
        self._n_trials = n_trials
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._catch: tuple[type[BaseException], ...] = (ObjectiveLost, *catch)
        self._callbacks = tuple(callbacks)
        self._gc_after_trial = gc_after_trial
        self._progress = progress
        self._reseed = False  # the sampler before each trial: threads must not draw the same numbers
        self._callback_lock = threading.RLock()
        self._beats = is_heartbeat_enabled(study._storage)
        self._on_file = study._native.joins_tell_and_ask()
        # A worker process is waited for before its trial begins, and heartbeats belong to one trial at a time.
        self._joins = (
            not self._callbacks
            and not self._beats
            and isinstance(objectives, InThreads)
            and not objectives.has_slots  # which are to be given on between two trials
            and self._on_file
        )
        self._next_search = 0.0  # for trials whose processes have died
        self._lock = threading.Lock()  # guards the rest
        self._in_callbacks: set[int] = set()  # threads, also those that wait for their turn
        self._begun = 0
        self._stopped = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Begins no further trial."""
        self._stopped = True

    def run_here(self) -> None:
        """Runs trials in this thread until nothing is left to begin."""
        # The trial that has begun and is not told yet. Ctrl-C may come between any two lines.
        open_trials: list[_native.Trial] = []
        try:
            while open_trials or self._may_begin():
                with self._objectives.slot(self._may_begin) as objective:
                    if objective is None:
                        return
                    if not open_trials:
                        if not self._begin():  # getting a worker process takes a while
                            return
                        self._prepare()
                        # Should this process die, others on this machine can tell.
                        self._study._native.ask_to_run(open_trials)
                    self._trial(objective, Trial(self._study, open_trials[0]), open_trials)
        finally:
            for trial in open_trials:
                self._give_up(trial)

    def _give_up(self, trial: _native.Trial) -> None:
        """Fails a trial that nobody will run to its end, unless it was told after all."""
        try:
            self._study._native.tell_number(trial.number(), int(TrialState.FAIL), [], True)
        except Exception as error:  # what has ended the run is raised
            _logger.warning(f"Trial {trial.number()} could not be failed: {error!r}")

    def run_in_threads(self, n_jobs: int) -> None:
        """The same in ``n_jobs`` threads. Raises the first error of any of them when all have ended."""
        self._reseed = n_jobs > 1
        if self._n_trials is not None:
            n_jobs = min(n_jobs, self._n_trials)
        # Daemons: a trial that Ctrl-C has left behind must not hold the program back.
        ends = [threading.Event() for _ in range(n_jobs)]
        threads = [
            threading.Thread(target=self._work, args=(end,), name=f"bluefin-{i}", daemon=True)
            for i, end in enumerate(ends)
        ]
        try:
            for thread in threads:
                thread.start()
            # Not join() alone: up to CPython 3.12 one that Ctrl-C interrupts takes the thread for ended.
            for end in ends:
                end.wait()
        except KeyboardInterrupt:
            self._interrupt([end for thread, end in zip(threads, ends) if thread.ident is not None])
            raise
        finally:
            for thread, end in zip(threads, ends):
                if end.is_set():
                    thread.join()
        if self._error is not None:
            raise self._error

    def _work(self, end: threading.Event) -> None:
        self._study._thread_local.run = self
        try:
            self.run_here()
        except BaseException as error:  # handed to the caller of optimize()
            with self._lock:
                if self._error is None:
                    self._error = error
            self.stop()
        finally:
            end.set()

    def _interrupt(self, ends: list[threading.Event]) -> None:
        self.stop()
        begin = time.monotonic()
        interrupted: set[int] = set()
        while (passed := time.monotonic() - begin) < self._objectives.interrupt_grace_s:
            n_left = sum(not end.is_set() for end in ends)
            with self._lock:
                # In callbacks once: what they tidy up is not to be interrupted.
                for ident in self._in_callbacks - interrupted:
                    _native.raise_in_thread(ident, KeyboardInterrupt)
                interrupted |= self._in_callbacks
                n_in_callbacks = len(self._in_callbacks)
            if n_left == 0 or (n_left == n_in_callbacks and passed >= _CALLBACK_GRACE_S):
                return
            self._objectives.interrupt()
            time.sleep(0.005)

    def _may_begin(self) -> bool:
        if self._stopped or (self._n_trials is not None and self._begun >= self._n_trials):
            return False
        return self._deadline is None or not time.monotonic() >= self._deadline  # one that is NaN is none

    def _begin(self) -> bool:
        with self._lock:
            if not self._may_begin():
                return False
            self._begun += 1
            return True

    def _prepare(self) -> None:
        """What comes before a trial begins."""
        if self._reseed:
            self._study.sampler.reseed_rng()
        if self._beats:
            fail_stale(self._study)
        if self._searches():
            self._next_search = time.monotonic() + _SEARCH_INTERVAL_S
            fail_lost(self._study)

    def _searches(self) -> bool:
        """Whether it is time to look for trials whose processes have died."""
        return self._on_file and time.monotonic() >= self._next_search

    def _goes_on_at_once(self, trial: Trial) -> bool:
        """Whether the next trial may begin in the transaction that ends this one. Callbacks have to come in between."""
        study = self._study
        return (
            self._joins
            and trial._native_study is study._native
            and not study.sampler._samples_in_python()
            and not study.sampler._hears_of_ends()
            and not study._objects
            and not self._searches()
            and self._begin()
        )

    def _trial(self, objective: Callable[[Trial], Any], trial: Trial, open_trials: list[_native.Trial]) -> None:
        try:
            frozen = self._run_objective(objective, trial, open_trials)
        finally:
            if self._gc_after_trial:
                gc.collect()
        if self._callbacks:
            with self._calling_back(), self._callback_lock:
                for callback in self._callbacks:
                    callback(self._study, copy.deepcopy(frozen))  # each its own, as in Optuna
        if self._progress is not None:
            self._progress.update(self._study)

    @contextmanager
    def _calling_back(self) -> Iterator[None]:
        ident = threading.get_ident()
        with self._lock:
            self._in_callbacks.add(ident)
        try:
            yield
        finally:
            with self._lock:
                self._in_callbacks.discard(ident)

    def _run_objective(
        self, objective: Callable[[Trial], Any], trial: Trial, open_trials: list[_native.Trial]
    ) -> FrozenTrial:
        study = self._study
        values: Any = None
        state: TrialState | None = None
        error: BaseException | None = None
        exc_info: Any = None
        try:
            if self._beats:
                with beating(trial._trial_id, study._storage):
                    values = _with_all_written(objective, trial)
            else:
                values = _with_all_written(objective, trial)
        except TrialPruned as e:
            state, error = TrialState.PRUNED, e
        except (Exception, KeyboardInterrupt) as e:
            state, error = TrialState.FAIL, e
            exc_info = None if isinstance(e, ObjectiveLost) else sys.exc_info()

        def log(frozen: FrozenTrial, problem: str | None) -> None:
            if frozen.state == TrialState.COMPLETE:
                _log_completed(study, frozen)
            elif frozen.state == TrialState.PRUNED:
                _logger.info(f"Trial {frozen.number} pruned. {error}")
            else:
                reason = repr(error) if error is not None else f"{problem}"
                _logger.warning(
                    f"Trial {frozen.number} failed with parameters: {frozen.params} because of the following error: "
                    f"{reason}.",
                    exc_info=exc_info,
                )
                _logger.warning(f"Trial {frozen.number} failed with value {values!r}.")

        if state == TrialState.FAIL and error is not None and (kind := out_of_memory_class(error)):
            trial.set_user_attr("bluefin:fail", kind)  # what the memory model learns from
        if (error is None or state == TrialState.PRUNED) and self._goes_on_at_once(trial):
            frozen, problem = tell_and_ask(study, trial, values, state, open_trials)
        else:
            frozen, problem = tell(study, trial, values, state, False, log)
            open_trials.clear()
        begins_anew = self._objectives.ended(frozen)
        log(frozen, problem)
        is_caught = begins_anew or isinstance(error, self._catch)
        if frozen.state == TrialState.FAIL and error is not None and not is_caught:
            raise error
        return frozen


def _with_all_written(objective: Callable[[Trial], Any], trial: Trial) -> Any:
    """Runs the objective; what a storage refuses of what it has set is an error of the objective, as in Optuna."""
    try:
        values = objective(trial)
    except Exception:
        trial._hand_over()
        raise
    trial._hand_over()
    return values


def optimize(
    study: Study,
    func: Callable[[Trial], Any],
    n_trials: int | None,
    timeout: float | None,
    n_jobs: int,
    catch: tuple[type[BaseException], ...],
    callbacks: Iterable[Callable[[Study, FrozenTrial], None]] | None,
    gc_after_trial: bool,
    show_progress_bar: bool,
    n_workers: int | None,
    slots: _native.SlotPool | None,
    trial_timeout: float | None,
    report_timeout: float | None,
    memory_limit: int | None,
    memory_model: bool,
) -> None:
    """See `Study.optimize`."""
    if study._thread_local.run is not None:
        raise RuntimeError("Nested invocation of `Study.optimize` method isn't allowed.")
    if not callable(func):
        raise TypeError(f"`func` must be callable, but got {func!r}.")
    if n_trials is not None:
        limit = _checks.number("`n_trials`", n_trials)
        n_trials = None if limit == math.inf else math.ceil(limit)
    if timeout is not None:
        timeout = _checks.number("`timeout`", timeout)
    if callbacks is not None:
        callbacks = _checks.items("`callbacks`", callbacks, "several functions")
        for callback in callbacks:
            if not callable(callback):
                raise TypeError(f"`callbacks` must be several functions, but got {callback!r} among them.")
    n_jobs = _checks.integer("`n_jobs`", n_jobs)
    if n_workers is not None:
        n_workers = _checked_workers(n_workers, n_jobs, slots)
    if n_jobs == -1:
        n_jobs = slots.size() if slots is not None else os.cpu_count() or 1
    if n_jobs < 1:
        raise ValueError(f"`n_jobs` must be at least 1, or -1 for one per core, but got {n_jobs!r}.")
    n_threads = n_jobs if n_workers is None else n_workers
    if slots is not None and n_threads > slots.size():
        name = "n_jobs" if n_workers is None else "n_workers"
        raise ValueError(
            f"`{name}` must be at most {slots.size()}, as many as there are slots ({slots.description()}), "
            f"but got {n_threads!r}."
        )
    if show_progress_bar and n_trials is None and timeout is not None and n_threads != 1:
        name = "n_jobs" if n_workers is None else "n_workers"
        warnings.warn(f"The timeout-based progress bar is not supported with {name} != 1.", stacklevel=3)
        show_progress_bar = False
    limits = Limits.checked(trial_timeout, report_timeout, memory_limit, n_workers is not None)
    if limits.report_timeout is not None and len(study.directions) > 1:
        raise ValueError("`report_timeout` is for studies with one objective: with several, trials cannot report.")
    # What a sampler in Python chooses is its own affair.
    uses_memory = _checks.flag("`memory_model`", memory_model) and not study.sampler._samples_in_python()
    study._native.use_memory_model(uses_memory, slots, limits.memory_limit)
    objectives: Objectives
    if n_workers is None:
        objectives = InThreads(func, slots)
    else:
        from bluefin._workers import WorkerPool  # multiprocessing is not for every program to wait for

        planned = None if n_trials is None else min(n_trials, 2**31 - 1)  # what a C++ int holds
        telemetry = _native.Telemetry(study._native, n_workers, planned, slots)
        objectives = WorkerPool(study, func, n_workers, gc_after_trial, telemetry, slots, limits)
    progress = ProgressBar(n_trials, timeout) if show_progress_bar else None
    run = Run(study, objectives, n_trials, timeout, catch, callbacks or (), gc_after_trial, progress)
    study._thread_local.run = run
    try:
        if n_workers is None and n_jobs == 1:
            run.run_here()
        else:
            run.run_in_threads(n_threads)
    finally:
        study._thread_local.run = None
        objectives.close()
        if progress is not None:
            progress.close()


def _checked_workers(n_workers: int, n_jobs: int, slots: _native.SlotPool | None) -> int:
    if n_jobs != 1:
        raise ValueError(
            "`n_jobs` (threads) and `n_workers` (processes) cannot be combined, but got "
            f"n_jobs={n_jobs!r} and n_workers={n_workers!r}."
        )
    count = _checks.integer("`n_workers`", n_workers)
    if count == -1:
        return slots.size() if slots is not None else len(os.sched_getaffinity(0))
    if count < 1:
        raise ValueError(f"`n_workers` must be at least 1, or -1 for one per core, but got {n_workers!r}.")
    return count


def _log_completed(study: Study, trial: FrozenTrial) -> None:
    if not _study_logger.isEnabledFor(logging.INFO):
        return
    names = study.metric_names
    values = trial.values or []
    if len(values) > 1:
        shown: Any = values if names is None else dict(zip(names, values))
        _study_logger.info(f"Trial {trial.number} finished with values: {shown} and parameters: {trial.params}.")
        return
    shown = values[0] if names is None else {names[0]: values[0]}
    message = f"Trial {trial.number} finished with value: {shown} and parameters: {trial.params}."
    try:
        best = study.best_trial
        message += f" Best is trial {best.number} with value: {best.value}."
    except ValueError:  # no feasible one yet
        pass
    _study_logger.info(message)
