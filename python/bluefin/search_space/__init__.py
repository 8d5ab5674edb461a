# SPDX-License-Identifier: MIT
"""The parameters that the trials of a study have in common."""

from bluefin.search_space.intersection import intersection_search_space
from bluefin.search_space.intersection import IntersectionSearchSpace

__all__ = ["IntersectionSearchSpace", "intersection_search_space"]
