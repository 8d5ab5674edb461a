# SPDX-License-Identifier: MIT
"""Who is compared: a name, the module whose study it runs in, and how its sampler is made."""

import dataclasses
import importlib
import math
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Contestant:
    module: str  # bluefin or optuna
    make: Callable[[Any, int], Any] = dataclasses.field(compare=False)  # (samplers of the module, seed) to a sampler
    about: str

    @property
    def is_peer(self):
        return self.module != "bluefin"

    def sampler(self, seed):
        return self.make(importlib.import_module(f"{self.module}.samplers"), seed)


def _tenth(n):
    return math.ceil(0.1 * n)


CONTESTANTS = {
    "random": Contestant("bluefin", lambda s, seed: s.RandomSampler(seed=seed), "what the others are measured by"),
    "tpe": Contestant("bluefin", lambda s, seed: s.TPESampler(seed=seed), "as it is made without arguments"),
    "tpe-uncapped": Contestant(
        "bluefin", lambda s, seed: s.TPESampler(seed=seed, gamma=_tenth), "a tenth of the trials is good, however many"
    ),
    "tpe-128": Contestant("bluefin", lambda s, seed: s.TPESampler(seed=seed, n_ei_candidates=128), "128 candidates"),
    "tpe-uncapped-128": Contestant(
        "bluefin", lambda s, seed: s.TPESampler(seed=seed, gamma=_tenth, n_ei_candidates=128), "both"
    ),
    "gp": Contestant("bluefin", lambda s, seed: s.GPSampler(seed=seed), "as it is made without arguments"),
    "optuna-tpe": Contestant("optuna", lambda s, seed: s.TPESampler(seed=seed), "as it is made without arguments"),
    "optuna-tpe-again": Contestant(
        "optuna", lambda s, seed: s.TPESampler(seed=seed + 1_000_003), "with other seeds: how much they matter"
    ),
    "optuna-gp": Contestant("optuna", lambda s, seed: s.GPSampler(seed=seed), "as it is made without arguments"),
}
