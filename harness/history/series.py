"""Histories: each metric of each operating point over the runs of a site, and its steps.

A history belongs to a task, a method, an operating point, a metric and a *hardware*: two runs
share one if nothing in their manifests makes times incomparable (`harness/provenance/environment_diff.py`). Its runs
stand in order of time. A *link* holds a run against the one before that has the same operating
point, by the rules of `compare`: the same seeds and cases, paired; a link that is `invalid`
there (the task's files changed, too much disturbed, joules of unlike instruments), or a metric
that one of the two lacks, breaks the history: levels start anew and no step is looked for across.

    level(run) = level(run before) x paired ratio      (plus the difference, for a quality)

so a level rests on pairs only: a run with fewer cases does not move it. Steps are those of
`harness/stats/change_points.py`, on the logarithm of the level (on the level itself for a quality).
Links depend on two runs alone; a site keeps them, so adding a run computes one or two new ones.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from adabench.harness.analysis.operating_points import order
from adabench.harness.compare.compare import ComparisonRequest, Row, compare
from adabench.harness.contract.record import Cell
from adabench.harness.history.archive import ArchivedRun, plain
from adabench.harness.provenance import environment_diff
from adabench.harness.stats.change_points import Step, hint, steps
from adabench.harness.stats.intervals import FloatArray

FORMAT = 1
EXACT = frozenset({"count", "quality"})
"""What has no noise from run to run: the same seeds give the same decisions."""
Spot = tuple[Any, ...]


@dataclass(frozen=True)
class Link:
    """One metric of one operating point, from a run to the next that holds it."""

    cell: Mapping[str, Any]
    metric: str
    unit: str
    kind: str
    better: str
    margin: float
    """On the scale of steps: of a logarithm, or of the quality itself."""
    a: float | None
    b: float | None
    change: float | None
    """Logarithm of the paired ratio, or the paired difference; None if there is none."""
    low: float | None
    high: float | None
    p: float
    """Two-sided, of a change not beyond the margin."""
    n: int
    label: str = ""
    broken: str = ""
    """Why the two cannot be compared."""


@dataclass(frozen=True)
class Point:
    """A run in a history."""

    run: str
    level: float | None
    """None where the link that leads here is broken and none leads on."""
    link: Link | None
    """From the run before."""


@dataclass(frozen=True)
class LevelChange:
    """A step of a history."""

    before: str
    after: str
    ratio: bool
    estimate: float
    """New level over old, or less it for a quality."""
    low: float
    high: float
    """The union of what the runs' scatter and the pairs of the two runs leave open, 95 % each."""
    better: bool
    runs: tuple[int, int]


@dataclass(frozen=True)
class Series:
    """A history."""

    hardware: int
    """Index into the site's machines."""
    task: str
    method: str
    scale: str
    point: Mapping[str, Any]
    conditions: Mapping[str, Any]
    metric: str
    unit: str
    kind: str
    better: str
    margin: float
    label: str
    points: tuple[Point, ...]
    changes: tuple[LevelChange, ...]
    hint: str = ""
    """The last run, if it may be the first after a step: shown, not reported."""


Indexed = Mapping[Spot, Mapping[str, Link]]
"""Links by operating point and metric."""
Links = Callable[[ArchivedRun, ArchivedRun], Indexed]


def spot_of(cell: Cell) -> Spot:
    """Return what names an operating point: the cell without its seed."""
    return cell.task, cell.method, cell.scale, order(cell.conditions), order(cell.point)


def machines(runs: Iterable[ArchivedRun]) -> list[list[ArchivedRun]]:
    """Group runs by hardware, in order of time; each joins the first group it fits."""
    groups: list[list[ArchivedRun]] = []
    for run in runs:
        for group in groups:
            if not environment_diff.forbidding(
                environment_diff.differences(group[0].manifest, run.manifest)
            ):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def links(a: ArchivedRun, b: ArchivedRun) -> list[Link]:
    """Hold a run against an earlier one of the same hardware."""
    cards = {**a.cards, **b.cards}
    [found] = compare(a.side(), [b.side()], cards, ComparisonRequest({}))
    return [_link(row) for row in found.rows]


def _link(row: Row) -> Link:
    cell = {**row.cell.to_json(), "seed": 0}
    margin = math.log(row.margin.ratios[1]) if row.margin.relative else row.margin.value
    given = row.metric, row.unit, row.kind, row.better, margin
    change = row.change
    if row.verdict == "invalid" or change is None:
        why = row.note or "not comparable"
        return Link(cell, *given, None, None, None, None, None, 1.0, 0, row.label, why)
    shown = (change.estimate, change.low, change.high)
    if change.form != "difference" and change.estimate <= 0:
        why = "a sum is zero: no ratio"
        return Link(cell, *given, None, None, None, None, None, 1.0, 0, row.label, why)
    center, low, high = shown if change.form == "difference" else map(_log, shown)
    p = 1.0 if change.equal else min(1.0, 2 * min(change.p_up, change.p_down))
    return Link(cell, *given, change.a, change.b, center, low, high, p, change.n, row.label)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def index_links(found: Iterable[Link]) -> Indexed:
    """Return links by what they are about."""
    index: dict[Spot, dict[str, Link]] = defaultdict(dict)
    for link in found:
        index[spot_of(Cell(**link.cell))][link.metric] = link
    return index


def links_json(found: Iterable[Link]) -> list[dict[str, Any]]:
    """Return plain JSON data."""
    return [plain(asdict(link)) for link in found]


def links_from_json(data: Iterable[Mapping[str, Any]]) -> list[Link]:
    """Rebuild links."""
    return [Link(**item) for item in data]


def histories(groups: Sequence[Sequence[ArchivedRun]], known: Links) -> list[Series]:
    """Return the history of everything that two runs of the same hardware share."""
    found = [
        series
        for hardware, runs in enumerate(groups)
        for spot, holders in _holders(runs)
        for series in _of_spot(hardware, spot, holders, known)
    ]
    return sorted(
        found, key=lambda s: (s.task, s.method, s.scale, order(s.conditions), order(s.point),
                              s.metric, s.hardware),
    )  # fmt: skip


def _holders(runs: Sequence[ArchivedRun]) -> Iterator[tuple[Spot, list[ArchivedRun]]]:
    """Yield every operating point that two runs hold, with its runs."""
    holders: dict[Spot, list[ArchivedRun]] = defaultdict(list)
    for run in runs:
        for spot in dict.fromkeys(map(spot_of, run.cells)):
            holders[spot].append(run)
    yield from ((spot, own) for spot, own in holders.items() if len(own) > 1)


def _of_spot(
    hardware: int, spot: Spot, holders: list[ArchivedRun], known: Links
) -> Iterator[Series]:
    chain = [known(a, b).get(spot, {}) for a, b in pairwise(holders)]
    for metric in sorted({name for step in chain for name in step}):
        own = [step.get(metric) for step in chain]
        yield _series(hardware, [run.id for run in holders], own)


def _series(hardware: int, runs: Sequence[str], chain: Sequence[Link | None]) -> Series:
    first = next(link for link in chain if link is not None)
    cell = Cell(**first.cell)
    points, changes, last = list[Point](), list[LevelChange](), ""
    for start, part in _stretches(chain):
        levels = _levels(part)
        points += [
            Point(runs[start + i], level, chain[start + i - 1] if start + i else None)
            for i, level in enumerate(levels)
        ]
        own = runs[start : start + len(levels)]
        changes += _changes(own, part)
        last = _last(own, part, first.kind)
    return Series(
        hardware, cell.task, cell.method, cell.scale, dict(cell.point), dict(cell.conditions),
        first.metric, first.unit, first.kind, first.better, first.margin,
        next((link.label for link in reversed(chain) if link and link.label), ""),
        tuple(points), tuple(changes), last,
    )  # fmt: skip


def _stretches(chain: Sequence[Link | None]) -> Iterator[tuple[int, list[Link]]]:
    """Yield the unbroken stretches: the index of the first run, and the links from it on."""
    start, part = 0, list[Link]()
    for i, link in enumerate(chain):
        if link is None or link.change is None:
            yield start, part
            start, part = i + 1, []
        else:
            part.append(link)
    yield start, part


def _values(part: Sequence[Link]) -> FloatArray:
    changes = [link.change or 0.0 for link in part]
    return np.concatenate([[0.0], np.cumsum(changes)])


def _levels(part: Sequence[Link]) -> list[float | None]:
    if not part:
        return [None]
    start = part[0].a or 0.0
    summed = part[0].kind == "quality"
    return [start + x if summed else start * math.exp(x) for x in _values(part).tolist()]


def _changes(runs: Sequence[str], part: Sequence[Link]) -> list[LevelChange]:
    if not part:
        return []
    p = np.array([link.p for link in part])
    exact = part[0].kind in EXACT
    return [
        _change(step, runs, part) for step in steps(_values(part), p, part[0].margin, exact=exact)
    ]


def _change(step: Step, runs: Sequence[str], part: Sequence[Link]) -> LevelChange:
    link = part[step.after - 1]
    ends = [step.low, step.high, *(end for end in (link.low, link.high) if end is not None)]
    summed = link.kind == "quality"
    shown: Callable[[float], float] = float if summed else math.exp
    up = step.estimate > 0
    return LevelChange(
        runs[step.after - 1], runs[step.after], not summed, shown(step.estimate),
        shown(min(ends)), shown(max(ends)), up == (link.better == "higher"), step.runs,
    )  # fmt: skip


def _last(runs: Sequence[str], part: Sequence[Link], kind: str) -> str:
    """Return the last run if it may be the first after a step that is not shown yet."""
    if not part or kind in EXACT:
        return ""
    at = hint(_values(part), np.array([link.p for link in part]), part[0].margin)
    return "" if at is None else runs[at]
