# SPDX-License-Identifier: MIT
"""Who is compared: a name, the module whose study it runs in, and how its sampler is made.

Or, of libraries without studies, the module of this folder whose Loop suggests and observes: such a peer runs in an
environment of its own, of pinned versions that no other one could live with (bench/setup --quality-peers).
"""

import dataclasses
import functools
import importlib
import json
import math
import warnings
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Contestant:
    module: str  # bluefin or optuna; of a loop: the one of this folder
    make: Callable[[Any, int], Any] = dataclasses.field(compare=False)  # (samplers of the module, seed) to a sampler
    about: str
    environment: str | None = None  # of a loop: the folder, in the root, of the environment that has its library

    @property
    def is_peer(self):
        return self.module != "bluefin"

    @property
    def is_loop(self):
        return self.environment is not None

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
    "botorch": Contestant("botorch_loop", None, "a Gaussian process and LogEI, after 2 d points", ".venv-botorch"),
    "hebo": Contestant("hebo_loop", None, "as it is made without arguments", ".venv-hebo"),
}


def find(name):
    """The contestant of a name, or one of bluefin's with other options: "gp:prior=optuna+n_restarts=3".

    Raises:
        ValueError: There is none, or the sampler does not take the options.
    """
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    base, colon, given = name.partition(":")
    if not colon or base not in _SAMPLERS:
        raise ValueError(
            f"no contestant {name!r}; there are {', '.join(CONTESTANTS)}, and of {', '.join(_SAMPLERS)} those with "
            "other options: NAME:OPTION=VALUE+..."
        )
    options = {}
    for pair in given.split("+"):
        option, equals, value = pair.partition("=")
        if not option or not equals:
            raise ValueError(f"contestant {name!r}: {pair!r}, expected OPTION=VALUE")
        try:
            options[option] = json.loads(value)
        except json.JSONDecodeError:
            options[option] = value
    contestant = Contestant("bluefin", functools.partial(_make, _SAMPLERS[base], options), f"{base} with {given}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of experimental arguments
            contestant.sampler(0)
    except (TypeError, ValueError) as error:
        raise ValueError(f"contestant {name!r}: {error}") from None
    return contestant


_SAMPLERS = {"gp": "GPSampler", "tpe": "TPESampler"}


def _make(sampler, options, samplers, seed):
    return getattr(samplers, sampler)(seed=seed, **options)
