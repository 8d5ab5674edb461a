# SPDX-License-Identifier: MIT
"""All problems, by name and by group."""

from . import bbob, conditional, five, learning, noise, pareto

_ALL = [
    *bbob.problems("bbob", (2, 5, 10, 20)),
    *bbob.problems("bbob-mixint", (5, 10, 20)),
    *conditional.problems(),
    *learning.problems(),
    *pareto.problems(),
    *five.problems(),
]
_ALL += noise.problems(_ALL)
PROBLEMS = {problem.name: problem for problem in _ALL}
FAMILIES = list(dict.fromkeys(problem.family for problem in _ALL))
GROUPS = list(dict.fromkeys(problem.group for problem in _ALL))
