# SPDX-License-Identifier: MIT
"""From the samples of every repetition to one figure for each library."""

import math
import statistics


def percentile(samples, q):
    ordered = sorted(samples)
    return ordered[min(math.ceil(q * len(ordered)), len(ordered)) - 1]


class Row:
    """One figure: [repetitions] of [samples] for each library."""

    def __init__(self, section, label, unit, parameters):
        self.section = section
        self.label = label
        self.unit = unit
        self.parameters = parameters
        self.samples = {}

    def add(self, library, samples):
        self.samples.setdefault(library, []).append(samples)

    def medians(self, library):
        """[repetitions]"""
        return [statistics.median(samples) for samples in self.samples[library]]

    def value(self, library):
        """The median of the repetitions' medians; None where the library was not measured."""
        return statistics.median(self.medians(library)) if library in self.samples else None

    def p95(self, library):
        """Of all samples together; None where a repetition is one sample."""
        pooled = [sample for samples in self.samples.get(library, []) for sample in samples]
        return percentile(pooled, 0.95) if len(pooled) > len(self.samples.get(library, [])) else None

    def ratio(self, library):
        """How many times more than bluefin it takes."""
        own, other = self.value("bluefin"), self.value(library)
        return other / own if own and other is not None else None

    def as_json(self):
        figures = {}
        for library in self.samples:
            figures[library] = {"median": self.value(library), "repetitions": self.medians(library)}
            if self.p95(library) is not None:
                figures[library]["p95"] = self.p95(library)
                figures[library]["samples"] = sum(len(samples) for samples in self.samples[library])
        names = {"section": self.section, "label": self.label, "unit": self.unit}
        return {**names, "parameters": self.parameters, "libraries": figures}


def difference(more, less, divisor=1.0):
    """[repetitions] of (more - less) / divisor. more, less: (row, library)."""
    pairs = zip(more[0].medians(more[1]), less[0].medians(less[1]))
    return [(a - b) / divisor for a, b in pairs]


def add_calls(rows):
    """In the place of the overhead's two rows, trials with none and with d parameters: a trial, a call, and what Python
    adds to both."""
    overhead = [row for row in rows if row.section == "overhead"]
    if not overhead:
        return rows
    trial, with_calls = sorted(overhead, key=lambda row: row.parameters["d"])
    trial.label = "a trial without parameters"
    call = Row("overhead", "one suggest_float", "µs", with_calls.parameters)
    added = [Row("overhead", f"what Python adds to a {what}", "µs", {}) for what in ("trial", "call")]
    for library in with_calls.samples:
        for cost in difference((with_calls, library), (trial, library), with_calls.parameters["d"]):
            call.add(library, [cost])
    if {"native", "bluefin"} <= set(with_calls.samples):
        for row, of in zip(added, (trial, call)):
            for cost in difference((of, "bluefin"), (of, "native")):
                row.add("bluefin", [cost])
    return [row for row in rows if row is not with_calls] + [row for row in (call, *added) if row.samples]
