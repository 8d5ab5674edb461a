# SPDX-License-Identifier: MIT
"""The public names of Optuna that bluefin does not have, and what there is instead.

Each can be imported, named in an annotation and asked about by `isinstance`, so that a program which only mentions it
runs. Using it, which is making an object or calling the function, is a `NotImplementedError`. docs/python.md has the same
table, and a test compares both with Optuna.
"""

from __future__ import annotations

from collections.abc import Callable
import functools
from typing import Any
from typing import NoReturn

_TESTING = "It is for tests of Optuna's classes: take it from optuna, with BluefinSampler or BluefinPruner of bluefin.integration."
_DRAWN = "Optuna and optuna-dashboard draw a study from its SQLite file or journal."
_PLOTS = (
    "plot_contour plot_edf plot_hypervolume_history plot_intermediate_values plot_optimization_history "
    "plot_parallel_coordinate plot_param_importances plot_pareto_front plot_rank plot_slice "
    "plot_terminator_improvement plot_timeline"
)

# Module, its names in the order of the alphabet, and the sentence that helps.
TABLE = {
    "samplers": (
        "BaseGASampler BruteForceSampler CmaEsSampler GridSampler NSGAIIISampler NSGAIISampler "
        "PartialFixedSampler QMCSampler",
        "OptunaSampler of bluefin.integration runs Optuna's own in a study of bluefin.",
    ),
    "samplers.nsgaii": (
        "BLXAlphaCrossover BaseCrossover BaseMutation PolynomialMutation SBXCrossover SPXCrossover UNDXCrossover "
        "UniformCrossover VSBXCrossover",
        "It is a part of Optuna's NSGAIISampler, which OptunaSampler of bluefin.integration runs in a study of bluefin.",
    ),
    "pruners": (
        "HyperbandPruner PatientPruner SuccessiveHalvingPruner ThresholdPruner WilcoxonPruner",
        "OptunaPruner of bluefin.integration runs Optuna's own in a study of bluefin.",
    ),
    "storages": (
        "GrpcStorageProxy run_grpc_proxy_server",
        "Processes of one machine share an SQLite file or a journal, machines a journal in Redis.",
    ),
    "importance": (
        "BaseImportanceEvaluator FanovaImportanceEvaluator MeanDecreaseImpurityImportanceEvaluator "
        "PedAnovaImportanceEvaluator get_param_importances",
        "Optuna computes it for a study in an SQLite file or a journal.",
    ),
    "terminator": (
        "BaseErrorEvaluator BaseImprovementEvaluator BaseTerminator BestValueStagnationEvaluator "
        "CrossValidationErrorEvaluator EMMREvaluator MedianErrorEvaluator RegretBoundEvaluator StaticErrorEvaluator "
        "Terminator TerminatorCallback report_cross_validation_scores",
        "A callback of optimize that calls study.stop() ends a study.",
    ),
    "visualization": (_PLOTS, _DRAWN),
    "visualization.matplotlib": (_PLOTS, _DRAWN),
    "cli": ("CellValue ValueType", "They are how Optuna's command writes tables; bluefin.cli.main is the command."),
    **{
        f"testing.{module}": (names, _TESTING)
        for module, names in (
            ("objectives", "fail_objective pruned_objective"),
            ("pruners", "DeterministicPruner"),
            (
                "pytest_importance",
                "BasicImportanceEvaluatorTestCase ConditionalImportanceEvaluatorTestCase "
                "MultiObjectiveImportanceEvaluatorTestCase NonConditionalImportanceEvaluatorTestCase",
            ),
            (
                "pytest_samplers",
                "BasicSamplerTestCase FixedSampler MultiObjectiveSamplerTestCase RelativeSamplerTestCase "
                "SingleOnlySamplerTestCase parametrize_suggest_method",
            ),
            ("pytest_storages", "StorageTestCase is_equal_floats storage"),
            ("samplers", "DeterministicSampler"),
            ("storages", "StorageSupplier"),
            ("tempfile_pool", "NamedTemporaryFilePool"),
            ("visualization", "prepare_study_with_trials"),
        )
    },
    "integration": (
        "BoTorchSampler CatBoostPruningCallback DaskStorage FastAIPruningCallback FastAIV2PruningCallback "
        "KerasPruningCallback LightGBMPruningCallback LightGBMTuner LightGBMTunerCV MLflowCallback OptunaSearchCV "
        "PyCmaSampler PyTorchIgnitePruningHandler PyTorchLightningPruningCallback ShapleyImportanceEvaluator "
        "SkorchPruningCallback TFKerasPruningCallback TensorBoardCallback TensorFlowPruningHook TorchDistributedTrial "
        "WeightsAndBiasesCallback XGBoostPruningCallback",
        "It comes from the package optuna-integration and works on studies of Optuna itself; a pruning callback calls "
        "trial.report and trial.should_prune.",
    ),
}


def lookup(module: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module: a stand-in for each of its names in the table, else an `AttributeError`.

    Modules define it where type checkers do not see it: these should say that the name is not there.
    """

    def __getattr__(name: str) -> Any:
        if is_absent(module, name):
            return _stand_in(module, name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return __getattr__


def names(module: str) -> list[str]:
    """Those of a module, for its ``__all__``: ``from optuna.pruners import *`` brings them as well."""
    return TABLE[module.removeprefix("bluefin.")][0].split()


def is_absent(module: str, name: str) -> bool:
    """Whether ``bluefin.x.Name``, given as ``bluefin.x`` and ``Name``, is in the table."""
    names, _ = TABLE.get(module.removeprefix("bluefin."), ("", ""))
    return name in names.split()


@functools.cache  # one object for one name: `is`, `==` and `isinstance` hold
def _stand_in(module: str, name: str) -> Any:
    _, instead = TABLE[module.removeprefix("bluefin.")]
    sentence = f"bluefin does not have {module.replace('bluefin', 'optuna', 1)}.{name} yet. {instead}"

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(sentence)

    if name[0].islower():
        refuse.__name__, refuse.__qualname__, refuse.__module__, refuse.__doc__ = name, name, module, sentence
        return refuse
    return type(name, (), {"__new__": refuse, "__module__": module, "__doc__": sentence})
