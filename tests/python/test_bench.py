# SPDX-License-Identifier: MIT
"""bench/run works from end to end, and its arithmetic is right. What the figures are is not tested."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from speed import plan, results, table  # noqa: E402


def test_a_quick_run_measures_every_section(tmp_path):
    build = pathlib.Path(os.environ.get("BLUEFIN_BUILD_DIR", ROOT / "build"))
    command = [sys.executable, ROOT / "bench" / "run", "--quick", "--out", tmp_path, "--build", build]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "table.txt").read_text()
    assert text in done.stdout
    assert all(head in text for head in table.HEADS.values())

    document = json.loads((tmp_path / "results.json").read_text())
    assert {row["section"] for row in document["rows"]} == set(table.HEADS)
    assert all({"bluefin", "optuna"} <= set(r["libraries"]) for r in document["rows"] if r["section"] != "overhead")
    if (build / "bench" / "native_worker").exists():
        assert all("native" in r["libraries"] for r in document["rows"] if r["section"] in ("trial", "study"))
    assert document["machine"]["cores"] >= 1
    assert set(document["load"]) == {"average_before", "average_after", "taken_by_others"}


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
