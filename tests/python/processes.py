# SPDX-License-Identifier: MIT
"""What tests of processes wait for."""

import fcntl
import os
from pathlib import Path
import pty
import select
import subprocess
import termios
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


def on_terminal(command, columns=None):
    """What a command prints where its output is a terminal, and its exit code."""
    master, slave = pty.openpty()
    if columns is not None:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, (24).to_bytes(2, "little") + columns.to_bytes(2, "little") + bytes(4))
    process = subprocess.Popen(command, stdout=slave, stderr=slave)
    os.close(slave)
    text = b""
    while select.select([master], [], [], 30)[0]:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(master)
    return text, process.wait()
