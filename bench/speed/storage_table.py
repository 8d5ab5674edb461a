# SPDX-License-Identifier: MIT
"""The table and the picture of bench/storage."""

from speed.storage import CONDITIONS
from speed.table import TITLES, aligned, head, number

HEAD = ["", "", "trials/s", "x Optuna", "p50", "p99", "longest", "p50", "longest", "fewest", "errors"]


def block_title(row):
    durability = "" if row["durability"] == "trial" else f", durability {row['durability']}"
    return f"{row['condition'].capitalize()}: {CONDITIONS[row['condition']]}{durability}"


def of(n):
    return "1 process" if n == 1 else f"{n} processes"


def writing_lines(rows):
    """One line for each number of processes and library."""
    block = None
    yield ["", "", "", "", "wait", "for the", "lock, ms", "a trial,", "ms", "trials", ""]
    yield HEAD
    for row in rows:
        if block_title(row) != block:
            block = block_title(row)
            yield [""]
            yield [block]
        rates = {library: found["trials_per_s"] for library, found in row["libraries"].items()}
        title = of(row["processes"])
        for library in (name for name in TITLES if name in row["libraries"]):
            found = row["libraries"][library]
            ratio = f"{number(rates[library] / rates['optuna'])} x" if rates.get("optuna") else "-"
            wait, trial = found["wait_ms"], found["trial_ms"]
            yield [
                f"  {title}",
                TITLES[library],
                number(rates[library]),
                ratio,
                *(number(wait[name]) for name in ("p50", "p99", "longest")),
                *(number(trial[name]) for name in ("p50", "longest")),
                f"{found['fewest']:,}",
                f"{found['errors']:,}",
            ]
            title = ""


def figure_lines(title, rows, names):
    yield [title, "", *(TITLES[name] for name in names)]
    for row in rows:
        yield ["  " + row["what"], row["unit"], *(number(row["libraries"].get(name)) for name in names)]


def kinds_lines(rows):
    yield ["Trials a second of one process, C++", *(f"{n} threads" if n != "1" else "1 thread" for n in rows[0]["threads"])]
    for row in rows:
        yield ["  " + row["storage"], *(number(rate) for rate in row["threads"].values())]


def text(document, names):
    storage = document["storage"]
    lines = [*head(document), "Trials of 5 parameters and 10 reports, random search, no pruner; Rustuna's have no reports.", ""]
    lines += [*aligned(list(writing_lines(storage["writing"]))), ""]
    figures = [row for part in ("sizes", "reading") for row in storage[part]]
    lines += [*aligned(list(figure_lines("Reading, and the file", figures, names))), ""]
    if storage["kinds"]:
        lines += [*aligned(list(kinds_lines(storage["kinds"]))), ""]
    return "\n".join(lines)


def curve(rows, condition, library, figure):
    points = [(row["processes"], figure(row["libraries"][library])) for row in rows
              if row["condition"] == condition and row["durability"] == "trial" and library in row["libraries"]]
    return [(n, y) for n, y in points if y]


def draw(document, file):
    """Trials a second, and the longest wait, by the number of processes. False if there is nothing to draw."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from speed.plots import STYLES, duration

    rows = document["storage"]["writing"]
    conditions = [name for name in CONDITIONS if any(row["condition"] == name for row in rows)]
    counts = sorted({row["processes"] for row in rows if row["durability"] == "trial"})
    if len(counts) < 2:
        return False
    wanted = [
        ("trials a second", lambda found: found["trials_per_s"], lambda y, _=None: f"{y:,g}"),
        ("longest wait for the lock", lambda found: found["wait_ms"]["longest"] and 1e3 * found["wait_ms"]["longest"], duration),
    ]
    size = (2.7 * len(conditions) + 0.7, 6.0)
    figure, axes = plt.subplots(2, len(conditions), figsize=size, sharex=True, sharey="row", squeeze=False)
    for line, (label, value, form) in zip(axes, wanted):
        line[0].set_ylabel(label, fontsize=9)
        for axis, condition in zip(line, conditions):
            for library, style in STYLES.items():
                points = curve(rows, condition, library, value)
                if points:
                    axis.plot(*zip(*points), markersize=4.5, linewidth=1.5, label=TITLES[library], **style)
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_xticks(counts, [str(n) for n in counts])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.yaxis.set_major_locator(LogLocator(base=10, numticks=12))
            axis.yaxis.set_minor_locator(NullLocator())
            axis.yaxis.set_major_formatter(FuncFormatter(form))
            axis.tick_params(labelsize=8.5)
            axis.grid(True, which="major", color="#e2e2e2", linewidth=0.7)
            axis.set_axisbelow(True)
            for side in ("top", "right"):
                axis.spines[side].set_visible(False)
    for axis, condition in zip(axes[0], conditions):
        axis.set_title(CONDITIONS[condition], fontsize=9.5)
    for axis in axes[1]:
        axis.set_xlabel("processes", fontsize=9)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return True
