# SPDX-License-Identifier: MIT
"""One measurement of one library in a process of its own: worker.py LIBRARY MEASUREMENT '{"its": "arguments"}'.

Prints one line of JSON: {figure: [samples]}. A figure is a cost, so less is better.
"""

import json
import os
import sys
import time

clock = time.perf_counter


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure_import(name):
    """Milliseconds until the library is there, without the interpreter's own start."""
    begin = clock()
    __import__(name)
    return {"": [(clock() - begin) * 1e3]}


def measure_trial(library, sampler, kind, d, sizes, at_least, at_most, budget_s):
    """Microseconds of ask + d suggests + tell in a study of n finished trials, for each n of `sizes`.

    The study grows from one size to the next. The first three trials at each are not counted: they bring the sampler's
    model up to the trials that were added.
    """
    import random

    from speed.spaces import Space

    rng = random.Random(1)
    space = Space(kind, d)
    study = library.study(library.sampler(sampler, seed=1))
    tell = library.tell(study)
    n_trials = 0
    figures = {}
    for size in sizes:
        library.fill(study, space, rng, size - n_trials)
        micros = []
        stop = clock() + budget_s
        while len(micros) < at_most + 3 and (len(micros) < at_least + 3 or clock() < stop):
            begin = clock()
            trial = study.ask()
            tell(trial, space.suggest(trial))
            micros.append((clock() - begin) * 1e6)
        n_trials = size + len(micros)
        figures[str(size)] = micros[3:]
    return figures


def measure_study(library, n_trials, d):
    """Milliseconds of a whole study with TPE."""
    from speed.spaces import Space

    study = library.study(library.sampler("tpe", seed=1))
    space = Space("float", d)
    begin = clock()
    study.optimize(space.suggest, n_trials=n_trials)
    return {"": [(clock() - begin) * 1e3]}


def measure_history(library, n_trials, d):
    """What finished trials take: bytes of memory each, and milliseconds for the list of all of them."""
    from speed.spaces import Space

    study = library.study(library.sampler("random", seed=1))
    space = Space("float", d)
    study.optimize(space.suggest, n_trials=10)  # what is allocated once
    before = resident_bytes()
    study.optimize(space.suggest, n_trials=n_trials)
    memory = (resident_bytes() - before) / n_trials
    begin = clock()
    trials = study.trials
    millis = (clock() - begin) * 1e3
    assert len(trials) == n_trials + 10
    return {"memory": [memory], "trials": [millis]}


def measure_open(library, file):
    """Milliseconds until all trials of a study in a file are there."""
    begin = clock()
    trials = library.trials(library.storage_study(file))
    millis = (clock() - begin) * 1e3
    assert trials
    return {"": [millis]}


def measure_write(library, file, sampler, n_trials):
    """Nothing: the file is what is looked at."""
    study = library.storage_study(file, sampler)
    study.optimize(library.storage_objective, n_trials=n_trials)
    return {}


def main():
    name, measurement, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    # In the place of this file's own folder, whose modules' names a library might use too.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if measurement == "import":
        figures = measure_import(name)
    else:
        from speed.libraries import load

        figures = globals()[f"measure_{measurement}"](load(name), **arguments)
    print(json.dumps(figures), flush=True)


main()
