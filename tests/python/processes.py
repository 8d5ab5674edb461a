# SPDX-License-Identifier: MIT
"""What tests of processes wait for."""

from pathlib import Path
import time


def eventually(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def is_gone(pid):
    """Whether a process has ended; its parent may not have asked how yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def pids(path="pids"):
    """Of the processes that have written their number into a file."""
    return [int(line) for line in Path(path).read_text().split()] if Path(path).exists() else []
