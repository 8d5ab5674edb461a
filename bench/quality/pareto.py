# SPDX-License-Identifier: MIT
"""Several objectives: ZDT1 and ZDT3 (Zitzler, Deb and Thiele 2000) and DTLZ2 (Deb et al. 2002), by hypervolume."""

import functools
import math

import numpy

from .problem import Problem

D = 10  # parameters


def hypervolume(points, reference):
    """Of the region that `points`, shape [n, k], dominate below `reference`, shape [k]. O(n^(k-1) log n)."""
    points = numpy.asarray(points, dtype=float).reshape(-1, len(reference))
    points = points[(points < reference).all(axis=1)]
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(reference[0] - points.min())
    points = points[numpy.argsort(points[:, 0], kind="stable")]
    ends = numpy.append(points[1:, 0], reference[0])
    volume = 0.0
    for i, end in enumerate(ends):  # slices between neighbours in the first objective
        if end > points[i, 0]:
            volume += (end - points[i, 0]) * hypervolume(points[: i + 1, 1:], reference[1:])
    return volume


def _unit_point(trial):
    return [trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(D)]


def zdt1(trial):
    x = _unit_point(trial)
    g = 1 + 9 * sum(x[1:]) / (D - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g))


def zdt3(trial):
    x = _unit_point(trial)
    g = 1 + 9 * sum(x[1:]) / (D - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g) - x[0] / g * math.sin(10 * math.pi * x[0]))


def dtlz2(trial):
    x = _unit_point(trial)
    r = 1 + sum((v - 0.5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return r * math.cos(a) * math.cos(b), r * math.cos(a) * math.sin(b), r * math.sin(a)


def dtlz2_of_two(trial):
    x = _unit_point(trial)
    r = 1 + sum((v - 0.5) ** 2 for v in x[1:])
    return r * math.cos(x[0] * math.pi / 2), r * math.sin(x[0] * math.pi / 2)


def _front_zdt1():
    f = numpy.linspace(0, 1, 4001)
    return numpy.stack([f, 1 - numpy.sqrt(f)], axis=1)


def _front_zdt3():
    f = numpy.linspace(0, 1, 20001)
    values = 1 - numpy.sqrt(f) - f * numpy.sin(10 * math.pi * f)
    best = numpy.minimum.accumulate(numpy.append(numpy.inf, values[:-1]))
    return numpy.stack([f, values], axis=1)[values < best]


# Far enough away that also the first points of a study dominate something.
_ZDT_REFERENCE = (1.1, 6.0)
_DTLZ2_REFERENCE = (2.5, 2.5, 2.5)
_DTLZ2 = 2.5**3 - math.pi / 6  # without an eighth of the unit ball
_DTLZ2_OF_TWO = 2.5**2 - math.pi / 4  # without a quarter of the unit disc


def problems():
    for function, reference, largest in (
        (zdt1, _ZDT_REFERENCE, hypervolume(_front_zdt1(), _ZDT_REFERENCE)),
        (zdt3, _ZDT_REFERENCE, hypervolume(_front_zdt3(), _ZDT_REFERENCE)),
        (dtlz2, _DTLZ2_REFERENCE, _DTLZ2),
        (dtlz2_of_two, _DTLZ2_REFERENCE[:2], _DTLZ2_OF_TWO),
    ):
        name = f"pareto-{function.__name__.replace('_', '-')}"
        yield Problem(
            name=name,
            group="pareto",
            family=name,
            budgets=(100, 300),
            make=functools.partial(lambda f: f, function),
            n_objectives=len(reference),
            reference=reference,
            hypervolume=largest,
        )
