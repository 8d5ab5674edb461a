# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Sequence
from contextlib import nullcontext
import copy
import threading
from typing import Any
from typing import TYPE_CHECKING
from typing import Union
import warnings
import weakref

from bluefin import _checks
from bluefin import _native
from bluefin import _objects
from bluefin import _open_studies
from bluefin import pruners
from bluefin import samplers
from bluefin import storages
from bluefin._later import later
from bluefin._later import made_now
from bluefin._options import from_native
from bluefin._slots import Gpus
from bluefin._slots import open_slots
from bluefin._slots import SlotsPerGpu
from bluefin._warnings import experimental
from bluefin.distributions import BaseDistribution
from bluefin.exceptions import UpdateFinishedTrialError
from bluefin.logging import get_logger
from bluefin.storages._heartbeat import is_heartbeat_enabled
from bluefin.study._dataframe import trials_dataframe
from bluefin.study._direction import StudyDirection
from bluefin.study._history import History
from bluefin.study._optimize import optimize
from bluefin.study._optimize import Run
from bluefin.study._tell import tell
from bluefin.trial import FrozenTrial
from bluefin.trial import Trial
from bluefin.trial import TrialState
from bluefin.trial._state import states_in

if TYPE_CHECKING:
    import pandas as pd

_logger = get_logger("bluefin.study.study")  # where Optuna has it

_METRIC_NAMES_KEY = "study:metric_names"
_SAMPLERS = (samplers.TPESampler, samplers.RandomSampler, samplers.GPSampler)
_PRUNERS = (pruners.MedianPruner, pruners.PercentilePruner, pruners.NopPruner)

ObjectiveFuncType = Callable[[Trial], Union[float, Sequence[float]]]


class _ThreadLocal(threading.local):
    run: Run | None = None  # the optimize() call that this thread works for


class Study:
    """A study: its trials, and what decides on the next one. `create_study` and `load_study` make it.

    Any method may be called from any thread.

    Attributes:
        study_name: Name of the study. Setting it renames nothing in the storage.
        sampler: Decides which configuration a trial gets.
        pruner: Decides whether a running trial should stop.
    """

    # Whether a sampler called by hand is asked once for each parameter of a trial, as the engine asks.
    _samples_once = False

    def __init__(
        self,
        study_name: str,
        storage: str | storages.BaseStorage,
        sampler: samplers.BaseSampler | None = None,
        pruner: pruners.BasePruner | None = None,
    ) -> None:
        _checks.text("`study_name`", study_name)
        self._storage = storages.get_storage(storage)
        self._thread_local = _ThreadLocal()
        # Engines from before the sampler or the pruner was changed, as long as trials that began there are known.
        self._former: weakref.WeakSet[Any] = weakref.WeakSet()
        self._open(study_name, checked_sampler(sampler), checked_pruner(pruner))
        self.study_name: str = self._native.name()
        _open_studies.add(self)

    def _leave_engine(self) -> None:
        """Another one follows; trials that run stay with this one."""
        self._native.flush()
        self._former.add(self._native)

    def _natives(self) -> list[Any]:
        """The engines that run trials of this study, the present one first."""
        return [self._native, *self._former]

    def _flush(self) -> None:
        """Writes what running trials have gathered."""
        for native in self._natives():
            native.flush()

    def _flush_others(self) -> None:
        """Trials of this process that other engines run: in memory nobody sees them before they are written."""
        for native in self._natives()[1:]:
            native.flush()
        for study in _open_studies.of(self._storage._native):
            if study is not self:
                try:
                    study._flush()
                except KeyError:
                    pass  # it was deleted

    def _open(
        self, name: str, sampler: samplers.BaseSampler | None, pruner: pruners.BasePruner | None
    ) -> None:
        self._native = _native.load_study(
            self._storage._native,
            name,
            None if sampler is None else sampler._to_native(),
            None if pruner is None else pruner._to_native(),
            None if sampler is None else sampler._seed,
        )
        self._objects = self._storage._objects_of(self._native.id())
        self._directions = [StudyDirection(direction) for direction in self._native.directions()]
        self._sampler = sampler if sampler is not None else from_native(_SAMPLERS, *self._native.sampler())
        self._pruner = pruner if pruner is not None else from_native(_PRUNERS, *self._native.pruner())

    def __getstate__(self) -> dict[str, Any]:
        return {
            "name": self._native.name(),
            "storage": self._storage,
            "sampler": self._sampler,
            "pruner": self._pruner,
            "study_name": self.study_name,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        later(self, lambda: self._open_again(**state))

    def _open_again(self, name: str, study_name: str, **options: Any) -> None:
        self.__init__(name, **options)  # type: ignore[misc]
        self.study_name = study_name

    if not TYPE_CHECKING:
        __getattr__ = made_now

    @property
    def _study_id(self) -> int:
        return self._native.id()

    def _is_multi_objective(self) -> bool:
        """Samplers and pruners written for Optuna ask for it."""
        return len(self._directions) > 1

    def _frozen(self, native: Any) -> FrozenTrial:
        if not self._storage._is_native() and not self._storage._json_only:
            return copy.deepcopy(self._storage.get_trial(native.id()))  # the engine does not have its objects
        return FrozenTrial._from_native(native, self._objects, {})

    def _own_copy(self, frozen: FrozenTrial) -> FrozenTrial:
        """A trial to give away: without objects of the study it is nobody else's already."""
        return copy.deepcopy(frozen) if self._objects or self._storage._takes_one_by_one() else frozen

    def _find_trial(self, number: int) -> FrozenTrial:
        self._flush_others()
        native = self._native.find_trial(number) if -(2**63) <= number < 2**63 else None
        if native is None:
            raise ValueError(f"Cannot tell for trial with number {number} since it has not been created.")
        return self._frozen(native)

    # --- what decides on trials --------------------------------------------------------------------------------------

    @property
    def sampler(self) -> samplers.BaseSampler:
        """What suggests parameters. Another one may be set: trials that run keep theirs."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: samplers.BaseSampler) -> None:
        self._leave_engine()
        self._open(self._native.name(), checked_sampler(sampler), self._pruner)

    @property
    def pruner(self) -> pruners.BasePruner:
        """What decides whether a running trial should stop. Another one may be set."""
        return self._pruner

    @pruner.setter
    def pruner(self, pruner: pruners.BasePruner) -> None:
        self._leave_engine()
        self._open(self._native.name(), self._sampler, checked_pruner(pruner))

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def direction(self) -> StudyDirection:
        """Direction of a single objective; RuntimeError when there are several."""
        if len(self._directions) > 1:
            raise RuntimeError(
                "A single direction cannot be retrieved from a multi-objective study. Consider using "
                "Study.directions to retrieve a list containing all directions."
            )
        return self._directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """One direction per objective."""
        return self._directions

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials in the order of their numbers."""
        return self.get_trials()

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Trials in the order of their numbers, as values.

        Args:
            deepcopy: Whether attributes and choices that are objects (in memory) are copied. Everything else belongs to
                the caller in any case.
            states: Only trials in these states.
        """
        wanted = states_in(states)
        if not self._storage._is_native():
            self._native.flush()
            return self._storage.get_all_trials(self._study_id, deepcopy=deepcopy, states=wanted)
        self._flush_others()
        make, objects = FrozenTrial._from_native, self._objects
        memo: dict[int, Any] | None = {} if deepcopy else None
        return [make(native, objects, memo) for native in self._native.trials(wanted)]

    @property
    def best_trial(self) -> FrozenTrial:
        """The feasible COMPLETE trial with the best value.

        Raises:
            ValueError: There is none yet.
            RuntimeError: The study has several objectives.
        """
        if len(self._directions) > 1:
            raise RuntimeError(
                "A single best trial cannot be retrieved from a multi-objective study. Consider using "
                "Study.best_trials to retrieve a list containing the best trials."
            )
        return self._frozen(self._native.best_trial())

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front of the feasible COMPLETE trials."""
        return [self._frozen(native) for native in self._native.best_trials()]

    @property
    def best_value(self) -> float:
        """Value of `best_trial`."""
        value = self.best_trial.value
        if value is None:  # a storage of the user's has not stored it
            raise ValueError("No trials are completed yet.")
        return value

    @property
    def best_params(self) -> dict[str, Any]:
        """Parameters of `best_trial`."""
        return self.best_trial.params

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What `set_user_attr` has kept."""
        if not self._storage._is_native():
            return copy.deepcopy(self._storage.get_study_user_attrs(self._study_id))  # it may hold what JSON cannot
        return copy.deepcopy(_objects.load_attributes(self._native.user_attrs(), self._objects))

    @property
    def _system_attrs(self) -> dict[str, Any]:
        """What samplers, pruners and tools have kept."""
        return _objects.load_attributes(self._native.system_attrs(), self._objects)

    @property
    def metric_names(self) -> list[str] | None:
        """Names of the objectives; None when they are not set."""
        return self._system_attrs.get(_METRIC_NAMES_KEY)

    def history(self) -> History:
        """The COMPLETE and PRUNED trials as columns for NumPy, without a copy; bluefin's own, Optuna has no such thing.

        Raises:
            ImportError: numpy is not installed.
        """
        signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in self._directions]
        return History(self._native.history(), signs)

    def trials_dataframe(
        self,
        attrs: tuple[str, ...] = (
            "number",
            "value",
            "datetime_start",
            "datetime_complete",
            "duration",
            "params",
            "user_attrs",
            "system_attrs",
            "state",
        ),
        multi_index: bool = False,
    ) -> pd.DataFrame:
        """The trials as a pandas table, one row each, in the order of their numbers.

        Args:
            attrs: Attributes of `FrozenTrial`; one that is a dict or a list gives a column for each of its members.
            multi_index: Columns in two levels, e.g. ``("params", "x")`` instead of ``params_x``.

        Raises:
            ImportError: pandas is not installed.
        """
        return trials_dataframe(self, attrs, multi_index)

    # --- running -----------------------------------------------------------------------------------------------------

    def optimize(
        self,
        func: ObjectiveFuncType,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        catch: Iterable[type[Exception]] | type[Exception] = (),
        callbacks: Iterable[Callable[[Study, FrozenTrial], None]] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
        n_workers: int | None = None,
        *,
        gpus: Gpus = None,
        gpus_per_trial: int = 1,
        slots_per_gpu: SlotsPerGpu = 1,
        cpu_slots: int = 0,
        fake_gpus: int = 0,
        trial_timeout: float | None = None,
        report_timeout: float | None = None,
        memory_limit: int | None = None,
        memory_model: bool = True,
    ) -> None:
        """Runs trials until ``n_trials`` are run, the time is up or `stop` is called.

        Args:
            func: The objective: takes a trial, returns one value, or a sequence of one per objective.
            n_trials: How many trials; None: no limit.
            timeout: No trial is begun after this many seconds; None: no limit.
            n_jobs: Threads; -1: one per core.
            catch: Exceptions that fail their trial only. Any other ends optimize() and is raised.
            callbacks: Called with the study and the finished trial after each trial, one call at a time.
            gc_after_trial: Collects garbage after each trial.
            show_progress_bar: Shows a progress bar (of tqdm, if it is installed).
            n_workers: Processes that run the trials instead of threads; -1: one per core. Bluefin's own, docs/python.md
                tells more. A worker that crashes costs its trial and is replaced.
            gpus: The GPUs that trials run on, each alone on its own, shared fairly with all other processes of the
                machine that use bluefin (docs/gpus.md): "all"; a number of them; labels and UUIDs, as a list or with
                commas; None: trials run wherever they like. With ``n_workers`` a trial's process sees its GPU only,
                with ``n_jobs`` `Trial.device` is its number. -1 for either means one for each slot.
            gpus_per_trial: How many of them a trial has.
            slots_per_gpu: How many trials may run on a GPU at a time. "auto", with ``n_workers``: as many as its memory
                and its time have room for, by what trials have used; one that runs out of memory beside others begins
                anew, which does not end the study.
            cpu_slots: Instead of GPUs, so many places for trials on this machine, also shared.
            fake_gpus: Instead of GPUs, so many that are not there: to try it out.
            trial_timeout: With ``n_workers``: a trial that runs for more seconds is ended (SIGTERM, SIGKILL after 5 s)
                and fails, with ``timeout`` in the user attribute ``bluefin:fail``.
            report_timeout: The same for one that reports nothing for so long: ``no-report``.
            memory_limit: The same, at once, for one whose process and its children have more bytes of main memory
                together: ``oom-host``. Looked at four times a second.
            memory_model: Whether configurations are not suggested that are expected to run out of memory, by the trials
                that did (docs/memory.md). Only samplers of bluefin can be kept from them.

        Raises:
            RuntimeError: Called from an objective or a callback of this study; a worker cannot load the objective.
            TypeError: The objective cannot be sent to workers.
        """
        exceptions = tuple(catch) if isinstance(catch, Iterable) else (catch,)
        if not all(isinstance(error, type) and issubclass(error, BaseException) for error in exceptions):
            raise TypeError(f"`catch` must be an exception's class, or several, but got {catch!r}.")
        optimize(
            self,
            func,
            n_trials,
            timeout,
            n_jobs,
            exceptions,
            callbacks,
            gc_after_trial,
            show_progress_bar,
            n_workers,
            open_slots(gpus, gpus_per_trial, slots_per_gpu, cpu_slots, fake_gpus, n_workers is not None),
            trial_timeout,
            report_timeout,
            memory_limit,
            memory_model,
        )

    def stop(self) -> None:
        """From an objective or a callback: begins no further trial.

        Raises:
            RuntimeError: Called from elsewhere.
        """
        run = self._thread_local.run
        if run is None:
            raise RuntimeError("`Study.stop` is supposed to be invoked inside an objective function or a callback.")
        run.stop()

    def ask(self, fixed_distributions: dict[str, BaseDistribution] | None = None) -> Trial:
        """Begins a trial: the oldest waiting one, else a new one.

        Args:
            fixed_distributions: Parameters to suggest at once, name to distribution.
        """
        if self._thread_local.run is None and is_heartbeat_enabled(self._storage):
            warnings.warn("Heartbeat of storage is supposed to be used with Study.optimize.", stacklevel=2)
        fixed = fixed_distributions or {}
        if fixed:  # before a trial is begun: none is to be left behind
            _checks.named("`fixed_distributions`", fixed)
            for name, distribution in fixed.items():
                if not isinstance(distribution, BaseDistribution):
                    raise TypeError(f"Parameter {name!r}: expected a distribution, but got {distribution!r}.")
        trial = Trial(self, self._native.ask())
        for name, distribution in fixed.items():
            trial._suggest(name, distribution)
        return trial

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
        skip_if_finished: bool = False,
    ) -> FrozenTrial:
        """Finishes a trial.

        Args:
            trial: The trial or its number.
            values: One value, or a sequence of one per objective.
            state: None: COMPLETE where the values are usable, else FAIL with a warning.
            skip_if_finished: Returns a trial that is finished already, instead of an error.

        Raises:
            ValueError: The trial does not exist or is finished, or state and values do not fit.
            TypeError: ``trial`` is neither a trial nor a number.
        """
        frozen, problem = tell(self, trial, values, state, skip_if_finished)
        if problem is not None:
            warnings.warn(problem, stacklevel=2)
        return self._own_copy(frozen)

    # --- adding ------------------------------------------------------------------------------------------------------

    def enqueue_trial(
        self, params: dict[str, Any], user_attrs: dict[str, Any] | None = None, skip_if_exists: bool = False
    ) -> None:
        """Queues a configuration, which the next trial takes. Parameters that are left out are sampled.

        Args:
            params: Name to value.
            user_attrs: Attributes of the trial.
            skip_if_exists: Does nothing where a trial with these parameters exists.

        Raises:
            TypeError: ``params`` is not a dict, or holds what the storage cannot.
        """
        if not isinstance(params, dict):
            raise TypeError("params must be a dictionary.")
        _checks.named("`params`", params)
        _checks.named("`user_attrs`", user_attrs or {})
        objects = self._objects
        with objects.undone_on_error() if objects is not None else nullcontext():
            texts = {key: _objects.attribute_text(key, value, objects) for key, value in (user_attrs or {}).items()}
            queued = self._native.enqueue_trial(
                {
                    name: _objects.native_choice(_objects.plain_choice(name, value, objects))
                    for name, value in params.items()
                },
                texts,
                bool(skip_if_exists),
            )
            if not queued and objects is not None:
                objects.discard(texts.values())
        if not queued:
            _logger.info(f"Trial with params {params} already exists. Skipping enqueue.")

    def add_trial(self, trial: FrozenTrial) -> None:
        """Adds a trial that was run elsewhere; `create_trial` makes one.

        Raises:
            ValueError: Its parts do not fit together, or not to the study's objectives, or a parameter is of another
                kind than in the study's other trials.
        """
        self.add_trials([trial])

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        """Adds trials at once: all of them, or none when one does not fit."""
        added = []
        for trial in _checks.items("`trials`", trials, "several trials"):
            if not isinstance(trial, FrozenTrial):
                raise TypeError(f"`trial` must be a FrozenTrial of bluefin, but got {trial!r}.")
            # Made by hand it may be anything.
            _checks.named("`user_attrs` of the trial", trial.user_attrs)
            _checks.named("`system_attrs` of the trial", trial.system_attrs)
            trial._validate()
            if trial.values is not None and len(trial.values) != len(self._directions):
                raise ValueError(
                    f"The added trial has {len(trial.values)} values, which is different from the number of "
                    f"objectives {len(self._directions)} in the study (determined by Study.directions)."
                )
            added.append(trial)
        if not added:
            return
        with self._objects.undone_on_error() if self._objects is not None else nullcontext():
            try:
                self._native.add_trials([trial._to_native(self._objects) for trial in added])
            except UpdateFinishedTrialError as error:  # the engine's word for any conflict; here it is a parameter's kind
                raise ValueError(str(error)) from error

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keeps a value with the study.

        Args:
            key: Name of the attribute; a second value replaces the first.
            value: Anything that JSON can hold; any object for a study in memory.

        Raises:
            TypeError: The storage cannot hold the value.
        """
        _objects.write_attribute(
            key,
            value,
            self._objects,
            known=lambda: self._native.user_attrs().get(key),
            write=lambda text: self._native.set_user_attr(key, text),
        )

    def set_resource_hint(self, name: str, params: Sequence[str]) -> None:
        """Says that memory grows with the product of these parameters, so that the study learns sooner what fits.

        Kept with the study. Bluefin's own, docs/memory.md tells more.

        Args:
            name: Of the product; the same one again replaces it.
            params: Names of parameters; one that stands twice is squared. Empty: there is no such product any more.

        Raises:
            TypeError: ``params`` is not a list of names.
        """
        self._native.set_resource_hint(*_checks.resource_hint(name, params))

    def _set_system_attr(self, key: str, value: Any) -> None:
        """Keeps a JSON value with the study; for samplers, pruners and tools."""
        self._native.set_system_attr(_checks.text("`key`", key), _objects.dumps(key, value))

    @experimental("3.2.0")
    def set_metric_names(self, metric_names: list[str]) -> None:
        """Names the objectives.

        Raises:
            ValueError: There is not one name per objective.
        """
        metric_names = [
            _checks.text("A name in `metric_names`", name)
            for name in _checks.items("`metric_names`", metric_names, "a list of str")
        ]
        if len(metric_names) != len(self._directions):
            raise ValueError("The number of objectives must match the length of the metric names.")
        self._set_system_attr(_METRIC_NAMES_KEY, metric_names)


def checked_sampler(sampler: Any) -> samplers.BaseSampler | None:
    if sampler is not None and not isinstance(sampler, samplers.BaseSampler):
        raise TypeError(f"`sampler` must be a sampler of bluefin (integration.OptunaSampler takes Optuna's), but got {sampler!r}.")
    return sampler


def checked_pruner(pruner: Any) -> pruners.BasePruner | None:
    if pruner is not None and not isinstance(pruner, pruners.BasePruner):
        raise TypeError(f"`pruner` must be a pruner of bluefin (integration.OptunaPruner takes Optuna's), but got {pruner!r}.")
    return pruner
