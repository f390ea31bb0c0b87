"""Read a user's job log in the Standard Workload Format, and cut its jobs into stages.

A line is a job of 18 numbers, of which three are used: 1 its number, 2 when it was submitted (s),
4 how long it ran (s). Lines that begin with `;` are comments. Logs of parallel machines keep
many processors busy and this task has one, so times are scaled: run times to a mean of 1,
submit times to the task's `load`. What stays is the order, the burstiness and the spread.

Logs say nothing of stages: each job is cut at random into 1..m of them, at uniform places, by
the seed. A log longer than `jobs` gives a window of that many jobs at a drawn offset.

A run time of -1 is unknown by the standard (mostly jobs that were cancelled); such jobs are
left out. One of 0 s was rounded down and counts as half a second.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.flow_time.substrate.job_streams import (
    FAMILIES,
    INSTANCE,
    Drawn,
    Stream,
    make_stream,
)
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats, Ints
from adabench.workloads.shared.counting.random_streams import child

MOST = 1_000_000
"""Jobs in a log."""
LARGEST_S = 1e12
FIELDS = 18
COLUMNS = {0: "job number", 1: "submit time", 3: "run time"}
"""Of the format, those used."""
UNKNOWN = -1
SHORTEST_S = 0.5
FORM = "A job log in the Standard Workload Format has 18 numbers a line, and `;` before comments."
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)


def read_log(path_: str, jobs: int, m: int, load: float, seed: int) -> Stream:
    """Return the stream that the log at `path_` (or `path.gz`) gives.

    Raises:
        SelectionError: if there is no such file, or it is no usable log.
    """
    path = Path(path_)
    if not path.is_file():
        raise SelectionError(
            f"No trace is called {path_!r}, and there is no such file.",
            f"{nearest(path_, ('suite', *FAMILIES))} Or give a job log (.swf).",
        )
    submit_s, run_s = _jobs(path)
    rng = np.random.default_rng(child(seed, INSTANCE, path.name, m))
    start = rng.integers(max(1, len(run_s) - jobs + 1))
    window = slice(start, start + jobs)
    arrive, counts, sizes = _staged(rng, submit_s[window], run_s[window], m, load, path)
    return make_stream(path.name, arrive, counts, sizes, m, seed)


def _jobs(path: Path) -> tuple[Floats, Floats]:
    """Return submit and run times in seconds, by submit time."""
    try:
        table = np.array(list(_rows(path)), np.float64).reshape(-1, len(COLUMNS))
    except UNREADABLE as problem:
        raise SelectionError(f"{path} cannot be read as a job log: {problem}.", FORM) from problem
    submit_s, run_s = table[:, 1], table[:, 2]
    ran = run_s != UNKNOWN
    submit_s, run_s = submit_s[ran], np.maximum(run_s[ran], SHORTEST_S)
    if len(run_s) < 2:
        raise SelectionError(
            f"{path} holds {len(run_s)} jobs that ran.", "A schedule needs two jobs at the least."
        )
    order = np.argsort(submit_s, kind="stable")
    return submit_s[order], run_s[order]


def _rows(path: Path) -> Iterator[tuple[float, ...]]:
    """Yield number, submit and run time of each job."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    jobs = 0
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        for at, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or fields[0].startswith(";"):
                continue
            jobs += 1
            if jobs > MOST:
                raise SelectionError(
                    f"{path} holds more than {MOST:,} jobs.",
                    f"Cut it: head -n {MOST} keeps the first.",
                )
            yield _row(fields, f"Line {at} of {path}")


def _row(fields: list[str], where: str) -> tuple[float, ...]:
    """Read the three numbers of one job.

    Raises:
        SelectionError: if they are not what the format allows.
    """
    if len(fields) != FIELDS:
        raise SelectionError(f"{where} has {len(fields)} fields.", FORM)
    number, submit_s, run_s = row = tuple(
        _number(fields[column], name, where) for column, name in COLUMNS.items()
    )
    wrong = {
        "a job number that is no integer": not number.is_integer(),
        "a negative job number": number < 0,
        "a negative submit time": submit_s < 0,
        "a negative run time": run_s < 0 and run_s != UNKNOWN,
        "a time beyond all clocks": max(submit_s, run_s) > LARGEST_S,
    }
    for what, is_so in wrong.items():
        if is_so:
            raise SelectionError(f"{where} has {what}.", FORM)
    return row


def _number(text: str, name: str, where: str) -> float:
    """Read a finite number."""
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SelectionError(
            f"{where} has the {name} {text[:40]!r}, which is no finite number.", FORM
        )
    return value


def _staged(
    rng: np.random.Generator, submit_s: Floats, run_s: Floats, m: int, load: float, path: Path
) -> Drawn:
    """Scale to a mean size of 1 and to the load, and cut each job into 1..m stages."""
    span_s = float(submit_s[-1] - submit_s[0])
    if span_s <= 0:
        raise SelectionError(
            f"{path} submits all its jobs at one time, so it has no load to scale to.",
            "Give a log with several submit times, or a window with more jobs: --set jobs=N.",
        )
    totals = run_s / run_s.mean()
    arrive = (submit_s - submit_s[0]) / span_s * (totals.sum() / load)
    counts = rng.integers(1, m + 1, len(totals))
    return arrive, counts, _cut(rng, totals, counts)


def _cut(rng: np.random.Generator, totals: Floats, counts: Ints) -> Floats:
    """Cut each total at uniform places into its count of pieces: the gaps of sorted uniforms."""
    ends = np.cumsum(counts)
    places = np.repeat(np.arange(len(counts)), counts) + rng.random(ends[-1])
    places.sort()
    places[ends - 1] = np.arange(1, len(counts) + 1)
    gaps = np.diff(places, prepend=0.0)
    pieces: Floats = gaps * np.repeat(totals, counts)
    return pieces
