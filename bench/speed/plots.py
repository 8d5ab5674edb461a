# SPDX-License-Identifier: MIT
"""The cost of a trial against the number of finished ones: a picture for the dimensions, one for the kinds.

Lines are medians, shades reach to the 95th percentile.
"""

from speed.table import TITLES

STYLES = {  # colours that are told apart in greys and by colour-blind eyes
    "native": {"color": "#0b3c5d", "marker": "s", "linestyle": "--"},
    "bluefin": {"color": "#1f77b4", "marker": "o", "linestyle": "-"},
    "rustuna": {"color": "#d95f02", "marker": "^", "linestyle": "-"},
    "optuna": {"color": "#7f7f7f", "marker": "D", "linestyle": "-"},
}


def curves(document, sampler, kind, d):
    """{library: [(n, median, p95)]}"""
    found = {}
    for row in document["rows"]:
        p = row["parameters"]
        if row["section"] == "trial" and (p["sampler"], p["kind"], p["d"]) == (sampler, kind, d):
            for library, figures in row["libraries"].items():
                found.setdefault(library, []).append((p["n"], figures["median"], figures["p95"]))
    return {library: sorted(points) for library, points in found.items()}


def picture(document, panels, file):
    """panels: [(title, curves)]. False if there is nothing to draw."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    panels = [(title, lines) for title, lines in panels if any(len(points) > 1 for points in lines.values())]
    if not panels:
        return False
    figure, axes = plt.subplots(1, len(panels), figsize=(2.7 * len(panels) + 0.7, 3.5), sharey=True, squeeze=False)
    for axis, (title, lines) in zip(axes[0], panels):
        for library, style in STYLES.items():
            if library not in lines:
                continue
            n, median, p95 = zip(*lines[library])
            axis.plot(n, median, markersize=4.5, linewidth=1.5, label=TITLES[library], **style)
            axis.fill_between(n, median, p95, color=style["color"], alpha=0.15, linewidth=0)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("finished trials n", fontsize=9)
        sizes = sorted({point[0] for points in lines.values() for point in points})
        axis.set_xticks(sizes, [f"$10^{len(str(size)) - 1}$" if str(size).strip("0") == "1" else str(size) for size in sizes])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlim(sizes[0] / 1.6, sizes[-1] * 1.6)
        axis.yaxis.set_major_locator(LogLocator(base=10, numticks=12))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(duration))
        axis.tick_params(labelsize=8.5)
        axis.grid(True, which="major", color="#e2e2e2", linewidth=0.7)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0][0].set_ylabel("one trial without its objective", fontsize=9)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return True


def duration(micros, _=None):
    for limit, unit in ((1e6, "s"), (1e3, "ms"), (1.0, "µs")):
        if micros >= limit:
            return f"{micros / limit:g} {unit}"
    return f"{micros * 1e3:g} ns"


def draw(document, folder):
    """The names of the files written; needs matplotlib."""
    parameters = [row["parameters"] for row in document["rows"] if row["section"] == "trial"]
    tpe = [p for p in parameters if p["sampler"] == "tpe"]
    dimensions = sorted({p["d"] for p in tpe if p["kind"] == "float"})
    by_dimension = [("random search, d = 5", curves(document, "random", "float", 5))]
    by_dimension += [(f"TPE, d = {d}", curves(document, "tpe", "float", d)) for d in dimensions]
    kinds = dict.fromkeys(p["kind"] for p in tpe if p["d"] == 5 and p["kind"] != "float")
    by_kind = [(f"TPE, {kind}, d = 5", curves(document, "tpe", kind, 5)) for kind in kinds]
    pictures = {"cost.png": by_dimension, "kinds.png": by_kind}
    return [name for name, panels in pictures.items() if picture(document, panels, folder / name)]
