# SPDX-License-Identifier: MIT
"""What the checks of tests/gpu share: the programs that were built, runs of `bluefin run`, the GPU as NVML sees it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import ctypes
from dataclasses import dataclass
from dataclasses import field
import json
import os
from pathlib import Path
import shutil
import signal
import sqlite3
import subprocess
import time
from typing import Any

MIB = 1 << 20


class Skip(Exception):
    """A check that cannot be made here, and why."""


class Failure(Exception):
    """A check that found something else than it should."""


def need(condition: object, text: str) -> None:
    if not condition:
        raise Failure(text)


class Nvml:
    """NVIDIA's management library, with declarations that share nothing with bluefin's."""

    class Memory(ctypes.Structure):
        _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]

    class Utilization(ctypes.Structure):
        _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]

    def __init__(self) -> None:
        name = os.environ.get("BLUEFIN_NVML_LIBRARY") or "libnvidia-ml.so.1"
        try:
            self.library = ctypes.CDLL(name)
        except OSError as error:
            raise Skip(f"no NVIDIA driver is here ({error})") from None
        self.call("nvmlInit_v2")
        count = ctypes.c_uint()
        self.call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        if count.value == 0:
            raise Skip("the NVIDIA driver finds no GPU")
        self.count = count.value

    def call(self, function: str, *arguments: Any) -> None:
        code = getattr(self.library, function)(*arguments)
        if code != 0:
            raise Skip(f"{function} failed with code {code}: the NVIDIA driver does not work here")

    def handle(self, index: int) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        self.call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
        return handle

    def uuid(self, index: int) -> str:
        text = ctypes.create_string_buffer(96)
        self.call("nvmlDeviceGetUUID", self.handle(index), text, ctypes.c_uint(96))
        return text.value.decode()

    def memory_used(self, index: int) -> int:
        memory = Nvml.Memory()
        self.call("nvmlDeviceGetMemoryInfo", self.handle(index), ctypes.byref(memory))
        return int(memory.used)

    def utilization(self, index: int) -> int:
        rates = Nvml.Utilization()
        self.call("nvmlDeviceGetUtilizationRates", self.handle(index), ctypes.byref(rates))
        return int(rates.gpu)

    def power(self, index: int) -> float:
        milliwatts = ctypes.c_uint()
        self.call("nvmlDeviceGetPowerUsage", self.handle(index), ctypes.byref(milliwatts))
        return milliwatts.value / 1000


@dataclass
class Trial:
    number: int
    state: str
    value: float | None
    attributes: dict[str, Any]
    params: dict[str, float]
    seconds: tuple[float, float | None]  # of the day: begin and end

    @property
    def fail(self) -> str:
        return str(self.attributes.get("bluefin:fail", ""))


@dataclass
class Session:
    """One run of the checks. `gpu` is the one that they use: the first that trials may use."""

    build: Path
    work: Path
    python: str
    deadline: float
    nvml: Nvml
    gpu: int = 0
    figures: dict[str, Any] = field(default_factory=dict)  # of the check that runs: for the results file
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def remaining(self) -> float:
        return self.deadline - time.monotonic()

    def program(self, *places: str) -> str:
        for place in places:
            if (self.build / place).is_file():
                return str(self.build / place)
        what = Path(places[0]).name
        needs = {"gpu_cuda_tool": "nvcc", "cuda_kernel": "nvcc"}.get(what, "a LibTorch that has CUDA")
        raise Skip(f"{what} was not built, which needs {needs}: see build.log beside the results")

    @property
    def cuda_tool(self) -> str:
        return self.program("tests/gpu/gpu_cuda_tool")

    @property
    def torch_tool(self) -> str:
        return self.program("tests/gpu/gpu_torch_tool")

    @property
    def bluefin(self) -> str:
        return self.program("bluefin")

    def folder(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def environment(self, folder: Path) -> dict[str, str]:
        return {**os.environ, "GPU_TEST_OUT": str(folder)}

    def start(
        self, name: str, options: list[str], command: list[str], **environment: str
    ) -> tuple[subprocess.Popen[str], Path]:
        """`bluefin run` on the chosen GPU, in a folder of its own."""
        folder = self.folder(name)
        line = [self.bluefin, "run", "--storage", f"sqlite:///{folder}/study.db", "--study-name", name, "--create"]
        line += ["--sampler", "random", "--seed", "1", "--pruner", "nop", "--max-failures-in-row", "0"]
        line += ["--gpus", f"{self.gpu},", *options, "--", *command]
        with (folder / "run.log").open("w") as log:
            process = subprocess.Popen(
                line, stdout=log, stderr=subprocess.STDOUT, text=True, cwd=folder,
                env={**self.environment(folder), **environment},
            )
        self.processes.append(process)
        return process, folder

    def run(
        self, name: str, options: list[str], command: list[str], seconds: float = 120, **environment: str
    ) -> list[Trial]:
        """The trials of a `bluefin run` that has ended."""
        process, folder = self.start(name, options, command, **environment)
        try:
            process.wait(max(1.0, min(seconds, self.remaining())))
        except subprocess.TimeoutExpired:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            raise Failure(f"bluefin run did not end in {seconds:.0f} s: {last_line(folder / 'run.log')}") from None
        trials = self.trials(folder)
        if not trials:
            raise Failure(f"no trial was made: {last_line(folder / 'run.log')}")
        return trials

    def trials(self, folder: Path) -> list[Trial]:
        path = folder / "study.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
            values = dict(db.execute("SELECT trial_id, value FROM trial_values"))
            attributes: dict[int, dict[str, Any]] = {}
            for trial, key, value in db.execute("SELECT trial_id, key, value_json FROM trial_user_attributes"):
                attributes.setdefault(trial, {})[key] = json.loads(value)
            params: dict[int, dict[str, float]] = {}
            for trial, key, number in db.execute("SELECT trial_id, param_name, param_value FROM trial_params"):
                params.setdefault(trial, {})[key] = number
            rows = db.execute(
                "SELECT trial_id, number, state, (julianday(datetime_start) - 2460000) * 86400,"
                " (julianday(datetime_complete) - 2460000) * 86400 FROM trials ORDER BY number"
            )
            return [
                Trial(number, state, values.get(id), attributes.get(id, {}), params.get(id, {}), (begin, end))
                for id, number, state, begin, end in rows
            ]

    @contextlib.contextmanager
    def sampled(self, call: Callable[[], object], hertz: float) -> Iterator[list[float]]:
        """Calls something so often in a thread, and keeps the seconds that each call took."""
        import threading

        times: list[float] = []
        over = threading.Event()

        def sample() -> None:
            while not over.wait(1 / hertz):
                begin = time.perf_counter()
                call()
                times.append(time.perf_counter() - begin)

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield times
        finally:
            over.set()
            thread.join()

    def clean_up(self) -> None:
        """Ends what a check has left behind: a run's children end with it."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        self.processes.clear()


def last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it has written nothing"


def results_of(folder: Path) -> dict[str, Any]:
    """What the trials' programs have written, by trial number."""
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def until(condition: Callable[[], object], seconds: float, step: float = 0.005) -> float | None:
    """Seconds until it holds; None if it does not within `seconds`."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(step)
    return None


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
