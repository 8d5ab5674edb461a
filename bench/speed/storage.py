# SPDX-License-Identifier: MIT
"""How fast many processes write trials into one file, and how long they wait for each other: what bench/storage measures.

Every run is a new file in a folder of its own, and the processes of one library. What they wait for SQLite's write lock is
noted by a library that is loaded before the C library, the same for all (bench/native/lock_probe.cpp).
"""

import array
import contextlib
import dataclasses
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

WORKER = pathlib.Path(__file__).with_name("storage_worker.py")
CONDITIONS = {
    "quiet": "nothing beside it",
    "busy": "busy processes on all cores",
    "slow": "each sync takes 2 ms longer",
}
SLOW_SYNC_MS = 2


@dataclasses.dataclass
class Plan:
    seconds: float  # that each run writes
    processes: tuple
    conditions: tuple
    durabilities: tuple  # numbers of processes for group and os
    n_open: int  # trials of the study that is opened
    open_once: tuple  # libraries that open it once only
    open_never: tuple  # and not at all: it takes them too long
    sizes: tuple  # studies in which is asked
    n_size: int  # trials after which the file's size is looked at


PLANS = {
    "default": Plan(3.0, (1, 2, 4, 8, 16, 64), tuple(CONDITIONS), (1, 4, 8), 50_000, ("optuna",), (), (1000, 100_000), 200),
    "quick": Plan(2.0, (4, 64), tuple(CONDITIONS), (4,), 50_000, (), ("optuna",), (1000, 100_000), 100),
    "test": Plan(0.2, (2,), ("slow",), (2,), 100, (), (), (20, 40), 5),
}


def percentile(ordered, q):
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else None


def spread(nanoseconds):
    """Milliseconds: the median, the 99th percentile and the longest."""
    ordered = sorted(nanoseconds)
    found = {"p50": percentile(ordered, 0.5), "p99": percentile(ordered, 0.99), "longest": percentile(ordered, 1.0)}
    return {name: None if value is None else value / 1e6 for name, value in found.items()}


def integers(file, skip=0):
    numbers = array.array("q")
    with open(file, "rb") as bytes_:
        bytes_.seek(skip)
        numbers.frombytes(bytes_.read())
    return numbers


def waits(file, begin, end):
    """Nanoseconds of the waits for the write lock that began in a span; one that has not ended counts until the end."""
    with open(file, "rb") as bytes_:
        n, asked = array.array("Q", bytes_.read(16))
        numbers = array.array("Q", bytes_.read(16 * n))
    if len(numbers) != 2 * n:
        raise RuntimeError(f"{n} waits are more than lock_probe notes: measure for a shorter time")
    found = [waited for start, waited in zip(numbers[::2], numbers[1::2]) if begin <= start < end]
    return found + ([end - asked] if begin <= asked < end else [])


@contextlib.contextmanager
def busy_cores(n):
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
        for spinner in spinners:
            spinner.wait()


def trials_and_size(file):
    """Trials that are there, and the bytes of the file without its log."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        n = connection.execute("SELECT count(*) FROM trials").fetchone()[0]
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return n, os.path.getsize(file)


class Programs:
    """The C++ programs of a build folder. `probe` is needed by all, `native` is None where it is not built."""

    def __init__(self, build):
        folder = pathlib.Path(build) / "bench"
        self.probe = next((path for path in folder.glob("*lock_probe.so")), None)
        self.native = folder / "storage_worker" if (folder / "storage_worker").exists() else None
        self.figures = folder / "storage_figures" if (folder / "storage_figures").exists() else None


def write_trials(programs, library, n_processes, seconds, condition="quiet", durability="trial", round_s=None, keep=None):
    """What n processes of a library do in one file in so many seconds. `keep`: a folder for the file."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        file = f"{keep or folder}/study.db"
        if library == "native":
            command = [programs.native, f"sqlite:///{file}", folder, str(n_processes)]
            command += [str(round_s)] if round_s else []
        else:
            command = [sys.executable, WORKER, library, file, folder, str(n_processes)]
        environment = os.environ | {"LD_PRELOAD": str(programs.probe), "BLUEFIN_PROBE_FOLDER": folder}
        environment["BLUEFIN_DURABILITY"] = durability
        # At the end each finds the trials of those that have ended a moment before, and would say so.
        environment["PYTHONWARNINGS"] = "ignore"
        if condition == "slow":
            environment["BLUEFIN_PROBE_SYNC_MS"] = str(SLOW_SYNC_MS)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        group = subprocess.Popen(command, env=environment, **pipes)
        if group.stdout.readline() != "ready\n":
            raise RuntimeError(f"{' '.join(map(str, command))}: the processes did not start")
        if condition == "busy":
            stack.enter_context(busy_cores(len(os.sched_getaffinity(0))))
        begin = time.monotonic_ns() + 200_000_000
        end = begin + int(seconds * 1e9)
        group.communicate(f"{begin} {end}\n")
        return figures(pathlib.Path(folder), begin, end)


def figures(folder, begin, end):
    durations, counts, locks, errors = [], [], [], []
    for trials in folder.glob("*.trials"):
        numbers = integers(trials)
        ends = [end_ for end_ in numbers[::2] if end_ < end]
        counts.append(len(ends))
        durations += list(numbers[1::2])
        locks += waits(trials.with_suffix(".waits"), begin, end)
    for path in folder.glob("*.errors"):
        errors += path.read_text().splitlines()
    return {
        "trials_per_s": sum(counts) / ((end - begin) / 1e9),
        "wait_ms": spread(locks),
        "trial_ms": spread(durations),
        "fewest": min(counts),
        "errors": len(errors),
        "first_error": errors[0][:200] if errors else None,
    }


def figure(program, *arguments, environment=None):
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, env=os.environ | (environment or {})
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(map(str, arguments))}: {done.stderr}")
    return json.loads(done.stdout)


def python(library, measurement, **arguments):
    """What a measurement of worker.py prints."""
    command = [sys.executable, WORKER.with_name("worker.py"), library, measurement, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}")
    return json.loads(done.stdout)


def sizes(programs, names, n_trials):
    """Rows of bytes a trial: the file that one process has written with a sampler."""

    def write(library, file, sampler, n):
        if library == "native":
            figure(programs.figures, "write", f"sqlite:///{file}", sampler, n)
        else:
            python(library, "write", file=file, sampler=sampler, n_trials=n)

    rows = []
    for sampler, title in (("random", "random search"), ("tpe", "TPE")):
        row = {"what": f"the file after {n_trials:,} trials, {title}", "unit": "bytes a trial", "libraries": {}}
        for library in names:
            if library == "native" and not programs.figures:
                continue
            # In memory where there is a place for it: what is asked is not how long it takes.
            memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
            with tempfile.TemporaryDirectory(dir=memory) as folder:
                file = f"{folder}/study.db"
                write(library, file, sampler, 0)
                _, before = trials_and_size(file)
                write(library, file, sampler, n_trials)
                n, after = trials_and_size(file)
                row["libraries"][library] = (after - before) / n
        rows.append(row)
    return rows


def reading(programs, names, plan, repetitions=5):
    """Rows of {what, unit, libraries: {library: figure}}: opening a long study, looking for news, asking."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}

        def study_of(n):
            if n not in files:
                files[n] = f"{folder}/{n}.db"
                figure(programs.figures, "fill", f"sqlite:///{files[n]}", n)
            return files[n]

        def opened(library, n):
            runs = [python(library, "open", file=study_of(n)) for _ in range(1 if library in plan.open_once else repetitions)]
            return statistics.median(run[""][0] for run in runs)

        def native(*arguments):
            runs = [figure(programs.figures, *arguments) for _ in range(repetitions)]
            return {name: statistics.median(run[name] for run in runs) for name in runs[0]}

        n = plan.n_open
        url = f"sqlite:///{study_of(n)}"
        times = {"native": native("open", url, "trials")["ms"]}
        times |= {name: opened(name, n) for name in names if name != "native" and name not in plan.open_never}
        rows = [{"what": f"load_study() and all {n:,} trials", "unit": "ms", "libraries": times}]
        ask = {"native": native("open", url, "ask")["ms"]}
        rows.append({"what": f"load_study() and the first ask, TPE, {n:,} trials", "unit": "ms", "libraries": ask})
        none = {"native": native("refresh", url)["ns"] / 1e3}
        rows.append({"what": "a look for news when there is none", "unit": "µs", "libraries": none})
        small, large = plan.sizes
        found = figure(programs.figures, "ask", *(f"sqlite:///{study_of(size)}" for size in plan.sizes))
        for key, what in (("", "ask"), ("_news", "ask after a trial of another process")):
            for size, name in ((small, "small"), (large, "large")):
                row = {"what": f"{what}, {size:,} trials", "unit": "µs", "libraries": {"native": found[name + key]}}
                rows.append(row)
        return rows


def kinds_of_storage(programs, seconds):
    """Trials a second of one process, with one thread and with four."""
    rows = []
    for title, url in (("memory:", "memory:"), ("sqlite:///", "sqlite:///{}/s.db"), ("journal:///", "journal:///{}/s.log")):
        rates = {}
        for threads in (1, 4):
            with tempfile.TemporaryDirectory() as folder:
                found = figure(programs.figures, "threads", url.format(folder), threads, seconds)
                rates[str(threads)] = found["trials_per_s"]
        rows.append({"storage": title, "threads": rates})
    return rows


def run(plan, names, programs, say=lambda text: None):
    """The JSON of a whole run."""
    writing = []
    for condition in plan.conditions:
        for number, n_processes in enumerate(plan.processes):
            turn = number % len(names)
            row = {"condition": condition, "durability": "trial", "processes": n_processes, "libraries": {}}
            for library in names[turn:] + names[:turn]:
                say(f"{condition}, {n_processes} processes, {library}")
                row["libraries"][library] = write_trials(programs, library, n_processes, plan.seconds, condition)
            writing.append(row)
    if "native" in names:
        for durability in ("group", "os"):
            for n_processes in plan.durabilities:
                say(f"durability {durability}, {n_processes} processes")
                found = write_trials(programs, "native", n_processes, plan.seconds, durability=durability)
                row = {"condition": "quiet", "durability": durability, "processes": n_processes}
                writing.append(row | {"libraries": {"native": found}})
    say("sizes")
    document = {"writing": writing, "sizes": sizes(programs, names, plan.n_size), "reading": [], "kinds": []}
    if programs.figures:
        say("reading")
        document["reading"] = reading(programs, names, plan)
        say("kinds of storage")
        document["kinds"] = kinds_of_storage(programs, plan.seconds)
    return document
