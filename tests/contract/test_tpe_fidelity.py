# SPDX-License-Identifier: MIT
"""TPE splits, weighs and scores as Optuna's does, on random histories.

Optuna's own private functions make one side (`_split_trials`, `_ParzenEstimator`), build/tests/tools/tpe_tool the
other. Histories have every kind of parameter, ties, infinities, pruned trials with and without reports, running trials
with a shared joint point, infeasible ones, missing parameters, changed ranges, one to three objectives, and finish in
an order other than that of their numbers.
"""

import json
import math
import os
import pathlib
import random
import subprocess
import types
import warnings

import mpmath
import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.distributions import FloatDistribution
from optuna.distributions import IntDistribution
from optuna.distributions import distribution_to_json
from optuna.samplers._tpe import parzen_estimator
from optuna.samplers._tpe import sampler as tpe_sampler
from optuna.search_space import intersection_search_space
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.trial import FrozenTrial
from optuna.trial import TrialState

ROOT = pathlib.Path(__file__).parents[2]
TOOL = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build") / "tests" / "tools" / "tpe_tool"

N_HISTORIES = 300
N_POINTS = 12

KINDS = [
    lambda: FloatDistribution(-2.0, 5.0),
    lambda: FloatDistribution(1e-5, 1e2, log=True),
    lambda: FloatDistribution(0.0, 1.0, step=0.125),
    lambda: FloatDistribution(-1.0, 0.8, step=0.3),
    lambda: IntDistribution(-3, 12),
    lambda: IntDistribution(0, 100, step=5),
    lambda: IntDistribution(1, 512, log=True),
    lambda: CategoricalDistribution(["a", "b", None, True, 2.5]),
    lambda: CategoricalDistribution([32, 64, 128]),
]


@pytest.fixture(autouse=True)
def stable_argsort(monkeypatch):
    """NumPy's default argsort leaves the order of equal values, and so which of two equal points gets which
    bandwidth, to the processor's instruction set. Here it is that of the trials."""
    stable = types.SimpleNamespace(**vars(np))
    stable.argsort = lambda a, *args, **kwargs: np.argsort(a, kind="stable")
    monkeypatch.setattr(parzen_estimator, "np", stable)


def random_value(rng, distribution):
    if isinstance(distribution, CategoricalDistribution):
        return rng.choice(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        x = math.exp(rng.uniform(math.log(low), math.log(high)))
        return x if step is None else min(max(round(x), low), high)
    if step is not None:
        return low + rng.randint(0, round((high - low) / step)) * step
    # Some points coincide and some lie on a bound.
    return rng.choice([rng.uniform(low, high)] * 6 + [low, high, round(rng.uniform(low, high))])


def random_loss(rng):
    kind = rng.random()
    if kind < 0.03:
        return rng.choice([math.inf, -math.inf])
    return float(rng.randint(0, 4)) if kind < 0.4 else rng.gauss(0.0, 3.0)


def widened(distribution):
    """The same parameter after somebody changed its range."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution
    high = distribution.low + 2 * (distribution.high - distribution.low)
    cls = type(distribution)
    return cls(distribution.low, high, log=distribution.log, step=distribution.step)


def random_trial(rng, number, space, n_objectives, style):
    state = rng.choices(
        [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING], [style["complete"], style["pruned"], 0.06]
    )[0]
    distributions = {}
    for name, distribution in space.items():
        if rng.random() >= style["missing"]:
            distributions[name] = widened(distribution) if rng.random() < style["changed"] else distribution
    params = {name: random_value(rng, distribution) for name, distribution in distributions.items()}
    values, reports, system_attrs, shared = None, {}, {}, {}
    if state == TrialState.COMPLETE:
        values = [random_loss(rng) for _ in range(n_objectives)]
    if state == TrialState.RUNNING:
        # What it was given is shared; what it has suggested already wins.
        shared = dict(params)
        params = {name: random_value(rng, distributions[name]) for name in params if rng.random() < 0.5}
        if rng.random() < 0.8:
            text = json.dumps(shared)
            for i in range(0, len(text), 2045):
                system_attrs[f"tpe:relative_params:{i // 2045}"] = text[i : i + 2045]
        else:
            shared = {}
    # Optuna has no order for pruned trials with reports when there are several objectives.
    if n_objectives == 1 and rng.random() < 0.8:
        reports = {step: rng.choice([random_loss(rng), math.nan]) for step in range(rng.randint(0, 3))}
    if state != TrialState.RUNNING and rng.random() < style["constrained"]:
        system_attrs["constraints:a"] = rng.choice([-1.0, 0.0, 0.5, rng.uniform(-1, 1)])
        system_attrs["constraints:b"] = rng.choice([-1.0, 0.25, rng.uniform(-2, 1)])
    finished = state != TrialState.RUNNING
    trial = FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params=params,
        distributions={name: distributions[name] for name in params},
        user_attrs={},
        system_attrs=system_attrs,
        intermediate_values=reports,
    )
    known = {**shared, **params}
    line = {
        "number": number,
        "state": state.name,
        "values": values or [],
        "params": {name: [known[name], json.loads(distribution_to_json(distributions[name]))] for name in known},
        "reports": sorted(reports.items()) if finished else [],
        "constraints": {key[12:]: value for key, value in system_attrs.items() if key.startswith("constraints:")},
    }
    return trial, line


def random_history(seed):
    rng = random.Random(seed)
    n_objectives = rng.choice([1, 1, 1, 2, 3])
    # From 512 kernels on, leaves of them are left out of a sum.
    n = rng.choice([0, 1, 2, 3, 5, 9, 10, 11, 26, 27, 28, 60, 120, 250, 251, 300, 700, rng.randint(301, 3000)])
    space = {f"p{i}": rng.choice(KINDS)() for i in range(rng.randint(1, 5))}
    style = {
        "complete": rng.choice([0.1, 1.0, 1.0, 1.0]),
        "pruned": rng.choice([0.0, 0.3, 1.0]),
        "missing": rng.choice([0.0, 0.0, 0.1, 0.4]),
        "changed": rng.choice([0.0, 0.0, 0.0, 0.1]),
        "constrained": rng.choice([0.0, 0.0, 0.5, 1.0]),
    }
    trials, lines = [], []
    for number in range(n):
        trial, line = random_trial(rng, number, space, n_objectives, style)
        trials.append(trial)
        lines.append(line)
    running = [trial.number for trial in trials if trial.state == TrialState.RUNNING]
    asking = rng.choice([n, *running])
    # Rows come in the order of finishing; running trials ascend.
    finishing = [line for line in lines if line["state"] != "RUNNING"]
    rng.shuffle(finishing)
    lines = finishing + [line for line in lines if line["state"] == "RUNNING"]
    directions = [rng.choice(["minimize", "maximize"]) for _ in range(n_objectives)]
    return directions, trials, lines, space, asking, rng


def optuna_side(directions, trials, space, asking):
    study = optuna.create_study(directions=directions)
    sampler = optuna.samplers.TPESampler(seed=1, multivariate=True)
    trials = [trial for trial in trials if trial.number != asking]
    n_finished = sum(trial.state != TrialState.RUNNING for trial in trials)
    gamma = tpe_sampler.default_gamma if len(directions) == 1 else tpe_sampler.default_gamma_multiobjective
    below, above = tpe_sampler._split_trials(study, trials, gamma(n_finished))
    l = sampler._build_parzen_estimator(study, space, below, handle_below=True)
    g = sampler._build_parzen_estimator(study, space, above, handle_below=False)
    return below, above, l, g


def random_points(rng, space, l):
    """Canonical values [n][d]: half of them draws from l, as in a suggestion."""
    drawn = l.sample(np.random.RandomState(rng.randrange(2**31)), N_POINTS // 2)
    points = [[float(drawn[name][i]) for name in space] for i in range(N_POINTS // 2)]
    for _ in range(N_POINTS // 2):
        points.append(
            [float(d.to_internal_repr(random_value(rng, d))) for d in space.values()]
        )
    for point in points:  # exp(log(high)) may lie an ulp beyond the bound; the tool's own draws never do
        for j, d in enumerate(space.values()):
            if not isinstance(d, CategoricalDistribution):
                point[j] = min(max(point[j], d.low), d.high)
    return points


def exact_log_pdf(estimator, space, point):
    """log p(x) of Optuna's estimator with 50 digits."""
    mpmath.mp.dps = 50
    mixture = estimator._mixture_distribution

    def mass(a, b, mu, sigma):
        a, b = (a - mu) / (sigma * mpmath.sqrt(2)), (b - mu) / (sigma * mpmath.sqrt(2))
        return (mpmath.erfc(a) - mpmath.erfc(b)) / 2 if a > 0 else (mpmath.erfc(-b) - mpmath.erfc(-a)) / 2

    total = mpmath.mpf(0)
    for k, weight in enumerate(mixture.weights):
        density = mpmath.mpf(float(weight))
        for d, x in zip(mixture.distributions, point):
            if isinstance(d, parzen_estimator._BatchedCategoricalDistributions):
                density *= mpmath.mpf(float(d.weights[k][int(x)]))
                continue
            mu, sigma, x = mpmath.mpf(float(d.mu[k])), mpmath.mpf(float(d.sigma[k])), mpmath.mpf(x)
            at = mpmath.log if d.is_log else (lambda value: value)
            half = mpmath.mpf(d.step) / 2
            low, high = at(mpmath.mpf(d.low) - half), at(mpmath.mpf(d.high) + half)
            if d.step:
                density *= mass(at(x - half), at(x + half), mu, sigma)
            else:
                z = (at(x) - mu) / sigma
                density *= mpmath.exp(-z * z / 2) / (sigma * mpmath.sqrt(2 * mpmath.pi))
            density /= mass(low, high, mu, sigma)
        total += density
    return float(mpmath.log(total))


def check_estimator(ours, theirs, space, points):
    mixture = theirs._mixture_distribution
    np.testing.assert_allclose(ours["weights"], mixture.weights, rtol=1e-12)
    for kernels, d in zip(ours["kernels"], mixture.distributions, strict=True):
        if isinstance(d, parzen_estimator._BatchedCategoricalDistributions):
            np.testing.assert_allclose(kernels["weights"], d.weights, rtol=1e-12)
        else:
            np.testing.assert_allclose(kernels["mu"], d.mu, rtol=1e-13, atol=1e-14)
            np.testing.assert_allclose(kernels["sigma"], d.sigma, rtol=1e-12)
    by_optuna = theirs.log_pdf({name: np.array([p[j] for p in points]) for j, name in enumerate(space)})
    n_exact = 0
    for point, mine, other in zip(points, ours["log_pdf"], by_optuna, strict=True):
        if abs(mine - other) <= 1e-9 * max(abs(other), 1.0):
            continue
        # Optuna's own digits end here; it may be off by 1e-7, we may not.
        n_exact += 1
        assert mine == pytest.approx(exact_log_pdf(theirs, space, point), rel=1e-10)
        assert mine == pytest.approx(other, rel=1e-7)
    return n_exact


def ask_tool(lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([TOOL], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_split_kernels_and_densities_are_optunas():
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    requests, expected = [], []
    for seed in range(N_HISTORIES):
        directions, trials, lines, space, asking, rng = random_history(seed)
        below, above, l, g = optuna_side(directions, trials, space, asking)
        points = random_points(rng, space, l)
        requests.append(
            {
                "directions": directions,
                "self": asking,
                "stride": rng.choice([1, 1, 3, 10_000]),
                "trials": lines,
                "space": {name: json.loads(distribution_to_json(d)) for name, d in space.items()},
                "points": points,
            }
        )
        expected.append((directions, trials, space, below, above, l, g, points))

    n_exact = 0
    for seed, (answer, (directions, trials, space, below, above, l, g, points)) in enumerate(
        zip(ask_tool(requests), expected, strict=True)
    ):
        print("history", seed)  # of the failure
        finished_above = [trial.number for trial in above if trial.state != TrialState.RUNNING]
        assert answer["below"] == [trial.number for trial in below]
        assert answer["above"] == finished_above
        n_exact += check_estimator(answer["l"], l, space, points)
        n_exact += check_estimator(answer["g"], g, space, points)
    print(n_exact, "densities were decided by mpmath")
    assert n_exact <= 0.01 * N_HISTORIES * N_POINTS


def test_joint_spaces_are_optunas():
    requests, expected = [], []
    for seed in range(N_HISTORIES):
        directions, trials, lines, space, asking, _ = random_history(seed)
        finished = [trial for trial in trials if trial.state.is_finished()]
        group = _SearchSpaceGroup()
        for trial in finished:
            group.add_distributions(trial.distributions)
        intersection = intersection_search_space(finished, include_pruned=True)
        expected.append((list(intersection), sorted(sorted(sub_space) for sub_space in group.search_spaces)))
        requests.append({"directions": directions, "self": asking, "stride": 10_000, "trials": lines})
        requests[-1] |= {"points": []}
        requests[-1]["space"] = {name: json.loads(distribution_to_json(d)) for name, d in space.items()}
    for answer, (intersection, groups) in zip(ask_tool(requests), expected, strict=True):
        assert answer["intersection"] == intersection
        assert sorted(answer["groups"]) == groups
