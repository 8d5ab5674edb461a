# SPDX-License-Identifier: MIT
"""Trials as a pandas table."""

from __future__ import annotations

from typing import Any
from typing import TYPE_CHECKING

from bluefin.trial import FrozenTrial
from bluefin.trial import TrialState

if TYPE_CHECKING:
    import pandas as pd

    from bluefin.study import Study

Column = tuple[str, Any]  # the attribute, and the key inside of it where it has any


def trials_dataframe(study: Study, attrs: tuple[str, ...], multi_index: bool) -> pd.DataFrame:
    """See `Study.trials_dataframe`."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("trials_dataframe needs the package 'pandas': pip install pandas") from error

    trials = study.get_trials(deepcopy=False)
    if not trials:
        return pd.DataFrame()
    several = len(study.directions) > 1
    attrs = tuple("values" if attr == "value" and several else attr for attr in attrs)
    names = study.metric_names

    cells: list[dict[Column, Any]] = []
    columns: dict[str, set[Column]] = {attr: set() for attr in attrs}
    for trial in trials:
        row: dict[Column, Any] = {}
        for attr in attrs:
            parts = {(attr.lstrip("_"), key): value for key, value in _parts(trial, attr, len(study.directions), names)}
            columns[attr] |= parts.keys()
            row.update(parts)
        cells.append(row)

    order: list[Column] = []
    for attr in dict.fromkeys(attrs):
        if attr == "values" and names is not None:
            order += [(attr, name) for name in names]
        else:
            order += sorted(columns[attr])
    table = pd.DataFrame(cells, columns=pd.MultiIndex.from_tuples(order))
    if not multi_index:
        table.columns = ["_".join(str(part) for part in column if part != "") for column in order]
    return table


def _parts(trial: FrozenTrial, attr: str, n_objectives: int, names: list[str] | None) -> list[tuple[Any, Any]]:
    value = getattr(trial, attr)
    if attr == "values":
        return list(zip(names or range(n_objectives), value or [None] * n_objectives))
    if attr == "value":
        return [(names[0] if names else "", value)]
    if isinstance(value, TrialState):
        return [("", value.name)]
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        return list(enumerate(value))
    return [("", value)]
