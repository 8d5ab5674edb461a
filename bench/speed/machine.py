# SPDX-License-Identifier: MIT
"""Where the figures come from: the machine, the versions, and how busy it was with something else."""

import os
import pathlib
import platform
import re
import subprocess

from speed import libraries

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _field(file, name):
    try:
        found = re.search(rf"^{name}\s*:\s*(.*)$", pathlib.Path(file).read_text(), re.M)
    except OSError:
        return ""
    return found[1] if found else ""


def describe():
    simd = [name for name in ("avx512f", "avx2") if name in _field("/proc/cpuinfo", "flags").split()]
    memory = _field("/proc/meminfo", "MemTotal").split()
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "vectors": simd[0] if simd else "baseline",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[0]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(names, instruction_cases):
    found = {"python": platform.python_version()}
    found |= {name: libraries.version(name) for name in names}
    if instruction_cases.exists():
        found["compiler"] = _output(instruction_cases, "--compiler")
    commit = _output("git", "rev-parse", "--short=10", "HEAD")
    if commit:
        found["commit"] = commit + ("" if not _output("git", "status", "--porcelain", "-uno") else " with changes")
    return found


class Load:
    """Of a span of time: load averages at both ends, and the share of all cores that other programs took."""

    def __init__(self):
        self._before = os.getloadavg()
        self._start = self._ticks()

    def _ticks(self):
        """(passed on all cores, busy with anything, busy with this program and its children), in seconds."""
        with open("/proc/stat") as stat:
            fields = [int(field) for field in stat.readline().split()[1:9]]
        ticks = [field / os.sysconf("SC_CLK_TCK") for field in fields]
        idle = ticks[3] + ticks[4]
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        return sum(ticks), sum(ticks) - idle, own

    def describe(self):
        passed, busy, own = (end - start for end, start in zip(self._ticks(), self._start))
        return {
            "average_before": [round(x, 2) for x in self._before],
            "average_after": [round(x, 2) for x in os.getloadavg()],
            "taken_by_others": round(max(busy - own, 0.0) / passed, 3) if passed else 0.0,
        }
