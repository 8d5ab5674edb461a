# SPDX-License-Identifier: MIT
from bluefin.exceptions import OptunaError


class ArtifactNotFound(OptunaError):
    """The store has no artifact of this id."""
