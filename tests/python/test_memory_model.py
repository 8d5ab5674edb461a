# SPDX-License-Identifier: MIT
"""The memory model from Python: what is learned of exceptions, hints, the option of optimize()."""

import pytest

import bluefin

def suggest(trial):
    batch = trial.suggest_int("batch", 1, 1024, log=True)
    width = trial.suggest_int("width", 1, 1024, log=True)
    return batch, width


def objective(trial):
    """Runs out of memory where both sizes are at least 16."""
    trial.set_resource_hint("activations", ["batch", "width"])
    batch, width = suggest(trial)
    if batch >= 16 and width >= 16:
        raise MemoryError(f"{batch} * {width}")
    return float(batch)


def failures(study):
    return [t for t in study.get_trials(states=[bluefin.trial.TrialState.FAIL])]


SAMPLERS = [bluefin.samplers.RandomSampler, bluefin.samplers.TPESampler]


def run_out(sampler, seed, **kwargs):
    study = bluefin.create_study(sampler=sampler(seed=seed))
    study.optimize(objective, n_trials=60, catch=(MemoryError,), **kwargs)
    return study, failures(study)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("kwargs", "n_studies"), [({"n_jobs": 2}, 4), ({"n_workers": 2}, 2)])
def test_trials_at_once_that_run_out_are_learned_from(sampler, kwargs, n_studies):
    # They take turns as they come, so one study says little: in four, 23 and without a model 65 run out by random
    # search, some 36 and 165 by TPE.
    with_model, without = (
        sum(len(run_out(sampler, seed, memory_model=on, **kwargs)[1]) for seed in range(n_studies))
        for on in (True, False)
    )
    assert 0 < 2 * with_model <= without


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("kwargs", [{"n_jobs": 1}, {"n_workers": 1}])
def test_trials_that_run_out_are_learned_from(sampler, kwargs):
    study, failed = run_out(sampler, 1, **kwargs)
    assert 0 < len(failed) <= 12  # without a model 17 and 44
    assert {t.user_attrs["bluefin:fail"] for t in failed} == {"oom-host"}
    assert study._system_attrs["bluefin:resource_hint:activations"] == ["batch", "width"]


def test_the_model_can_be_switched_off():
    study = bluefin.create_study(sampler=bluefin.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=60, catch=(MemoryError,), memory_model=False)
    assert len(failures(study)) >= 15
    with pytest.raises(TypeError, match="`memory_model` must be a bool, but got 'off'"):
        study.optimize(objective, n_trials=1, memory_model="off")


def test_a_gpus_memory_is_told_from_the_machines():
    class OutOfMemoryError(RuntimeError):  # as PyTorch's
        pass

    def full(trial):
        suggest(trial)
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    def other(trial):
        suggest(trial)
        raise RuntimeError("no")

    study = bluefin.create_study()
    study.optimize(full, n_trials=1, catch=(RuntimeError,))
    study.optimize(other, n_trials=1, catch=(RuntimeError,))
    assert [t.user_attrs.get("bluefin:fail") for t in study.trials] == ["oom-device", None]


def test_hints_are_lists_of_names():
    study = bluefin.create_study()
    for target in (study, study.ask(), bluefin.trial.FixedTrial({}), bluefin.trial.create_trial(value=1.0)):
        with pytest.raises(TypeError, match="list of names of parameters, but got 'batch'"):
            target.set_resource_hint("a", "batch")
        with pytest.raises(TypeError, match="must be a str, but got 3"):
            target.set_resource_hint("a", [3])
        target.set_resource_hint("a", ["batch", "width"])
    with pytest.raises(ValueError, match="without a name"):
        study.set_resource_hint("a", [""])
    assert study._system_attrs["bluefin:resource_hint:a"] == ["batch", "width"]
