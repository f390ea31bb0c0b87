"""A mixed-integer program as arrays, its content hash, its file, and HiGHS with that file read.

    minimise  c x   subject to   row_low <= A x <= row_high,   low <= x <= high,   x_i whole for i in I

The MPS file is written once into the cache folder under the program's hash: building a model of 60,000 entries
call by call would take longer than some searches.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.harness.files import whole_file
from adabench.harness.store import prepared_states

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
INFINITY = np.inf
FEASIBLE = 1e-6
"""How far a row, a bound or a whole number may be off: SCIP's own tolerance."""


@dataclass(frozen=True, eq=False)
class Program:
    """One instance; rows are in CSR form."""

    group: str
    """The family."""
    cost: Floats
    """(n,)"""
    start: Ints
    """(m + 1,)"""
    column: Ints
    """(entries,)"""
    entry: Floats
    """(entries,)"""
    row_low: Floats
    """(m,)"""
    row_high: Floats
    low: Floats
    """(n,)"""
    high: Floats
    whole: Flags
    """(n,)"""
    seed: int
    instance: float
    """The first 52 bits of the hash."""
    digest: str
    """SHA-256 over all of the arrays."""

    @property
    def binary(self) -> Flags:
        """(n,) which are zero or one."""
        return np.asarray(self.whole & (self.low == 0) & (self.high == 1), np.bool_)

    def objective(self, x: Floats) -> float:
        """Return c x."""
        return float(self.cost @ x)

    def violation(self, x: Floats) -> float:
        """Return by how much the worst row, bound or whole number is off; computed here alone."""
        row = np.add.reduceat(np.append(self.entry * x[self.column], 0.0), self.start[:-1])
        row[np.diff(self.start) == 0] = 0.0
        off = [row - self.row_high, self.row_low - row, self.low - x, x - self.high]
        fraction = np.abs(x - np.round(x))[self.whole]
        return max(0.0, *(float(part.max()) for part in (*off, fraction) if len(part)))


def make(
    group: str,
    cost: Floats,
    rows: list[tuple[Ints, Floats]],
    row_low: Floats,
    row_high: Floats,
    *,
    low: Floats | None = None,
    high: Floats | None = None,
    whole: Flags | None = None,
    seed: int = 0,
) -> Program:
    """Freeze the arrays of a program; by default all variables are binary."""
    n = len(cost)
    start = np.cumsum([0, *(len(columns) for columns, _ in rows)]).astype(np.int64)
    column = np.concatenate([c for c, _ in rows]) if rows else np.zeros(0, np.int64)
    entry = np.concatenate([v for _, v in rows]) if rows else np.zeros(0)
    low = np.zeros(n) if low is None else low
    high = np.ones(n) if high is None else high
    whole = np.ones(n, np.bool_) if whole is None else whole
    floats = (cost, entry, row_low, row_high, low, high)
    cost, entry, row_low, row_high, low, high = (_frozen(part, np.float64) for part in floats)
    start, column = _frozen(start, np.int64), _frozen(column, np.int64)
    whole = _frozen(whole, np.bool_)
    digest = hashlib.sha256()
    for array in (cost, start, column, entry, row_low, row_high, low, high, whole):
        digest.update(array.tobytes())
    text = digest.hexdigest()
    return Program(
        group, cost, start, column, entry, row_low, row_high, low, high, whole, seed,
        float(int(text[:13], 16)), text,
    )  # fmt: skip


def _frozen(array: npt.ArrayLike, kind: type[Any]) -> npt.NDArray[Any]:
    """Return a copy over immutable bytes."""
    return np.frombuffer(np.ascontiguousarray(array, kind).tobytes(), kind)


def file_of(program: Program) -> Path:
    """Return the program's MPS file, written now if it is not there."""
    folder = prepared_states.default_folder() / "mip"
    path = folder / f"{program.digest[:32]}.mps"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    whole_file.sweep(folder)
    whole_file.write_whole(path, "".join(_mps(program)).encode())  # all who write it write the same
    return path


def _mps(p: Program) -> list[str]:
    """Return the lines of the free MPS format; numbers as Python prints them, exactly."""
    lines = ["NAME adabench\n", "ROWS\n N cost\n"]
    ranges, right = [], []
    for i, (low, high) in enumerate(zip(p.row_low.tolist(), p.row_high.tolist(), strict=True)):
        if low == high:
            kind, side = "E", low
        elif high < INFINITY:
            kind, side = "L", high
        else:
            kind, side = "G", low
        lines.append(f" {kind} r{i}\n")
        right.append(f" rhs r{i} {side!r}\n")
        if -INFINITY < low < high < INFINITY:
            ranges.append(f" rng r{i} {high - low!r}\n")
    by_column: list[list[str]] = [[] for _ in p.cost]
    for i in range(len(p.row_low)):
        for at in range(p.start[i], p.start[i + 1]):
            by_column[p.column[at]].append(f" x{p.column[at]} r{i} {float(p.entry[at])!r}\n")
    lines.append("COLUMNS\n")
    for whole in (True, False):
        if not np.any(p.whole == whole):
            continue
        lines.append(f" m 'MARKER' '{'INTORG' if whole else 'INTEND'}'\n")
        for column in np.flatnonzero(p.whole == whole).tolist():
            lines += [f" x{column} cost {float(p.cost[column])!r}\n", *by_column[column]]
    lines += [" m 'MARKER' 'INTEND'\n"] if not np.any(~p.whole) else []
    lines += ["RHS\n", *right]
    lines += ["RANGES\n", *ranges] if ranges else []
    lines.append("BOUNDS\n")
    for j, (low, high) in enumerate(zip(p.low.tolist(), p.high.tolist(), strict=True)):
        lines.append(f" MI b x{j}\n" if low == -INFINITY else f" LO b x{j} {low!r}\n")
        lines.append(f" PL b x{j}\n" if high == INFINITY else f" UP b x{j} {high!r}\n")
    return [*lines, "ENDATA\n"]


def highs(path: Path) -> Any:
    """Return HiGHS with a model read from a file; its library greets on descriptor 1, where data go."""
    import highspy

    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)  # whatever it says is talk
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    # for all alike: a process that ran it with another number of threads is refused a run
    solver.setOptionValue("threads", 1)
    solver.readModel(str(path))
    return solver
