# SPDX-License-Identifier: MIT
"""`make gpu-test` where there is no GPU, and its checks against a driver and programs that stand for real ones."""

from __future__ import annotations

from collections.abc import Iterator
import json
import os
from pathlib import Path
import subprocess
import sys
import threading

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BLUEFIN_BUILD_DIR", "build")
FAKE_NVML = BUILD / "tests" / "tools" / "libfake_nvml.so"
FAKE_CUDA = BUILD / "tests" / "tools" / "libfake_cuda.so"
UUID = "GPU-08f3c2a4-5b6d-4e7f-8a9b-0c1d2e3f4a5b"

# Stands for gpu_cuda_tool: memory that it takes is a file that the driver counts as long as its process lives.
TOOL = """#!{python}
import json, os, signal, sys, time
out, number = os.environ["GPU_TEST_OUT"], os.environ["BLUEFIN_TRIAL_NUMBER"]
def write(**what):
    path = f"{{out}}/{{number}}.json"
    open(path + ".new", "w").write(json.dumps(what))
    os.rename(path + ".new", path)
what = sys.argv[1]
uuids = os.environ["CUDA_VISIBLE_DEVICES"].split(",") + {more}
if what == "device":
    write(count=len(uuids), uuids=uuids)
    print(len(uuids))
elif what == "spin":
    open(f"{held}/{{os.getpid()}}", "w").write(sys.argv[3])
    time.sleep(0.3)
    write(begin=0, ready=1)
    time.sleep(float(sys.argv[2]))
elif what == "work":
    time.sleep(1)
    print(7)
elif what == "segfault":
    os.kill(os.getpid(), signal.SIGSEGV)
elif what == "assert":
    sys.exit("fault: CUDA error: unspecified launch failure")
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tests" / "gpu" / "run"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "BLUEFIN_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", "libbluefin-no-such-nvml.so.1")
    monkeypatch.setenv("BLUEFIN_LOCK_DIR", str(tmp_path / "locks"))


class Machine:
    """A GPU whose driver is tests/tools/fake_nvml.cpp, and a build folder with a program that only pretends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.state = folder / "nvml.json"
        self.held = folder / "held"
        self.held.mkdir()
        self.build = folder / "build"
        (self.build / "tests" / "gpu").mkdir(parents=True)
        (self.build / "bluefin").symlink_to(BUILD / "bluefin")
        self.write_tool()
        (folder / "bin").mkdir()
        self.write_smi("0, NVIDIA H100 80GB HBM3, 81559")
        self.count()
        monkeypatch.setenv("BLUEFIN_NVML_LIBRARY", str(FAKE_NVML))
        monkeypatch.setenv("FAKE_NVML_STATE", str(self.state))
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")

    def write_tool(self, more: tuple[str, ...] = ()) -> None:
        self.executable(
            self.build / "tests" / "gpu" / "gpu_cuda_tool",
            TOOL.format(python=sys.executable, held=self.held, more=list(more)),
        )

    def write_smi(self, words: str) -> None:
        self.executable(self.folder / "bin" / "nvidia-smi", f"#!/bin/sh\necho '{UUID}, {words}, 00000000:17:00.0'\n")

    @staticmethod
    def executable(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def count(self) -> None:
        """What a driver does: memory belongs to processes, and comes back when they end."""
        used = 520
        for claim in self.held.iterdir():
            if Path(f"/proc/{claim.name}").exists():
                used += int(claim.read_text() or 0)
        device = {
            "uuid": UUID,
            "name": "NVIDIA H100 80GB HBM3",
            "pci": "00000000:17:00.0",
            "memory_total_mib": 81559,
            "memory_used_mib": used,
            "power_mw": 68000,
            "processes": [],
        }
        new = self.state.with_suffix(".new")
        new.write_text(json.dumps({"driver": "580.65.06", "devices": [device]}))
        new.rename(self.state)

    def check(self, *names: str) -> dict[str, dict]:
        done = run("--build", str(self.build), "--no-build", *names)
        assert "results:" in done.stdout, done.stdout + done.stderr
        results = json.loads((self.build / "results" / "results.json").read_text())
        assert done.returncode == (1 if " 0 failed" not in results["summary"] else 0)
        assert (self.build / "results" / "results.txt").read_text().strip().endswith(results["summary"])
        return {check["check"]: check for check in results["checks"]}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    if not FAKE_NVML.exists():
        pytest.skip("the C++ tests are not built")
    machine = Machine(tmp_path, monkeypatch)
    over = threading.Event()

    def drive() -> None:
        while not over.wait(0.02):
            machine.count()

    driver = threading.Thread(target=drive)
    driver.start()
    yield machine
    over.set()
    driver.join()


def test_without_a_gpu_it_says_so_and_ends_well() -> None:
    done = subprocess.run(["make", "-s", "gpu-test"], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0
    assert done.stdout.startswith("gpu-test: skipped: no NVIDIA driver is here (")
    assert done.stdout.count("\n") == 1


def test_a_driver_without_gpus_is_no_gpu(machine: Machine) -> None:
    empty = machine.folder / "empty.json"
    empty.write_text('{"devices": []}')
    done = run(FAKE_NVML_STATE=str(empty))
    assert (done.returncode, done.stdout) == (0, "gpu-test: skipped: the NVIDIA driver finds no GPU\n")


def test_a_name_that_is_none_is_an_error_with_all_names() -> None:
    done = run("bindings")
    assert done.returncode == 2
    assert "there is no check 'bindings'; there are devices, binding," in done.stderr
    listed = [line.split()[0] for line in run("--list").stdout.splitlines()]
    assert len(listed) == 16 and listed[:2] == ["devices", "binding"]


def test_a_folder_that_is_no_bundle_is_an_error(tmp_path: Path) -> None:
    done = run("--bundle", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path} is no folder of scripts/setup --bundle" in done.stderr


def test_checks_pass_on_a_machine_that_is_as_it_should_be(machine: Machine) -> None:
    checks = machine.check("devices", "binding", "kill", "faults", "out-of-memory")
    for name in ("devices", "binding", "kill", "faults"):
        assert (checks[name]["result"], checks[name]["reason"]) == ("passed", "")
    assert checks["devices"]["figures"] == {"GPUs": ["NVIDIA H100 80GB HBM3, 81559 MiB"]}
    assert checks["binding"]["figures"] == {"GPU": UUID}
    assert 0 <= checks["kill"]["figures"]["seconds until the memory is back"] < 30
    assert checks["faults"]["figures"]["rounds of the neighbour"] == 7
    assert checks["out-of-memory"]["result"] == "skipped"
    assert "gpu_torch_tool was not built, which needs a LibTorch that has CUDA" in checks["out-of-memory"]["reason"]


def test_checks_fail_on_a_machine_that_is_not(machine: Machine) -> None:
    machine.write_tool(more=("GPU-another",))
    machine.write_smi("0, NVIDIA H100 80GB HBM3, 40000")
    checks = machine.check("devices", "binding")
    assert [check["result"] for check in checks.values()] == ["failed", "failed"]
    assert "bytes, not 40000 MiB" in checks["devices"]["reason"]
    assert checks["binding"]["reason"] == "trial 0 sees 2 GPUs"


def test_a_loaded_program_is_forked_as_long_as_it_has_not_opened_the_gpu(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_TEST_CUDA_LIBRARY", str(FAKE_CUDA))
    monkeypatch.setenv("TORCH_PYTHON", sys.executable)
    monkeypatch.setenv("FAKE_CUDA_THREAD", "1")  # by which it is seen that the driver was opened
    zygote = machine.check("zygote")["zygote"]
    assert (zygote["result"], zygote["reason"]) == ("passed", "")
    assert zygote["figures"]["a program that has opened the GPU is not forked, since"] == "it has 2 threads"
    assert zygote["figures"]["PyTorch"].endswith(" has none with CUDA")
    # Where it is not seen copies are made, which cannot use the GPU: the check says so.
    monkeypatch.delenv("FAKE_CUDA_THREAD")
    zygote = machine.check("zygote")["zygote"]
    assert zygote["result"] == "failed"
    assert "what loads cuda: 0 FAIL exception, 1 FAIL exception: " in zygote["reason"]
    assert "cuInit failed with code 3" in zygote["reason"] and "no warning" in zygote["reason"]
