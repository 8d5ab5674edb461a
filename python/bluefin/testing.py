# SPDX-License-Identifier: MIT
"""Test suites for samplers and storages: not there yet (see bluefin._absent). Its modules can be imported as well."""

import sys
import types

from bluefin import _absent

for _path in _absent.TABLE:
    if _path.startswith("testing."):
        _module = types.ModuleType(f"bluefin.{_path}", __doc__)
        _module.__getattr__ = _absent.lookup(_module.__name__)  # type: ignore[method-assign]
        globals()[_path.removeprefix("testing.")] = sys.modules[_module.__name__] = _module
