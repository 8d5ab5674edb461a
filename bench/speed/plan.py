# SPDX-License-Identifier: MIT
"""What is measured: the default takes about ten minutes on two cores, `quick` seconds, `full` an hour or two."""

import dataclasses

EVERYWHERE = ("native", "bluefin", "optuna", "rustuna")
PYTHON = ("bluefin", "optuna", "rustuna")


@dataclasses.dataclass
class Measurement:
    """One call of a worker for each library. `only_first`: libraries whose first repetition is the only one."""

    section: str
    name: str  # of the worker's function
    arguments: dict
    rows: dict  # figure of the worker -> (label, unit)
    libraries: tuple = EVERYWHERE
    only_first: tuple = ()


def trial(sampler, kind, d, sizes, section="trial", libraries=EVERYWHERE, at_least=10, at_most=100, budget_s=0.5):
    arguments = {"sampler": sampler, "kind": kind, "d": d, "sizes": list(sizes)}
    arguments |= {"at_least": at_least, "at_most": at_most, "budget_s": budget_s}
    rows = {str(n): (f"{sampler}, {kind}, d = {d}, n = {n:,}", "µs") for n in sizes}
    return Measurement(section, "trial", arguments, rows, libraries)


def study(n_trials, libraries=EVERYWHERE, only_first=()):
    rows = {"": (f"{n_trials:,} trials with TPE, d = 5", "ms")}
    return Measurement("study", "study", {"n_trials": n_trials, "d": 5}, rows, libraries, only_first)


def history(n_trials):
    rows = {
        "memory": (f"one of {n_trials:,} trials, d = 5", "bytes"),
        "trials": (f"study.trials of {n_trials:,} trials", "ms"),
    }
    return Measurement("history", "history", {"n_trials": n_trials, "d": 5}, rows, PYTHON)


def imports():
    return Measurement("import", "import", {}, {"": ("import", "ms")}, PYTHON)


def sqlite(n_processes, seconds):
    arguments = {"n_processes": n_processes, "seconds": seconds}
    processes = "1 process" if n_processes == 1 else f"{n_processes} processes"
    rows = {"": (f"a trial, 5 parameters, 10 reports, {processes}", "ms")}
    # A trial of Rustuna 0.2 cannot report.
    return Measurement("sqlite", "sqlite", arguments, rows, ("native", "bluefin", "optuna"))


def overhead(n_trials=200):
    """The cost of a call, from trials with none and with 20 of them (results.add_calls())."""
    return [trial("random", "float", d, [100], "overhead", at_least=n_trials, at_most=n_trials) for d in (0, 20)]


def default():
    return [
        imports(),
        trial("random", "float", 5, (100, 1000, 10_000)),
        trial("tpe", "float", 2, (100, 1000, 10_000)),
        trial("tpe", "float", 5, (100, 1000, 10_000)),
        trial("tpe", "float", 20, (100, 1000, 10_000)),
        trial("tpe", "float", 50, (1000,)),
        trial("tpe", "float", 5, (100_000,), libraries=("native", "bluefin", "rustuna")),
        *(trial("tpe", kind, 5, (100, 1000, 10_000)) for kind in ("int", "log", "categorical", "mixed", "conditional")),
        *overhead(),
        study(1000),
        study(10_000, ("native", "bluefin", "rustuna"), only_first=("rustuna",)),
        history(10_000),
        sqlite(1, 2.0),
        sqlite(4, 2.0),
    ]


def full():
    kinds = ("float", "int", "log", "categorical", "mixed", "conditional")
    return [
        imports(),
        *(
            trial(sampler, kind, d, (100, 1000, 10_000), at_least=20)
            for sampler in ("random", "tpe")
            for kind in kinds
            for d in (2, 5, 20)
        ),
        *(trial("tpe", kind, 50, (100, 1000, 10_000)) for kind in ("float", "mixed")),
        *(trial("tpe", "float", d, (100_000,), libraries=("native", "bluefin", "rustuna")) for d in (5, 20)),
        *overhead(2000),
        study(1000),
        study(10_000, ("native", "bluefin", "rustuna")),
        history(10_000),
        history(100_000),
        sqlite(1, 5.0),
        sqlite(4, 5.0),
    ]


def quick():
    return [
        imports(),
        trial("random", "conditional", 3, (20,), at_least=3, at_most=3),
        trial("tpe", "mixed", 4, (20,), at_least=3, at_most=3),
        trial("tpe", "float", 2, (20, 40), at_least=3, at_most=3),
        *overhead(3),
        study(30),
        history(50),
        sqlite(2, 1.0),
    ]


PLANS = {"default": default, "full": full, "quick": quick}
SECTIONS = ("import", "trial", "overhead", "study", "history", "sqlite", "micro")
