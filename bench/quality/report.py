# SPDX-License-Identifier: MIT
"""The table and the picture of a comparison."""

from .score import compare, log_regrets
from .suite import FAMILIES, GROUPS, PROBLEMS

BUDGETS = (30, 50, 60, 100, 300, 1000)


def _cell(score):
    if score is None:
        return "-"
    return f"{score.ratio:.2g} [{score.low:.2g}, {score.high:.2g}] {score.wins}/{score.ties}/{score.losses}"


def table(results, base, by_family=False):
    """Text: for each number of trials and each contestant the score, and how it compares with `base`.

    by_family: for each function, too.
    """
    lines = [
        "Regret relative to random search's, geometric mean [95 % interval]; then as a ratio to that of "
        f"{base}, with runs won/tied/lost."
    ]
    for budget in BUDGETS:
        regrets = log_regrets(results, budget)
        names = [name for name in results if name != "random" and regrets[name]]
        if not names:
            continue
        lines += ["", f"after {budget} trials"]
        rows = [("problems", "contestant", "runs", "to random", f"to {base}")]
        for group in [None, *GROUPS, *(FAMILIES if by_family else [])]:
            for name in names:
                groups = None if group is None else [group]
                alone = compare(regrets[name], {}, groups)
                if alone is None:
                    continue
                against = None if name == base else compare(regrets[name], regrets.get(base, {}), groups)
                if not regrets.get(base):
                    against = None
                score = f"{alone.ratio:.2g} [{alone.low:.2g}, {alone.high:.2g}]"
                rows.append((group or "all", name, str(alone.n_runs), score, _cell(against)))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return "\n".join(lines) + "\n"

MOST_BANDS = 6


def picture(results, path):
    """A panel for each kind of problem: the score by number of trials, a line for each contestant."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_budget = {budget: log_regrets(results, budget) for budget in BUDGETS}
    names = [name for name in results if name != "random"]
    curves = {}  # of each kind of problem that somebody has a score in
    for group in GROUPS:
        of_names = {name: [(b, compare(by_budget[b][name], {}, [group])) for b in BUDGETS] for name in names}
        curves[group] = {name: [(b, s) for b, s in of if s is not None] for name, of in of_names.items()}
    groups = [group for group in GROUPS if any(curves[group].values())]
    if not groups:
        return
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.2 * columns, 3.2 * rows), squeeze=False)
    for axis, group in zip(axes.flat, groups, strict=False):
        for i, name in enumerate(names):
            scores = curves[group][name]
            if not scores:
                continue
            x = [b for b, _ in scores]
            axis.plot(x, [s.ratio for _, s in scores], "o-", color=f"C{i}", label=name, markersize=4)
            if len(names) <= MOST_BANDS:  # of more nothing can be told apart
                axis.fill_between(x, [s.low for _, s in scores], [s.high for _, s in scores], color=f"C{i}", alpha=0.12)
        axis.axhline(1.0, color="grey", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", yscale="log", title=group, xlabel="trials")
        axis.set_xticks([b for b in BUDGETS if b in {b for b, r in by_budget.items() if any(r.values())}])
        axis.get_xaxis().set_major_formatter(matplotlib.ticker.ScalarFormatter())
        axis.minorticks_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("regret, random search = 1")
    for axis in list(axes.flat)[len(groups) :]:
        axis.set_visible(False)
    handles, labels = [], []
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    width = 0.09 * max(map(len, labels), default=0) + 0.6  # of an entry of the legend, in inches
    in_a_row = max(1, min(5, len(labels), int(figure.get_figwidth() / width)))
    figure.legend(handles, labels, loc="lower center", ncols=in_a_row, frameon=False)
    lines = -(-len(labels) // in_a_row)
    figure.tight_layout(rect=(0, (0.15 + 0.23 * lines) / figure.get_figheight(), 1, 1))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
