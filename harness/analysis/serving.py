"""What a server gave under load, method by method: throughput, percentiles of seconds, goodput.

    points = serving_points(run_folder.records(folder), Objective(latency_s=2.0))

A point is a method at its settings under one load (`contract/load.py`), over the seeds and repeats of a run.

**Window.** That of a turn begins where its latencies are steady, by the rules of `profilers/timing/steady_state.py`
on medians of blocks in the order in which cases came; where they never are, it is the whole turn, and the point says
so. It ends when the last case comes: from then on the load falls. Throughput is what was answered within the window,
over its seconds. Percentiles are of all cases that came within it, those that end later too: leaving them out would
leave out the slow ones.

**Seconds** begin when a case comes. In an open loop that is its moment of arrival, whether or not anything was sent
yet. TTFT and ITL are there if the server streams; ITL is a case's mean between words.

**Goodput** is what was answered in time; what failed never is. `right_qps` are right answers in time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

import numpy as np

from adabench.harness.contract.card import Point, Scalar
from adabench.harness.contract.load import CONDITIONS, LATENCY, PREFIX
from adabench.harness.contract.record import Record
from adabench.profilers.timing.steady_state import LEAST, judge

BEGAN, TTFT, WAITED, ITL = (f"{PREFIX}{name}_s" for name in ("began", "ttft", "waited", "itl"))
BASELINE = "greedy"
"""The method beside whose goodput that of others stands."""


class Percentiles(NamedTuple):
    """Of some seconds, interpolated between neighbours."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True)
class Objective:
    """When an answer is in time; None asks nothing."""

    latency_s: float | None = None
    ttft_s: float | None = None


@dataclass(frozen=True)
class ServingPoint:
    """A method under one load."""

    task: str
    method: str
    point: Point
    conditions: Point
    concurrency: int
    """Cases in flight; 0 in an open loop."""
    qps: float
    """Arrivals a second; 0 in a closed loop."""
    cases: int
    """That came within the window."""
    failed: int
    accuracy: float | None
    throughput_qps: float
    tokens_per_s: float
    tokens: float
    """Generated for a case, on average."""
    requests: float
    latency_s: Percentiles
    ttft_s: Percentiles | None
    itl_s: Percentiles | None
    goodput_qps: float | None
    in_time: float | None
    """The share of cases; None without an objective."""
    right_qps: float | None
    beside_greedy: float | None
    """Its goodput (without an objective its throughput) over that of `greedy` under the same load."""
    note: str
    """Why its seconds are not steady; empty where they are."""


def serving_points(records: Iterable[Record], objective: Objective) -> tuple[ServingPoint, ...]:
    """Return the points of a run, by task, load and method; none if nothing was put under load."""
    turns: dict[str, dict[tuple[int, int], list[Record]]] = {}
    for record in records:
        if record.phase == "solve" and _load(record) != (0, 0.0):
            cell = replace(record.cell, seed=0)
            own = turns.setdefault(cell.key, {})
            own.setdefault((record.cell.seed, record.repeat), []).append(record)
    found = (_point(list(own.values()), objective) for own in turns.values())
    points = [point for point in found if point is not None]
    points.sort(key=lambda one: (one.task, one.concurrency, one.qps, one.method, repr(one.point)))
    return tuple(replace(one, beside_greedy=_beside(one, points)) for one in points)


def _load(record: Record) -> tuple[int, float]:
    conditions = record.cell.conditions
    return int(conditions.get("concurrency", 0)), float(conditions.get("qps", 0.0))


class _Window(NamedTuple):
    """The cases of a turn that count."""

    begin_s: float
    end_s: float
    came: Sequence[Record]
    answered: Sequence[Record]
    note: str


def _parts(turn: Sequence[Record]) -> list[list[Record]]:
    """Divide a turn where it was interrupted: nothing was in flight for longer than its load explains."""
    series = sorted(turn, key=lambda record: record.values[BEGAN])
    _, qps = _load(series[0])
    longest_s = max(record.values[LATENCY] for record in series) + (20.0 / qps if qps else 0.0)
    parts, ended_s = [[series[0]]], 0.0
    for before, record in pairwise(series):
        ended_s = max(ended_s, before.values[BEGAN] + before.values[LATENCY])
        if record.values[BEGAN] - ended_s > longest_s:
            parts.append([])
        parts[-1].append(record)
    return parts


def _window(series: Sequence[Record]) -> _Window:
    """Return the steady part of cases that came one after the other and were answered."""
    size = max(1, len(series) // (2 * LEAST))
    blocks = [series[i : i + size] for i in range(0, len(series), size)]
    found = judge([median(record.values[LATENCY] for record in block) for block in blocks])
    came = series[found.start * size :] if found.steady else series
    begin_s, end_s = came[0].values[BEGAN], came[-1].values[BEGAN]
    answered = [
        record for record in series
        if begin_s < record.values[BEGAN] + record.values[LATENCY] <= end_s
    ]  # fmt: skip
    return _Window(begin_s, end_s, came, answered, "" if found.steady else found.reason)


def _point(turns: Sequence[Sequence[Record]], objective: Objective) -> ServingPoint | None:
    """Return what the turns of one method under one load came to; None if none of its cases was answered."""
    solved = [[record for record in turn if BEGAN in record.values] for turn in turns]
    windows = [_window(part) for turn in solved if turn for part in _parts(turn)]
    if not windows:
        return None
    came = [record for window in windows for record in window.came]
    answered = [record for window in windows for record in window.answered]
    seconds = sum(window.end_s - window.begin_s for window in windows)
    failed = sum(len(turn) for turn in turns) - sum(map(len, solved))
    asks = objective != Objective()
    share = (
        fmean([_in_time(record, objective) for record in came]) * len(came) / (len(came) + failed)
    )
    timely = [record for record in answered if _in_time(record, objective)]
    right = sum(record.values.get("accuracy", 0.0) for record in timely)
    cell, (concurrency, qps) = came[0].cell, _load(came[0])
    return ServingPoint(
        cell.task, cell.method, cell.point, _plain(cell.conditions), concurrency, qps, len(came), failed,
        _mean(came, "accuracy"),
        _rate(len(answered), seconds),
        _rate(sum(record.values.get("generated", 0.0) for record in answered), seconds),
        _mean(came, "generated") or 0.0, _mean(came, "requests") or 0.0,
        _percentiles([record.values[LATENCY] for record in came]) or Percentiles(0.0, 0.0, 0.0),
        _percentiles([one for record in came if (one := _ttft_s(record)) is not None]),
        _percentiles([record.values[ITL] for record in came if ITL in record.values]),
        _rate(len(timely), seconds) if asks else None, share if asks else None,
        _rate(right, seconds) if asks else None, None,
        "; ".join(dict.fromkeys(window.note for window in windows if window.note)),
    )  # fmt: skip


def _plain(conditions: Point) -> dict[str, Scalar]:
    return {name: value for name, value in conditions.items() if name not in CONDITIONS}


def _ttft_s(record: Record) -> float | None:
    """Return the seconds from when a case came to its first word."""
    if TTFT not in record.values:
        return None
    return record.values[TTFT] + record.values[WAITED]


def _in_time(record: Record, objective: Objective) -> bool:
    """Tell an answer in time; one whose first word nobody saw is not, where that is asked for."""
    ttft_s = _ttft_s(record)
    soon = objective.ttft_s is None or (ttft_s is not None and ttft_s <= objective.ttft_s)
    return soon and (objective.latency_s is None or record.values[LATENCY] <= objective.latency_s)


def _rate(count: float, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0


def _mean(records: Sequence[Record], name: str) -> float | None:
    values = [record.values[name] for record in records if name in record.values]
    return fmean(values) if values else None


def _percentiles(values: Sequence[float]) -> Percentiles | None:
    return Percentiles(*map(float, np.percentile(values, (50, 90, 99)))) if values else None


def _beside(one: ServingPoint, points: Sequence[ServingPoint]) -> float | None:
    """Return the goodput of a point over that of greedy under the same load."""
    for other in points:
        alike = (other.task, other.conditions, other.concurrency, other.qps)
        if other.method == BASELINE and alike == (
            one.task,
            one.conditions,
            one.concurrency,
            one.qps,
        ):
            mine, base = (
                p.throughput_qps if p.goodput_qps is None else p.goodput_qps for p in (one, other)
            )
            return mine / base if base else None
    return None
