# SPDX-License-Identifier: MIT
"""The command ``bluefin``: the package carries the program, this module starts it."""

from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from bluefin import _absent

if not TYPE_CHECKING:
    __getattr__ = _absent.lookup(__name__)

PROGRAM = Path(__file__).parent / "bin" / "bluefin"


def main() -> int:
    """Becomes the program, with this process's arguments. Returns only when it cannot: 1."""
    # Objectives of `run --python` see the packages that this interpreter sees, also where its environment is not active.
    os.environ.setdefault("BLUEFIN_PYTHON", sys.executable)
    try:
        os.execv(PROGRAM, [str(PROGRAM), *sys.argv[1:]])
    except OSError as error:
        print(f"bluefin: {PROGRAM} cannot be started: {error.strerror}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
