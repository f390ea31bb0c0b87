"""Read a user's recorded delays: a CSV of rounds x workers, in seconds at next to no load.

A line is a round, a column a worker; a first line of names is skipped, and so are lines that
begin with `#`. Times are scaled to a median of 1, so that `alpha` means the same as for
the families. A file with more columns than `n` gives n of them, drawn by the seed; one with fewer
sets the number of workers.

The first rounds are the probe, `probe` of them or half the file, whichever is less. What is
scored comes after it: a window at an offset that is drawn by the seed.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    EXTRA,
    FAMILIES,
    TEST,
    Floats,
    Profile,
    make_profile,
)
from adabench.workloads.shared.counting.random_streams import child

MOST_CELLS = 20_000_000
MOST_ROWS = 1_000_000
LONGEST_S = 1e9
LONGEST_SHOWN = 40
"""Characters of a cell that an error repeats."""
FORM = "A profile is a CSV of rounds x workers: one positive time in seconds a cell."
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)


def read_profile(
    path_: str, n: int, jobs: int, probe: int, alpha: float, mu: float, seed: int
) -> Profile:
    """Return the instance that the profile at `path_` (or `path.gz`) gives.

    Raises:
        SelectionError: if there is no such file, or it is no usable profile.
    """
    path = Path(path_)
    if not path.is_file():
        raise SelectionError(
            f"No delays are called {path_!r}, and there is no such file.",
            f"{nearest(path_, ('suite', *FAMILIES))} Or give a profile (.csv).",
        )
    table = _table(path)
    split = min(probe, len(table) // 2)
    if len(table) - split < jobs or split < 1:
        raise SelectionError(
            f"{path} has {len(table)} rounds: {split} for the probe leave {len(table) - split}, "
            f"and there are {jobs} jobs.",
            "Give a longer profile, or fewer jobs: --set jobs=N.",
        )
    table /= np.median(table)
    rng = np.random.default_rng(child(seed, TEST, path.name))
    if table.shape[1] > n:
        table = table[:, np.sort(rng.choice(table.shape[1], n, replace=False))]
    after = table[split:]
    start = rng.integers(max(1, len(after) - jobs - EXTRA + 1))
    return make_profile(
        path.name, table[:split], after[start : start + jobs + EXTRA], jobs, alpha, mu, seed
    )


def _table(path: Path) -> Floats:
    """Return the times (rounds, workers), two workers at the least."""
    try:
        rows = list(_rows(path))
    except UNREADABLE as problem:
        raise SelectionError(f"{path} cannot be read as delays: {problem}.", FORM) from problem
    if not rows:
        raise SelectionError(f"{path} holds no rounds.", FORM)
    if len(rows[0]) < 2:
        raise SelectionError(
            f"{path} has one worker.", "With one worker nobody can be late; give two or more."
        )
    return np.array(rows)


def _rows(path: Path) -> Iterator[Floats]:
    """Yield each round's times."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    width, rows = 0, 0
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        for at, line in enumerate(lines, 1):
            fields = [field.strip() for field in line.split(",")]
            if fields == [""] or fields[0].startswith("#"):
                continue
            if not width and not any(map(_is_number, fields)):
                width = len(fields)
                continue
            where = f"Line {at} of {path}"
            width = width or len(fields)
            if len(fields) != width:
                raise SelectionError(
                    f"{where} has {len(fields)} cells, those before it {width}.", FORM
                )
            rows += 1
            if rows > MOST_ROWS or rows * width > MOST_CELLS:
                raise SelectionError(
                    f"{path} holds more than {MOST_ROWS:,} rounds or {MOST_CELLS:,} cells.",
                    "Cut it: head -n 100000 keeps the first.",
                )
            yield np.array([_time(field, where) for field in fields])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _time(text: str, where: str) -> float:
    """Read a positive finite time."""
    value = float(text) if _is_number(text) and "_" not in text else math.nan
    shown = text[:LONGEST_SHOWN]
    if not math.isfinite(value):
        raise SelectionError(f"{where} has {shown!r}, which is no finite number.", FORM)
    if value <= 0:
        raise SelectionError(f"{where} has {shown!r}: a round takes more than no time.", FORM)
    if value > LONGEST_S:
        raise SelectionError(f"{where} has {shown!r}, a time beyond all clocks.", FORM)
    return value
