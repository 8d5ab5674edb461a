# SPDX-License-Identifier: MIT
"""`study.optimize(..., gpus=..., ...)`: trials on slots, in workers and in threads."""

import os
import subprocess
import sys
import threading
import time

import pytest

import bluefin


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID", "BLUEFIN_GPU_PROBE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", "libbluefin-no-such-nvml.so.1")
    return tmp_path


def where(trial):
    """What a trial finds in its process."""
    trial.set_user_attr("visible", os.environ.get("CUDA_VISIBLE_DEVICES"))
    trial.set_user_attr("device", trial.device)
    trial.set_user_attr("devices", trial.devices)
    trial.set_user_attr("pid", os.getpid())
    time.sleep(0.02)
    return 0.0


def gpus_of(study):
    return [trial.user_attrs["bluefin:gpu"] for trial in study.trials]


def test_each_worker_sees_its_gpu_only():
    study = bluefin.create_study()
    study.optimize(where, n_trials=8, n_workers=2, fake_gpus=2)
    assert {trial.state for trial in study.trials} == {bluefin.trial.TrialState.COMPLETE}
    for trial in study.trials:
        assert trial.user_attrs["visible"] == trial.user_attrs["bluefin:gpu"]
        assert trial.user_attrs["device"] == 0
    assert set(gpus_of(study)) == {"FAKE-0", "FAKE-1"}
    # A worker keeps its slot, and the memory that it has there, while nobody else wants it.
    assert len({trial.user_attrs["pid"] for trial in study.trials}) == 2


def test_a_worker_with_several_gpus():
    study = bluefin.create_study()
    study.optimize(where, n_trials=2, n_workers=-1, fake_gpus=4, gpus_per_trial=2)
    assert set(gpus_of(study)) <= {"FAKE-0,FAKE-1", "FAKE-2,FAKE-3"}
    assert [trial.user_attrs["devices"] for trial in study.trials] == [[0, 1]] * 2


def test_threads_have_a_gpu_each():
    study = bluefin.create_study()
    running, most, lock = {0: 0, 1: 0, 2: 0}, [0], threading.Lock()

    def objective(trial):
        with lock:
            running[trial.device] += 1
            most[0] = max(most[0], running[trial.device])
        time.sleep(0.005)
        with lock:
            running[trial.device] -= 1
        return 0.0

    study.optimize(objective, n_trials=30, n_jobs=-1, fake_gpus=3)
    assert most == [1]
    assert set(gpus_of(study)) == {"FAKE-0", "FAKE-1", "FAKE-2"}
    assert len(study.trials) == 30


def test_without_slots_a_trial_has_no_device():
    study = bluefin.create_study()
    study.optimize(lambda trial: float(trial.device is None and trial.devices == []), n_trials=1)
    assert study.best_value == 1.0
    assert "bluefin:gpu" not in study.trials[0].user_attrs


def test_two_studies_of_one_process_share():
    together = threading.Semaphore(1)
    clash = []

    def objective(trial):
        if not together.acquire(blocking=False):
            clash.append(trial.number)
            return 0.0
        time.sleep(0.01)
        together.release()
        return 0.0

    studies = [bluefin.create_study() for _ in range(2)]
    threads = [
        threading.Thread(target=study.optimize, args=(objective,), kwargs={"timeout": 1.5, "fake_gpus": 1})
        for study in studies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clash == []
    counts = sorted(len(study.trials) for study in studies)
    assert counts[0] > 5
    assert counts[1] <= 1.5 * counts[0] + 4


OTHER = """
import sys, time, bluefin
bluefin.logging.set_verbosity(bluefin.logging.ERROR)
study = bluefin.create_study()
def objective(trial):
    time.sleep(0.02)
    return 0.0
study.optimize(objective, n_trials=5, n_jobs=1, fake_gpus=1)
print(len(study.trials))
"""


def test_workers_give_their_slot_on_when_another_program_waits():
    study = bluefin.create_study()
    other = []

    def begin_other(study, trial):
        if not other:
            other.append(subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE, text=True))
        if other[0].poll() is not None:
            study.stop()

    study.optimize(where, timeout=60, n_workers=1, fake_gpus=1, callbacks=[begin_other])
    out, _ = other[0].communicate(timeout=30)
    assert out == "5\n"
    assert len(study.trials) > 5  # they took turns
    assert len({trial.user_attrs["pid"] for trial in study.trials}) > 1


def test_the_time_is_up_also_for_those_who_wait(folder):
    holder = bluefin.create_study()
    begun, end = threading.Event(), threading.Event()

    def hold(trial):
        begun.set()
        end.wait(30)
        return 0.0

    thread = threading.Thread(target=holder.optimize, args=(hold,), kwargs={"n_trials": 1, "fake_gpus": 1})
    thread.start()
    assert begun.wait(30)
    for arguments in ({"n_jobs": 1}, {"n_workers": 1}):
        study = bluefin.create_study()
        study.optimize(where, n_trials=1, timeout=0.3, fake_gpus=1, **arguments)
        assert study.trials == []
    end.set()
    thread.join()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"gpus": "all"}, ValueError, "gpus = all, but there is no GPU: libbluefin-no-such-nvml.so.1 could not be loaded"),
        ({"gpus": 9}, ValueError, "gpus = 9, but there is no GPU"),
        ({"gpus": 9, "fake_gpus": 2}, ValueError, "gpus = 9, but there are 2 GPUs here"),
        ({"gpus": [0, 7], "fake_gpus": 2}, ValueError, "'7' is no GPU of this machine"),
        ({"gpus": 0.5}, TypeError, "`gpus` must be an int"),
        ({"gpus": True, "fake_gpus": 2}, TypeError, "`gpus` must be an int, but got True"),
        ({"gpus": [False], "fake_gpus": 2}, TypeError, "An item of `gpus` must be an int, but got False"),
        ({"gpus_per_trial": 2}, ValueError, "need `gpus`"),
        ({"gpus_per_trial": "2", "fake_gpus": 2}, TypeError, "`gpus_per_trial` must be an int"),
        ({"fake_gpus": True}, TypeError, "`fake_gpus` must be a number, but got True"),
        ({"slots_per_gpu": True}, TypeError, "`slots_per_gpu` must be a number, but got True"),
        ({"gpus_per_trial": 3, "fake_gpus": 2}, ValueError, "gpus_per_trial = 3, but the trials may use 2 GPUs only"),
        ({"cpu_slots": 1, "fake_gpus": 1}, ValueError, "cannot be combined"),
        ({"fake_gpus": 2, "n_jobs": 3}, ValueError, "`n_jobs` must be at most 2, as many as there are slots"),
        ({"fake_gpus": 2, "n_workers": 3}, ValueError, "`n_workers` must be at most 2, as many as there are slots"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_trial(arguments, error, message):
    study = bluefin.create_study()
    with pytest.raises(error, match=message):
        study.optimize(where, n_trials=1, **arguments)
    assert study.trials == []


def test_a_list_of_one_is_a_gpu_and_not_a_number():
    study = bluefin.create_study()
    study.optimize(where, n_trials=2, gpus=[1], fake_gpus=3)
    assert gpus_of(study) == ["FAKE-1", "FAKE-1"]
