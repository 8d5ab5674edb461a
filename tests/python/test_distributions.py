# SPDX-License-Identifier: MIT
"""Distributions, beside Optuna's."""

import copy
import pickle

import optuna
import pytest

import bluefin
from bluefin.distributions import CategoricalDistribution
from bluefin.distributions import FloatDistribution
from bluefin.distributions import IntDistribution


def test_distributions_behave_as_optunas():
    cases = [
        ("FloatDistribution", (0.0, 1.0), {}),
        ("FloatDistribution", (1e-5, 1.0), {"log": True}),
        ("FloatDistribution", (0.0, 1.0), {"step": 0.25}),
        ("FloatDistribution", (2.0, 2.0), {}),
        ("IntDistribution", (1, 9), {"step": 2}),
        ("IntDistribution", (1, 100), {"log": True}),
        ("CategoricalDistribution", ((None, True, 1.5, "a", float("nan")),), {}),
    ]
    for name, args, kwargs in cases:
        ours = getattr(bluefin.distributions, name)(*args, **kwargs)
        theirs = getattr(optuna.distributions, name)(*args, **kwargs)
        assert repr(ours) == repr(theirs) and ours.single() == theirs.single()
        text = bluefin.distributions.distribution_to_json(ours)
        assert text == optuna.distributions.distribution_to_json(theirs)
        assert bluefin.distributions.json_to_distribution(text) == ours
        assert pickle.loads(pickle.dumps(ours)) == ours == copy.deepcopy(ours)
        assert hash(ours) == hash(copy.copy(ours)) or name == "CategoricalDistribution"
        for value in (0.25, 0.3, 1.0, 3.0, 4.0, 2.0):
            assert ours._contains(value) == theirs._contains(value)
    for wrong in [
        lambda: FloatDistribution(1, 0),
        lambda: FloatDistribution(0, 1, log=True),
        lambda: FloatDistribution(0, 1, step=0),
        lambda: FloatDistribution(1, 2, log=True, step=1),
        lambda: IntDistribution(0, 8, log=True),
        lambda: IntDistribution(1, 8, log=True, step=2),
        lambda: CategoricalDistribution([]),
        lambda: FloatDistribution(0, 1).to_internal_repr("a"),
        lambda: CategoricalDistribution(["a"]).to_internal_repr("b"),
    ]:
        with pytest.raises(ValueError):
            wrong()


def test_the_classes_are_optunas():
    ours, theirs = bluefin.distributions.DISTRIBUTION_CLASSES, optuna.distributions.DISTRIBUTION_CLASSES
    assert [cls.__name__ for cls in ours] == [cls.__name__ for cls in theirs]


def test_what_trials_have_in_common_is_asked_for_as_in_optuna():
    study = bluefin.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    space = bluefin.search_space.IntersectionSearchSpace()
    assert space.calculate(study, use_cache=True) == space.calculate(study) == {"x": FloatDistribution(0, 1)}
