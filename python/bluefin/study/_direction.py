# SPDX-License-Identifier: MIT
import enum


class StudyDirection(enum.IntEnum):
    """Which values of an objective are good."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2
