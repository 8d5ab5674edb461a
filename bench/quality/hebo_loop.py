# SPDX-License-Identifier: MIT
"""HEBO (Cowen-Rivers et al. 2022) with its defaults, asked for one point at a time."""

import importlib.metadata
import random

import numpy
import pandas
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO
from pymoo.config import Config
import torch

Config.warnings["not_compiled"] = False
VERSION = importlib.metadata.version("HEBO")


def _entry(name, values):
    if isinstance(values[0], str):
        return {"name": name, "type": "cat", "categories": list(values)}
    return {"name": name, "type": "num", "lb": values[0], "ub": values[1]}


class Loop:
    def __init__(self, space, seed):
        random.seed(seed)
        numpy.random.seed(seed)
        torch.manual_seed(seed)
        self._space = space
        self._hebo = HEBO(
            DesignSpace().parse([_entry(name, values) for name, values in space.items()]), scramble_seed=seed
        )

    def suggest(self):
        point = self._hebo.suggest(n_suggestions=1).iloc[0].to_dict()
        return {
            name: point[name] if isinstance(values[0], str) else float(point[name])
            for name, values in self._space.items()
        }

    def observe(self, point, value):
        self._hebo.observe(pandas.DataFrame([point], columns=list(self._space)), numpy.array([[value]]))
