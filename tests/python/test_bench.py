# SPDX-License-Identifier: MIT
"""bench/run and bench/storage work from end to end, and their arithmetic is right. What the figures are is not tested."""

import json
import os
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from speed import plan, results, storage, table  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BLUEFIN_BUILD_DIR", ROOT / "build"))


def test_a_quick_run_measures_every_section(tmp_path):
    command = [sys.executable, ROOT / "bench" / "run", "--quick", "--out", tmp_path, "--build", BUILD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "table.txt").read_text()
    assert text in done.stdout
    assert all(head in text for head in table.HEADS.values())

    document = json.loads((tmp_path / "results.json").read_text())
    assert {row["section"] for row in document["rows"]} == set(table.HEADS)
    assert all({"bluefin", "optuna"} <= set(r["libraries"]) for r in document["rows"] if r["section"] != "overhead")
    if (BUILD / "bench" / "native_worker").exists():
        assert all("native" in r["libraries"] for r in document["rows"] if r["section"] in ("trial", "study"))
    assert document["machine"]["cores"] >= 1
    assert set(document["load"]) == {"average_before", "average_after", "taken_by_others"}


def test_a_short_run_of_storage_measures_every_library(tmp_path):
    command = [sys.executable, ROOT / "bench" / "storage", "--test", "--out", tmp_path, "--build", BUILD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "storage.txt").read_text()
    assert text in done.stdout
    measured = json.loads((tmp_path / "storage.json").read_text())["storage"]
    slow = measured["writing"][0]
    assert (slow["condition"], slow["processes"]) == ("slow", 2)
    assert {"native", "bluefin", "optuna"} <= set(slow["libraries"])
    for library in ("native", "bluefin"):
        found = slow["libraries"][library]
        assert found["trials_per_s"] > 0
        assert found["errors"] == 0
        assert 0 <= found["wait_ms"]["p50"] <= found["wait_ms"]["longest"]
        # The sync is in a trial's time, and the probe makes it longer.
        assert found["trial_ms"]["p50"] >= storage.SLOW_SYNC_MS
    assert [row["durability"] for row in measured["writing"][1:]] == ["group", "os"]
    assert all(row["libraries"] for row in measured["reading"])
    assert [row["storage"] for row in measured["kinds"]] == ["memory:", "sqlite:///", "journal:///"]


def test_waits_are_those_of_the_span_and_one_that_has_not_ended_counts_to_its_end(tmp_path):
    file = tmp_path / "1.waits"
    waits = [(5, 3), (10, 2), (19, 30), (20, 1)]
    file.write_bytes(struct.pack("QQ", len(waits), 15) + b"".join(struct.pack("QQ", *wait) for wait in waits) + b"\0" * 64)
    assert storage.waits(file, 10, 20) == [2, 30, 5]
    assert storage.waits(file, 16, 20) == [30]


def test_a_spread_is_the_median_the_99th_percentile_and_the_longest():
    assert storage.spread([1e6 * n for n in range(100, 0, -1)]) == {"p50": 51.0, "p99": 100.0, "longest": 100.0}
    assert storage.spread([]) == {"p50": None, "p99": None, "longest": None}


def test_an_unknown_section_is_refused():
    command = [sys.executable, ROOT / "bench" / "run", "--only", "speed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no section speed; there are import, trial" in done.stderr


@pytest.mark.parametrize("name", plan.PLANS)
def test_plans_have_known_sections_and_no_row_twice(name):
    measurements = plan.PLANS[name]()
    assert {m.section for m in measurements} == set(plan.SECTIONS) - {"micro"}
    rows = [(m.section, label) for m in measurements for label, _ in m.rows.values() if m.section != "overhead"]
    assert len(set(rows)) == len(rows)


def test_a_figure_is_the_median_of_the_repetitions_medians():
    row = results.Row("trial", "", "µs", {})
    for samples in ([1.0, 2.0, 30.0], [4.0, 5.0, 6.0], [1.0, 1.0, 1.0]):
        row.add("bluefin", samples)
        row.add("optuna", [10 * sample for sample in samples])
    assert row.medians("bluefin") == [2.0, 5.0, 1.0]
    assert row.value("bluefin") == 2.0
    assert row.p95("bluefin") == 30.0
    assert row.ratio("optuna") == 10.0
    assert row.ratio("rustuna") is None


def test_a_call_is_the_difference_of_trials_with_and_without_parameters():
    rows = [results.Row("overhead", f"d = {d}", "µs", {"d": d}) for d in (0, 20)]
    for with_calls, without in ((44.0, 4.0), (65.0, 5.0)):
        rows[0].add("bluefin", [without])
        rows[1].add("bluefin", [with_calls])
        rows[0].add("native", [1.0])
        rows[1].add("native", [11.0])
    trial, call, to_trial, to_call = results.add_calls(rows)
    assert trial.value("bluefin") == 4.5
    assert call.medians("bluefin") == [2.0, 3.0]
    assert to_trial.medians("bluefin") == [3.0, 4.0]
    assert to_call.medians("bluefin") == [1.5, 2.5]


@pytest.mark.parametrize(("x", "text"), [(None, "-"), (0.123, "0.12"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")])
def test_numbers_have_three_digits(x, text):
    assert table.number(x) == text


def test_a_suggestion_of_a_gaussian_process_is_timed():
    """With Optuna only where there is torch; the table is made of such lines."""
    done = subprocess.run([sys.executable, ROOT / "bench" / "gp", "--measure", "bluefin", "20", "3", "4"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds = json.loads(done.stdout)
    assert len(seconds) == 4
    assert all(0 < s < 60 for s in seconds)
    wrong = subprocess.run([sys.executable, ROOT / "bench" / "gp", "--trials", "ten"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "expected integers" in wrong.stderr
