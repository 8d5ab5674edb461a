# SPDX-License-Identifier: MIT
"""Processes of one library that write trials into one file as fast as they can: storage_worker.py LIBRARY FILE FOLDER N.

bench/native/storage_worker.cpp says what is printed, read and written; this is the same through Python. The library is
imported once, and each process opens the file for itself.
"""

import contextlib
import os
import signal
import struct
import sys
import time

# In the place of this file's own folder, whose modules' names a library might use too.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from speed.libraries import load  # noqa: E402


def opened(library, file, patience_s=60):
    """Optuna needs several tries where many others write."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return library.storage_study(file)
        except Exception:
            if time.monotonic() > end:
                raise


def work(library, file, folder, ready, start):
    study = opened(library, file)
    out = f"{folder}/{os.getpid()}"
    trials = os.open(f"{out}.trials", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # One trial, so that nothing is prepared or opened for the first time in what is measured.
    with contextlib.suppress(Exception):
        study.optimize(library.storage_objective, n_trials=1)
    os.write(ready, b"r")
    begin, end = struct.unpack("qq", os.read(start, 16))
    while time.monotonic_ns() < begin:
        time.sleep(1e-4)
    began = 0

    def objective(trial):
        nonlocal began
        now = time.monotonic_ns()
        if began:
            os.write(trials, struct.pack("qq", now, now - began))
        began = now
        if now >= end:
            os._exit(0)
        return library.storage_objective(trial)

    while time.monotonic_ns() < end:
        began = 0
        try:
            study.optimize(objective, n_trials=1_000_000_000)
        except Exception as error:
            with open(f"{out}.errors", "a") as errors:
                print(" ".join(str(error).split()), file=errors)


def main():
    library, file, folder, n_processes = load(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    ready, start = os.pipe(), os.pipe()
    # Made once, by a process that ends: no connection is carried over a fork.
    if os.fork() == 0:
        library.storage_study(file)
        os._exit(0)
    os.wait()
    children = []
    for _ in range(n_processes):
        child = os.fork()
        if child == 0:
            os.close(start[1])
            try:
                work(library, file, folder, ready[1], start[0])
                os._exit(0)
            except BaseException as error:
                print(f"storage_worker: {error!r}", file=sys.stderr, flush=True)
                os.write(ready[1], b"x")
                os._exit(1)
        children.append(child)
    os.close(ready[1])
    for _ in range(n_processes):
        if os.read(ready[0], 1) != b"r":
            sys.exit(1)  # one of them has said why
    print("ready", flush=True)
    begin, end = map(int, sys.stdin.readline().split())
    os.write(start[1], struct.pack("qq", begin, end) * n_processes)
    while children and time.monotonic_ns() < end + 1_000_000_000:
        children = [child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0]
        time.sleep(0.001)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


main()
