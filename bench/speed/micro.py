# SPDX-License-Identifier: MIT
"""Runs the micro-benchmarks and reads what Google Benchmark writes."""

import json
import subprocess


def run(program, repetitions, quick):
    """{name: {"nanoseconds": per item, "share": of the roofline, "fma_rate": per second}}, medians."""
    command = [program, "--benchmark_format=json", f"--benchmark_repetitions={repetitions}"]
    command += [f"--benchmark_min_time={0.001 if quick else 0.05}", "--benchmark_enable_random_interleaving=true"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = {}
    in_order = sorted(
        json.loads(done.stdout)["benchmarks"], key=lambda b: (b["family_index"], b["per_family_instance_index"])
    )
    for benchmark in in_order:
        # One repetition has no aggregates.
        if benchmark.get("aggregate_name", "") != ("median" if repetitions > 1 else ""):
            continue
        rate = benchmark.get("items_per_second")
        found = {"nanoseconds": 1e9 / rate if rate else benchmark["cpu_time"]}
        found |= {key: benchmark[key] for key in ("share", "fma_rate") if key in benchmark}
        figures[benchmark["run_name"]] = found
    return figures
