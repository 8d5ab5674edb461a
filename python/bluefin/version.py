# SPDX-License-Identifier: MIT
"""The version of the package, which is the engine's."""

from bluefin import _native

__version__: str = _native.version()
