# SPDX-License-Identifier: MIT
"""The one table."""

TITLES = {"native": "bluefin C++", "bluefin": "bluefin", "optuna": "Optuna", "rustuna": "Rustuna"}
HEADS = {
    "import": "Import",
    "trial": "ask + d suggests + tell, n finished trials: p50 (p95)",
    "overhead": "Of which, random sampler: p50 (p95)",
    "study": "A whole study",
    "history": "Finished trials: memory of each, and reading them",
    "sqlite": "In one SQLite file, random sampler, all processes together",
}


def number(x):
    """Three digits, or all before the point."""
    if x is None:
        return "-"
    if abs(x) >= 99.95:
        return f"{x:,.0f}"
    return f"{x:.1f}" if abs(x) >= 9.995 else f"{x:.2f}"


def cell(row, library):
    p95 = row.p95(library)
    return number(row.value(library)) + (f" ({number(p95)})" if p95 is not None else "")


def ratio(row, library):
    value = row.ratio(library)
    return "-" if value is None else f"{number(value)} x"


def aligned(lines):
    """First column to the left, the others to the right; a line of one cell is a heading."""
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[column]) for line in full) for column in range(len(full[0]))]
    for line in lines:
        if len(line) == 1:
            yield line[0]
            continue
        cells = [line[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        yield "  ".join(cells).rstrip()


def rows_table(rows, names):
    peers = [name for name in names if name not in ("native", "bluefin")]
    lines = [["", "", *(TITLES[name] for name in names), *(f"{TITLES[peer]} / bluefin" for peer in peers)]]
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines += [[""], [HEADS[section]]]
        cells = [cell(row, name) for name in names] + [ratio(row, peer) for peer in peers]
        lines.append(["  " + row.label, row.unit, *cells])
    return aligned(lines)


def micro_table(micro):
    lines = [["", "time", "share"]]
    for name, figures in micro.items():
        nanoseconds = figures["nanoseconds"]
        time = f"{number(nanoseconds / 1e3)} µs" if nanoseconds >= 1e4 else f"{number(nanoseconds)} ns"
        share = figures.get("share")
        lines.append(["  " + name, time, "" if share is None else f"{100 * share:.0f} %"])
    yield "Pieces of the engine: processor time, and the share of the roofline (docs/benchmarks.md)"
    yield from aligned(lines)


def head(document):
    machine, versions, load = document["machine"], document["versions"], document["load"]
    yield (
        f"{machine['processor']} ({machine['vectors']}), {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}"
    )
    yield ", ".join(f"{name} {version}" for name, version in versions.items())
    yield (
        f"{document['date']}, {document['repetitions']} repetitions in {document['seconds']:.0f} s; "
        f"load average {load['average_before'][0]} before and {load['average_after'][0]} after, "
        f"{100 * load['taken_by_others']:.0f} % of the cores' time was taken by other programs"
    )
    yield from document["notes"]


def text(document, rows, names):
    lines = [*head(document), ""]
    if rows:
        lines += [*rows_table(rows, names), ""]
    if document["micro"]:
        lines += [*micro_table(document["micro"]), ""]
    return "\n".join(lines)
