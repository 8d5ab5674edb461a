# SPDX-License-Identifier: MIT
"""Five functions of five parameters, few enough for peers that take seconds for a suggestion.

Instances are shifted and rotated at random, by Python's own generator: all numbers are the same in every environment.
The smallest value is 0 in the group `five-d5`. In `five-d5-raised` the same functions have a constant added, as those
of COCO have: losses whose least value is 0 are easier for who takes the logarithm of positive ones.
"""

import functools
import math
import random

from .problem import Problem

D = 5
LOW, HIGH = -5.0, 5.0
INSTANCES = (1, 2, 3, 4, 5)
BUDGETS = (30, 60, 100)
N_FLOATS = 3  # of the mixed one
KINDS = ("a", "b", "c", "d")
MODES = ("p", "q", "r")


def _rotation(rng):
    """An orthogonal matrix as rows: normal deviates, made orthonormal by Gram and Schmidt."""
    rows = []
    for _ in range(D):
        row = [rng.gauss(0, 1) for _ in range(D)]
        for other in rows:
            along = math.fsum(a * b for a, b in zip(row, other, strict=True))
            row = [a - along * b for a, b in zip(row, other, strict=True)]
        norm = math.sqrt(math.fsum(a * a for a in row))
        rows.append([a / norm for a in row])
    return rows


def _turned(rotation, point, centre):
    z = [a - b for a, b in zip(point, centre, strict=True)]
    return [math.fsum(a * b for a, b in zip(row, z, strict=True)) for row in rotation]


def _centre(rng, n=D):
    return [rng.uniform(-3, 3) for _ in range(n)]


# Each makes, of a generator, (the parameters, what is made small of their values). The point of the smallest value
# comes third: for the tests.
_FLOATS = {f"x{i}": (LOW, HIGH) for i in range(D)}


def sphere(rng):
    centre = _centre(rng)
    return _FLOATS, lambda *x: math.fsum((a - b) ** 2 for a, b in zip(x, centre, strict=True)), centre


def ellipsoid(rng):
    """Rotated; the longest axis is a hundred times the shortest one."""
    centre, rotation = _centre(rng), _rotation(rng)

    def value(*x):
        return math.fsum(1e4 ** (i / (D - 1)) * z * z for i, z in enumerate(_turned(rotation, x, centre)))

    return _FLOATS, value, centre


def rastrigin(rng):
    """Rotated: some 11^5 local minima."""
    centre, rotation = _centre(rng), _rotation(rng)

    def value(*x):
        z = _turned(rotation, x, centre)
        return math.fsum(a * a + 10 - 10 * math.cos(2 * math.pi * a) for a in z)

    return _FLOATS, value, centre


def rosenbrock(rng):
    """Shifted: a bent valley."""
    centre = [rng.uniform(-2, 2) for _ in range(D)]

    def value(*x):
        z = [a - b + 1 for a, b in zip(x, centre, strict=True)]
        return math.fsum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(z, z[1:], strict=False))

    return _FLOATS, value, centre


def mixed(rng):
    """Three floats and two categoricals: one moves the optimum, the other changes the curvature, both cost."""
    middle = _centre(rng, N_FLOATS)
    centres = {kind: [m + rng.gauss(0, 1) for m in middle] for kind in KINDS}
    weights = {mode: [10 ** rng.uniform(-0.5, 0.5) for _ in range(N_FLOATS)] for mode in MODES}
    of_kind = {kind: rng.uniform(1, 10) for kind in KINDS}
    of_mode = {mode: rng.uniform(1, 10) for mode in MODES}
    best = rng.choice(KINDS), rng.choice(MODES)
    of_kind[best[0]] = of_mode[best[1]] = 0.0

    def value(*x):
        *floats, kind, mode = x
        terms = (w * (a - b) ** 2 for w, a, b in zip(weights[mode], floats, centres[kind], strict=True))
        return math.fsum(terms) + of_kind[kind] + of_mode[mode]

    space = {f"x{i}": (LOW, HIGH) for i in range(N_FLOATS)} | {"kind": KINDS, "mode": MODES}
    return space, value, [*centres[best[0]], *best]


FUNCTIONS = (sphere, ellipsoid, rastrigin, rosenbrock, mixed)


def made(function, instance):
    """(space, value, point of the optimum)."""
    return function(random.Random(f"bluefin {function.__name__} {instance}"))


def constant(function, instance, raised):
    return random.Random(f"bluefin raised {function.__name__} {instance}").uniform(-100, 100) if raised else 0.0


def _objective(function, instance, raised):
    space, value, _ = made(function, instance)
    more = constant(function, instance, raised)

    def objective(trial):
        return more + value(
            *(
                trial.suggest_categorical(name, values)
                if isinstance(values[0], str)
                else trial.suggest_float(name, *values)
                for name, values in space.items()
            )
        )

    return objective


def problems():
    for raised in (False, True):
        group = "five-d5-raised" if raised else "five-d5"
        for function in FUNCTIONS:
            for instance in INSTANCES:
                yield Problem(
                    name=f"{group}-{function.__name__}-i{instance}",
                    group=group,
                    family=f"{group}-{function.__name__}",
                    budgets=BUDGETS,
                    make=functools.partial(_objective, function, instance, raised),
                    optimum=functools.partial(constant, function, instance, raised),
                    space=made(function, instance)[0],
                )
