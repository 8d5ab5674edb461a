# SPDX-License-Identifier: MIT
"""What `GPSampler.explain` returns. Prediction and relevance: include/bluefin/samplers/gp_explanation.hpp says how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import json
from typing import Any


@dataclass(frozen=True)
class GPPrediction:
    """What is predicted at a point, without noise, in the units and the sign of the objective or the constraint."""

    mean: float
    sd: float
    low: float  # 95 % lie between low and high
    high: float


@dataclass(frozen=True)
class GPPoint:
    """A trial, the suggestion, or a point that was asked for."""

    params: dict[str, Any]
    number: int | None  # of the trial
    values: list[float]  # of the trial, one for each objective
    objectives: list[GPPrediction]  # by the finished trials alone, one for each objective
    constraints: list[GPPrediction]  # one for each constraint
    feasibility: float | None  # probability that all constraints are satisfied; None: there are none
    acquisition: float  # what the sampler maximises: GPExplanation.acquisition
    expected_improvement: float | None  # on GPExplanation.improve_on, in the objective's units; None: several objectives
    improvement_chance: float | None  # the probability of any improvement; likewise


@dataclass(frozen=True)
class GPParam:
    """One parameter in the eyes of one process."""

    kind: str  # "float", "int" or "categorical"
    log: bool
    lengthscale: float | None  # a share of the range (of its logarithm with log), after the warp; None: a category
    distance: float | None  # the same in the parameter's units, or a factor with log; None: also with a warp
    warp: list[float] | None  # a, b: what is u in [0, 1] is seen as 1 - (1 - u**a)**b; None: a category, or no warp
    correlation: float | None  # of two trials that differ in this alone; None: a number
    relevance: float  # total effect on what is predicted, in [0, 1]


@dataclass(frozen=True)
class GPGroup:
    """Parameters that are always there together, but not in every trial."""

    params: list[str]
    depends_on: str | None  # the parameter whose value says whether; None: no single one does


@dataclass(frozen=True)
class GPProcess:
    """The process of one objective or constraint. It sees values of mean 0 and standard deviation 1."""

    name: str
    direction: str | None  # "minimize" or "maximize"; None: a constraint, or the weighted sum
    n_values: int  # trials that it has learned from
    n_fitted: int  # of them when its hyperparameters were found
    params: dict[str, GPParam]
    group_correlations: list[float]  # of two trials of which one has the group: GPExplanation.groups
    signal_sd: float  # of the function itself, a priori, where the values have 1
    noise_sd: float  # likewise
    noise: float  # the same in units, at what is predicted for the best trial
    transform: str  # "none", "yeo-johnson", or of a constraint "logarithm", of large values of both signs
    power: float  # the lambda of Yeo and Johnson; 1 without
    cut_at: float | None  # worse values count as this; None: there are none
    n_cut: int
    # Each value as predicted from the others; NaN: there are none, and loo_r2 where the values are equal.
    loo_score: float  # mean log density; larger is better
    loo_r2: float  # 1: exact, 0: no better than the mean
    loo_within: float  # share of the values within 2 sd of what is predicted
    failed: bool  # typical hyperparameters stand in for those that could not be found


@dataclass(frozen=True)
class GPExplanation:
    """What a Gaussian process makes of a study: see `GPSampler.explain`."""

    sampler: str  # the study's own, in the engine
    options: dict[str, Any]  # of gp
    n_complete: int
    n_pruned: int
    n_failed: int
    n_running: int
    in_use: bool  # False: fewer complete trials than n_startup_trials
    groups: list[GPGroup]
    objectives: list[GPProcess]
    constraints: list[GPProcess]  # satisfied when <= 0
    weighted: GPProcess | None  # what decides, if not each objective (ParEGO)
    weights: list[float]  # likewise
    acquisition: str  # its name
    improve_on: float | None  # the value to improve on; None: several objectives, or no feasible trial
    best: list[GPPoint]  # the best feasible trial, or the Pareto front
    suggestion: GPPoint  # what the next trial is expected to get
    at: list[GPPoint]  # what was asked for


def from_json(text: str, original: Callable[[str, Any], Any]) -> GPExplanation:
    """``original``: from a parameter's name and the engine's value to the user's."""
    tree = json.loads(text)
    described = {param["name"]: param for param in tree.pop("params")}

    def process(tree: dict[str, Any]) -> GPProcess:
        params = {
            name: GPParam(kind=described[name]["kind"], log=described[name].get("log", False), **fitted)
            for name, fitted in tree.pop("params").items()
        }
        return GPProcess(params=params, power=tree.pop("lambda"), **tree)

    def point(tree: dict[str, Any]) -> GPPoint:
        params = {name: original(name, value) for name, value in tree.pop("params").items()}
        return GPPoint(
            params=params,
            objectives=[GPPrediction(**prediction) for prediction in tree.pop("objectives")],
            constraints=[GPPrediction(**prediction) for prediction in tree.pop("constraints")],
            **tree,
        )

    return GPExplanation(
        groups=[GPGroup(**group) for group in tree.pop("groups")],
        objectives=[process(one) for one in tree.pop("objectives")],
        constraints=[process(one) for one in tree.pop("constraints")],
        weighted=None if (weighted := tree.pop("weighted")) is None else process(weighted),
        best=[point(one) for one in tree.pop("best")],
        suggestion=point(tree.pop("suggestion")),
        at=[point(one) for one in tree.pop("at")],
        **tree,
    )
