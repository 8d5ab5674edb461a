# SPDX-License-Identifier: MIT
"""What only a real GPU can show. Each check has a name, leaves figures in `session.figures`, and raises Failure for what
is not as it should be, Skip for what cannot be looked at here."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import resource
import subprocess
import time

from session import Failure
from session import last_line
from session import MIB
from session import need
from session import percentile
from session import results_of
from session import Session
from session import Skip
from session import until

CHECKS: dict[str, Callable[[Session], None]] = {}
HERE = Path(__file__).resolve().parent


def check(name: str) -> Callable[[Callable[[Session], None]], Callable[[Session], None]]:
    def add(function: Callable[[Session], None]) -> Callable[[Session], None]:
        CHECKS[name] = function
        return function

    return add


def outcomes(trials: list) -> str:
    return ", ".join(f"{trial.number} {trial.state} {trial.fail}".strip() for trial in trials)


@check("devices")
def devices(session: Session) -> None:
    """bluefin devices tells the same as nvidia-smi."""
    done = subprocess.run([session.bluefin, "devices", "--json"], capture_output=True, text=True, timeout=60)
    need(done.returncode == 0, f"bluefin devices ended with {done.returncode}: {done.stderr.strip()}")
    listed = {device["uuid"]: device for device in json.loads(done.stdout)["devices"] if device["mig"] is None}
    query = ["nvidia-smi", "--query-gpu=uuid,index,name,memory.total,pci.bus_id", "--format=csv,noheader,nounits"]
    try:
        smi = subprocess.run(query, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise Skip("nvidia-smi is not here, and there is nothing to compare with") from None
    rows = [[word.strip() for word in line.split(",")] for line in smi.stdout.splitlines() if line.strip()]
    need(rows, f"nvidia-smi lists nothing: {smi.stderr.strip()}")
    for uuid, index, name, mib, bus in rows:
        need(uuid in listed, f"{uuid} of nvidia-smi is not among {sorted(listed)}")
        device = listed[uuid]
        need(device["index"] == int(index), f"{uuid} has index {device['index']}, nvidia-smi says {index}")
        need(device["name"] == name, f"{uuid} is '{device['name']}', nvidia-smi says '{name}'")
        need(abs(device["memory_total"] / MIB - int(mib)) <= 1, f"{uuid}: {device['memory_total']} bytes, not {mib} MiB")
        need(device["pci_bus_id"].lower() == bus.lower(), f"{uuid} is at {device['pci_bus_id']}, not {bus}")
        need(device["power_watts"] is None or device["power_watts"] > 0, f"{uuid} draws {device['power_watts']} W")
    session.figures["GPUs"] = [f"{row[2]}, {row[3]} MiB" for row in rows]


@check("binding")
def binding(session: Session) -> None:
    """A trial's process sees one GPU, and it is the one that the trial has."""
    trials = session.run("binding", ["--n-trials", "2"], [session.cuda_tool, "device"])
    seen = results_of(session.work / "binding")
    for trial in trials:
        need(trial.state == "COMPLETE", f"trials: {outcomes(trials)}: {last_line(session.work / 'binding' / 'run.log')}")
        found = seen[str(trial.number)]
        need(found["count"] == 1, f"trial {trial.number} sees {found['count']} GPUs")
        held = trial.attributes["bluefin:gpu"]
        need(found["uuids"] == [held] or held.startswith("MIG-"), f"it holds {held} and sees {found['uuids']}")
    session.figures["GPU"] = trials[0].attributes["bluefin:gpu"]


@check("out-of-memory")
def out_of_memory(session: Session) -> None:
    """Out of device memory in LibTorch, in PyTorch and in CUDA is `oom-device`, and the next trial is fine."""
    programs = {"libtorch": [session.torch_tool, "oom"], "pytorch": [session.python, str(HERE / "torch_oom.py")]}
    for name, command in programs.items():
        trials = session.run(f"oom-{name}", ["--n-trials", "2", "--workers", "1"], command)
        session.figures[name] = outcomes(trials)
        first, second = trials
        need(first.state == "FAIL" and first.fail == "oom-device", f"{name}: {outcomes(trials)}, not oom-device")
        need(second.state == "COMPLETE", f"{name}: the next trial is {second.state} {second.fail}")


@check("kill")
def kill(session: Session) -> None:
    """A trial that is killed in the middle of a long kernel: how long until its memory is back."""
    before = session.nvml.memory_used(session.gpu)
    process, folder = session.start("kill", ["--n-trials", "1"], [session.cuda_tool, "spin", "60", "2048"])
    need(until((folder / "0.json").exists, 60), f"the trial did not start: {last_line(folder / 'run.log')}")
    held = session.nvml.memory_used(session.gpu) - before
    need(held > 1500 * MIB, f"the trial holds {held // MIB} MiB by NVML, not the 2,048 it has taken")
    process.kill()  # its child is killed with it
    seconds = until(lambda: session.nvml.memory_used(session.gpu) <= before + 64 * MIB, 30)
    process.wait()
    need(seconds is not None, f"30 s after the kill {session.nvml.memory_used(session.gpu) // MIB} MiB are still used")
    session.figures["seconds until the memory is back"] = round(seconds or 0, 3)
    trials = session.run("after-kill", ["--n-trials", "1"], [session.cuda_tool, "device"])
    need(trials[0].state == "COMPLETE", f"the next trial: {outcomes(trials)}")


@check("faults")
def faults(session: Session) -> None:
    """A segfault and a fault of the device: the neighbour on the same GPU goes on with right results."""
    tool = session.cuda_tool
    script = f'case $BLUEFIN_TRIAL_NUMBER in 0) exec {tool} work 10;; 1) exec {tool} segfault;; *) exec {tool} assert;; esac'
    options = ["--n-trials", "4", "--slots-per-gpu", "2", "--workers", "2"]
    trials = session.run("faults", options, ["/bin/sh", "-c", script])
    session.figures["trials"] = outcomes(trials)
    need(trials[0].state == "COMPLETE", f"the neighbour: {outcomes(trials)}")
    need(trials[1].fail == "signal:11", f"the segfault: {outcomes(trials)}")
    need(all(trial.state == "FAIL" for trial in trials[1:]), f"the faults: {outcomes(trials)}")
    session.figures["rounds of the neighbour"] = trials[0].value


@check("start")
def start(session: Session) -> None:
    """What a trial's process costs before it computes: memory of its context, and seconds."""
    before = session.nvml.memory_used(session.gpu)
    process, folder = session.start("start", ["--n-trials", "3", "--workers", "1"], [session.cuda_tool, "start"])
    most = 0
    while process.poll() is None and session.remaining() > 0:
        most = max(most, session.nvml.memory_used(session.gpu) - before)
        time.sleep(0.02)
    seen = results_of(folder)
    need(len(seen) == 3, f"trials: {outcomes(session.trials(folder))}: {last_line(folder / 'run.log')}")
    session.figures["context, MiB"] = most // MIB
    session.figures["CUDA: seconds from main to the first kernel"] = [
        round(one["ready"] - one["begin"], 3) for one in seen.values()
    ]
    trials = session.run("start-torch", ["--n-trials", "3", "--workers", "1"], [session.torch_tool, "start"])
    need(all(trial.state == "COMPLETE" for trial in trials), f"LibTorch: {outcomes(trials)}")
    session.figures["LibTorch: seconds from main to the first tensor"] = [
        round(trial.attributes["start"][1] - trial.attributes["start"][0], 3) for trial in trials
    ]
    # What a process that is started before its slot is free would save.
    session.figures["LibTorch: seconds of a trial that does nothing"] = [
        round((trial.seconds[1] or 0) - trial.seconds[0], 3) for trial in trials
    ]


@check("zygote")
def zygote(session: Session) -> None:
    """A program that is loaded once and forked for each trial (--zygote on): every copy computes on the trial's GPU, also
    with PyTorch; one that has opened the GPU before is not forked, and its trials are fine."""
    n = 5
    trials, seen, log = forked(session, "library", n)
    need(len({one["loaded by"] for one in seen}) == 1, f"the program was loaded more than once: {log}")
    need(len({one["pid"] for one in seen} | {one["loaded by"] for one in seen}) == n + 1, "trials shared a process")
    for trial, one in zip(trials, seen):
        held = trial.attributes["bluefin:gpu"]
        need(one["uuid"] == held or held.startswith("MIG-"), f"it holds {held} and computes on {one['uuid']}")
    session.figures["seconds from a copy's first call of CUDA to its result, p50"] = round(
        percentile([one["seconds"] for one in seen], 0.5), 3
    )

    _, seen, log = forked(session, "cuda", 2)
    reason = log.partition(GIVEN_UP)[2].strip()
    need(reason and all(one["pid"] == one["loaded by"] for one in seen), f"a GPU was open, and the copies: {log}")
    session.figures["a program that has opened the GPU is not forked, since"] = reason

    look = "import torch; print(torch.cuda.is_available())"
    found = subprocess.run([session.python, "-c", look], capture_output=True, text=True, timeout=120)
    if found.stdout.strip() != "True":
        session.figures["PyTorch"] = f"{session.python} has none with CUDA"
        return
    seconds = {}
    for how in ("off", "on"):
        trials, seen, log = forked(session, "torch", n, how)
        need(len({one["loaded by"] for one in seen}) == (1 if how == "on" else n), f"PyTorch, zygote {how}: {log}")
        seconds[how] = [round((trial.seconds[1] or 0) - trial.seconds[0], 3) for trial in trials]
    session.figures["PyTorch: seconds of a trial, each loaded by itself"] = seconds["off"]
    session.figures["PyTorch: seconds of a trial, forked"] = seconds["on"]


GIVEN_UP = "no trial is forked from a loaded program any more (--zygote), each starts its own:"


def forked(session: Session, loads: str, n: int, zygote: str = "on") -> tuple[list, list[dict], str]:
    """Trials of zygote_trial.py that have all computed the right sum, what each has told, and the run's warning."""
    name = f"zygote-{loads}-{zygote}"
    options = ["--n-trials", str(n), "--workers", "1", "--zygote", zygote]
    options += ["--python", f"{HERE / 'zygote_trial.py'}:objective", "--python-program", session.python]
    trials = session.run(name, options, [], GPU_TEST_LOADS=loads)
    folder = session.work / name
    lines = [line for line in (folder / "run.log").read_text(errors="replace").splitlines() if GIVEN_UP in line]
    log = lines[0] if lines else "no warning"
    errors = [str(trial.attributes.get("bluefin:error", "")) for trial in trials if trial.state != "COMPLETE"]
    need(not errors, f"what loads {loads}: {outcomes(trials)}: {errors[:1]}, {log}")
    results = results_of(folder)
    seen = [results[str(trial.number)] for trial in trials]
    need(all(one["sum"] == 7 << 20 for one in seen), f"what loads {loads}: sums {[one['sum'] for one in seen]}")
    return trials, seen, log


@check("rlimit-data")
def rlimit_data(session: Session) -> None:
    """Whether a limit of a process's data (RLIMIT_DATA) can be used with CUDA: the least that works."""
    works = {}
    for gib in (1, 2, 4, 8, 16, 32, 64):
        limit = gib << 30

        def set_limit(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        environment = {**session.environment(session.folder("rlimit")), "CUDA_VISIBLE_DEVICES": str(session.gpu)}
        done = subprocess.run(
            [session.cuda_tool, "start"], preexec_fn=set_limit, env=environment, capture_output=True, timeout=60
        )
        works[gib] = done.returncode == 0
        if works[gib]:
            break
    session.figures["works with so many GiB"] = works
    need(any(works.values()), "CUDA does not start with a limit of 64 GiB")


@check("telemetry")
def telemetry(session: Session) -> None:
    """What looking at the GPU twice a second costs, and what it does to a training."""
    nvml, gpu = session.nvml, session.gpu
    for name, call in (("utilization", nvml.utilization), ("memory", nvml.memory_used), ("power", nvml.power)):
        times = []
        for _ in range(200):
            begin = time.perf_counter()
            call(gpu)
            times.append(time.perf_counter() - begin)
        session.figures[f"{name}: microseconds a call"] = round(1e6 * percentile(times, 0.5), 1)
    rates: dict[str, list[float]] = {"alone": [], "watched": []}
    for round_ in range(3):
        for how in rates:
            command = [session.torch_tool, "train"]
            look = lambda: (nvml.utilization(gpu), nvml.memory_used(gpu), nvml.power(gpu))  # noqa: E731
            if how == "watched":
                with session.sampled(look, 2.0):
                    trials = session.run(f"telemetry-{how}-{round_}", ["--n-trials", "1"], command)
            else:
                trials = session.run(f"telemetry-{how}-{round_}", ["--n-trials", "1"], command)
            need(trials[0].state == "COMPLETE", f"the training: {outcomes(trials)}")
            rates[how].append(trials[0].value or 0)
    ratio = max(rates["watched"]) / max(rates["alone"])
    session.figures["speed when watched, to alone"] = round(ratio, 4)
    need(ratio > 0.95, f"a training that is watched has {ratio:.3f} of its speed")


@check("two-slots")
def two_slots(session: Session) -> None:
    """Two trials on one GPU at a time: what both together do, to one after the other."""
    rates = {}
    for slots in (1, 2):
        options = ["--n-trials", "8", "--slots-per-gpu", str(slots), "--workers", str(slots)]
        begin = time.monotonic()
        trials = session.run(f"slots-{slots}", options, [session.torch_tool, "train"])
        rates[slots] = len(trials) / (time.monotonic() - begin)
        need(all(trial.state == "COMPLETE" for trial in trials), f"with {slots} slots: {outcomes(trials)}")
        pairs = zip(trials, trials[1:])
        together = sum(1 for one, next_ in pairs if one.seconds[1] and next_.seconds[0] < one.seconds[1] - 0.05)
        need((together > 0) == (slots == 2), f"with {slots} slots {together} trials began beside another")
    session.figures["trials a second"] = {slots: round(rate, 3) for slots, rate in rates.items()}
    session.figures["two slots, to one"] = round(rates[2] / rates[1], 3)


@check("idle")
def idle(session: Session) -> None:
    """50 short trials on one slot: the share of the time in which none computed."""
    n = 50
    options = ["--n-trials", str(n), "--workers", "1"]
    trials = session.run("idle", options, [session.cuda_tool, "spin", "0.5", "64"], 150)
    need(all(trial.state == "COMPLETE" for trial in trials), f"trials: {outcomes(trials)}")
    seen = sorted(results_of(session.work / "idle").values(), key=lambda one: one["begin"])
    gaps = [after["ready"] - before["end"] for before, after in zip(seen, seen[1:])]
    starts = [one["ready"] - one["begin"] for one in seen]
    whole = seen[-1]["end"] - seen[0]["ready"]
    session.figures["idle share of trials of 0.5 s"] = round(sum(gaps) / whole, 3)
    session.figures["gap between trials, p50 and p95, s"] = [round(percentile(gaps, q), 3) for q in (0.5, 0.95)]
    session.figures["of it CUDA's start, p50, s"] = round(percentile(starts, 0.5), 3)
    session.figures["idle share, at trials of 30 s"] = round(percentile(gaps, 0.5) / (30 + percentile(gaps, 0.5)), 4)
    need(len(seen) == n, f"{len(seen)} of {n} trials have said when they computed")


N_SIZES = 16


def sweep(session: Session) -> list:
    """Networks of several sizes, once for both checks that look at them."""
    folder = session.work / "sweep"
    if (folder / "study.db").exists() and len(session.trials(folder)) == N_SIZES:
        return session.trials(folder)
    return session.run("sweep", ["--n-trials", str(N_SIZES), "--workers", "1"], [session.torch_tool, "sweep"], 150)


@check("peak-memory")
def peak_memory(session: Session) -> None:
    """A training's peak by LibTorch's allocator, against NVML with the context taken off."""
    trials = [trial for trial in sweep(session) if trial.state == "COMPLETE"]
    need(len(trials) >= 8, f"{len(trials)} of {N_SIZES} networks were trained")
    differences = []
    for trial in trials:
        allocator, nvml, context = (trial.attributes[key] for key in ("allocator", "nvml", "context"))
        differences.append((nvml - context - allocator) / max(nvml, 1))
    session.figures["context, MiB"] = sorted({trial.attributes["context"] // MIB for trial in trials})[:5]
    session.figures["NVML beyond context and allocator, share: p50, p95"] = [
        round(percentile(differences, 0.5), 4),
        round(percentile(differences, 0.95), 4),
    ]
    worst = max(abs(difference) for difference in differences)
    need(worst < 0.25, f"allocator and NVML differ by {worst:.0%} of what NVML says")


@check("memory-model")
def memory_model(session: Session) -> None:
    """The memory of networks of 16 sizes: whether it grows with each feature (what the rule of dominance builds on), and
    how well terms with weights >= 0 that fit one half of them predict the other."""
    points = []
    for trial in sweep(session):
        if trial.state == "COMPLETE":
            size = [trial.params[name] for name in ("batch", "width", "depth")]
            points.append((size, float(trial.attributes["allocator"])))
    need(len(points) >= 8, f"{len(points)} of {N_SIZES} networks were trained")
    against = [
        (a, b)
        for a in points
        for b in points
        if all(x <= y for x, y in zip(a[0], b[0])) and a[1] > 1.02 * b[1]
    ]
    need(not against, f"no more in all of batch, width, depth, but more memory: {against[:1]}")

    def terms(size: list[float]) -> list[float]:
        batch, width, depth = size
        return [1e6, depth * width * width, batch * width * depth, batch * width]

    half = len(points) // 2
    weights = non_negative_least_squares([(terms(size), peak) for size, peak in points[:half]])
    errors = []
    for size, peak in points[half:]:
        errors.append(abs(sum(w * t for w, t in zip(weights, terms(size))) - peak) / peak)
    session.figures["bytes for each parameter and each activation"] = [round(weights[1], 2), round(weights[2], 2)]
    session.figures["relative error of predictions, mean and largest"] = [
        round(sum(errors) / len(errors), 4),
        round(max(errors), 4),
    ]
    need(sum(errors) / len(errors) < 0.2, f"predictions are off by {sum(errors) / len(errors):.0%} on average")


def non_negative_least_squares(rows: list[tuple[list[float], float]]) -> list[float]:
    """Weights >= 0 with the least relative error, one at a time until none moves."""
    n = len(rows[0][0])
    scaled = [[term / peak for term in terms] for terms, peak in rows]
    weights = [0.0] * n
    for _ in range(20_000):
        for i in range(n):
            rest = [1 - sum(w * t for j, (w, t) in enumerate(zip(weights, row)) if j != i) for row in scaled]
            square = sum(row[i] ** 2 for row in scaled)
            weights[i] = max(0.0, sum(row[i] * r for row, r in zip(scaled, rest)) / square) if square else 0.0
    return weights


# --- and the programs that are for GPUs ------------------------------------------------------------------------------


@check("torch-header")
def torch_header(session: Session) -> None:
    """The tests of bluefin/torch.hpp, on the GPU."""
    program = session.program("tests/bluefin_torch_tests")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": session.nvml.uuid(session.gpu)}
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    session.figures["tests"] = lines[-1] if lines else ""
    if done.returncode != 0:
        (session.work / "torch_tests.txt").write_text(done.stdout + done.stderr)
        raise Failure("\n".join(lines[-12:]))


@check("cuda-kernel")
def cuda_kernel(session: Session) -> None:
    """examples/cuda_kernel: configurations that cannot run fail, the others win time."""
    trials = run_example(session, "cuda_kernel", ["--n-trials", "30"])
    complete = [trial for trial in trials if trial.state == "COMPLETE"]
    failed = [trial for trial in trials if trial.state == "FAIL"]
    need(trials[0].state == "COMPLETE", f"the first configuration: {outcomes(trials[:1])}")
    need(len(complete) + len(failed) == 30, f"trials: {outcomes(trials)}")
    best = min(trial.value for trial in complete)
    session.figures["failed configurations"] = len(failed)
    session.figures["milliseconds, first and best"] = [round(trials[0].value, 3), round(best, 3)]
    need(best < 0.8 * trials[0].value, f"the best takes {best:.2f} ms, the textbook's {trials[0].value:.2f}")


@check("gpu-training")
def gpu_training(session: Session) -> None:
    """examples/gpu_training: a short study, and what batch sizes cost."""
    trials = run_example(session, "gpu_training", ["--n-trials", "4"], GPU_TRAINING_EPOCHS="2", GPU_TRAINING_IMAGES="8000")
    need(all(trial.state in ("COMPLETE", "PRUNED") for trial in trials), f"trials: {outcomes(trials)}")
    program = session.program("examples/gpu_training")
    done = subprocess.run([program, "batches"], capture_output=True, text=True, timeout=120)
    need(done.returncode == 0 and done.stdout.startswith("GPU"), f"batches: {done.stdout}{done.stderr}")
    session.figures["batches"] = done.stdout.splitlines()


def run_example(session: Session, name: str, options: list[str], **environment: str) -> list:
    program = session.program(f"examples/{name}")
    folder = session.folder(name)
    line = [program, "--storage", f"sqlite:///{folder}/study.db", "--seed", "1", "--gpus", f"{session.gpu},", *options]
    line += ["--max-failures-in-row", "0"]
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=max(1.0, min(150.0, session.remaining())),
        cwd=folder, env={**os.environ, **environment},
    )
    (folder / "run.log").write_text(done.stdout + done.stderr)
    trials = session.trials(folder)
    need(trials, f"no trial was made: {last_line(folder / 'run.log')}")
    return trials
