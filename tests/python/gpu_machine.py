# SPDX-License-Identifier: MIT
"""A machine whose GPUs are what a library in NVML's place says, and whose locks are nobody else's."""

_OURS = ("BLUEFIN_STORAGE", "OPTUNA_STORAGE", "BLUEFIN_FD", "BLUEFIN_GPU_PROBE", "CUDA_DEVICE_ORDER")
_SURROUNDINGS = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS")


def make(folder, monkeypatch, nvml):
    """Goes into the folder. nvml: the library's path; one that does not exist: no driver."""
    monkeypatch.chdir(folder)
    for name in _OURS + _SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(folder / "locks"))
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", str(nvml))
    monkeypatch.setenv("FAKE_NVML_STATE", str(folder / "nvml.json"))
