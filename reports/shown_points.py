"""Picks which of the recorded operating points a reader is shown, and by which metrics.

A table shows every method once, at its default knobs and conditions; a figure lets one or two things vary. Where the default was not
recorded, the nearest recorded point stands in, and the table says so.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from adabench.harness.analysis.findings import Findings, GapRow, SummaryRow
from adabench.harness.contract.card import Card, Metric, Point, Role, Scalar
from adabench.reports.number_format import unit_of

ROLES: tuple[Role, ...] = ("adaptive", "static", "control", "oracle")
"""The order in which methods are shown."""


def tasks(findings: Findings) -> list[str]:
    """Return the tasks of a run in alphabetical order."""
    return sorted({row.task for row in findings.summary} | set(findings.task_cards))


def primary(card: Card, role: Literal["quality", "work"]) -> Metric | None:
    """Return the task's primary quality or work metric."""
    named = [metric for metric in card.metrics if metric.role == role]
    return next((metric for metric in named if metric.primary), named[0] if named else None)


def metric_named(card: Card, name: str) -> Metric:
    """Return what is known of a metric: from the card, else from the end of its name."""
    known = next((metric for metric in card.metrics if metric.name == name), None)
    return known or Metric(name, unit_of(name), "lower", "info")


def cost_metrics(card: Card) -> list[Metric]:
    """Return the task's own cost metrics; time and energy have columns of their own."""
    apart = ("latency_s", "energy_j", "energy_est_j")
    return [metric for metric in card.metrics if metric.role == "cost" and metric.name not in apart]


def card_of(findings: Findings, task: str, method: str) -> Card:
    """Return a method's card; a blank one for a method whose file has gone since."""
    return findings.method_cards.get(f"{task}/{method}", Card(title=method))


def methods(findings: Findings, task: str) -> list[str]:
    """Return the methods that were recorded for a task, by role and then by name."""
    names = {row.method for row in findings.summary if row.task == task}
    roles = {name: ROLES.index(card_of(findings, task, name).role) for name in names}
    return sorted(names, key=lambda name: (roles[name], name))


def gap_of(findings: Findings, task: str, method: str) -> GapRow | None:
    """Return a method's row of the oracle gap, where there is one."""
    return next((r for r in findings.gaps if (r.task, r.method) == (task, method)), None)


def gap_order(row: GapRow | None) -> tuple[int, float, str]:
    """Order rows of the oracle gap: by size where the interval excludes 0, else by name.

    First those above the mixture, then those of which that is open, those below it, and the words.
    """
    if row is None or row.gap_closed is None or not math.isfinite(row.gap_closed):
        return 3, 0.0, row.method if row else ""
    if not row.settled:
        return 1, 0.0, row.method
    return (0 if row.gap_closed > 0 else 2), -row.gap_closed, row.method


def gap_text(row: GapRow | None) -> str:
    """Return the oracle gap closed as two digits, its word, or nothing where it has no row."""
    if row is None:
        return ""
    return row.status if row.gap_closed is None else f"{row.gap_closed:.2f}"


def energy_label(findings: Findings, name: str) -> str:
    """Return the label of an energy as tables show it; nothing for what is no energy."""
    label = findings.labels.get(name, "")
    return "est." if label == "estimated" else label


def names_in_order(card: Card, points: Iterable[Point]) -> list[str]:
    """Return the names of recorded conditions, in the order of the card, others after."""
    present = {name for point in points for name in point}
    known = [knob.name for knob in card.knobs if knob.name in present]
    return known + sorted(present.difference(known))


def default_row(findings: Findings, task: str, method: str) -> SummaryRow | None:
    """Return the summary row nearest to default knobs under default conditions."""
    rows = [r for r in findings.summary if (r.task, r.method) == (task, method)]
    wanted = _wanted(findings, task, method)
    return min(rows, key=lambda row: _distance(_setting(row), wanted), default=None)


def departures(findings: Findings, row: SummaryRow) -> dict[str, Scalar]:
    """Return the knobs and conditions in which a row is not at its default."""
    wanted = _wanted(findings, row.task, row.method)
    return {k: v for k, v in _setting(row).items() if k in wanted and wanted[k] != v}


def settled_rows(findings: Findings, task: str, free: Iterable[str]) -> list[SummaryRow]:
    """Return a task's rows in which all conditions but those in `free` are at their default.

    One set of conditions holds for all methods: the recorded one nearest to the defaults.
    """
    rows = [row for row in findings.summary if row.task == task]
    apart = frozenset(free)
    wanted = _without(_task_card(findings, task).defaults, apart)
    recorded = {_fixed(row, apart) for row in rows}
    best = min(recorded, key=lambda fixed: _distance(dict(fixed), wanted), default=())
    return [row for row in rows if _fixed(row, apart) == best]


def held_settings(rows: Sequence[SummaryRow], free: Iterable[str]) -> str:
    """Return the conditions that all of `rows` share, those in `free` apart, as `k=v, k=v`."""
    shared = dict(_fixed(rows[0], frozenset(free))) if rows else {}
    return ", ".join(f"{name}={value}" for name, value in shared.items())


def at_default_knobs(findings: Findings, rows: Iterable[SummaryRow]) -> list[SummaryRow]:
    """Keep, per method, the rows at the recorded operating point nearest to its default."""
    by_method: dict[str, list[SummaryRow]] = {}
    for row in rows:
        by_method.setdefault(row.method, []).append(row)
    kept: list[SummaryRow] = []
    for method, own in by_method.items():
        wanted = card_of(findings, own[0].task, method).defaults
        nearest = min((row.point for row in own), key=lambda p, w=wanted: _distance(p, w))  # type: ignore[misc]
        kept += [row for row in own if dict(row.point) == dict(nearest)]
    return kept


def in_order(values: Iterable[Scalar], known: Sequence[Scalar] = ()) -> list[Scalar]:
    """Return the distinct values: numbers by size, then words in the order of `known`."""
    distinct = set(values)
    numbers = [value for value in distinct if is_number(value)]
    words = sorted((value for value in distinct if not is_number(value)), key=str)
    place = {value: i for i, value in enumerate(known)}
    words.sort(key=lambda word: place.get(word, len(place)))
    return sorted(numbers) + words


def is_number(value: Scalar) -> bool:
    """Tell numbers from words and switches."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _task_card(findings: Findings, task: str) -> Card:
    return findings.task_cards.get(task, Card(title=task))


def _wanted(findings: Findings, task: str, method: str) -> dict[str, Scalar]:
    knobs = card_of(findings, task, method).defaults
    return {**knobs, **_task_card(findings, task).defaults}


def _setting(row: SummaryRow) -> dict[str, Scalar]:
    return {**row.point, **row.conditions}


def _without(point: Point, names: frozenset[str]) -> dict[str, Scalar]:
    return {name: value for name, value in point.items() if name not in names}


def _fixed(row: SummaryRow, free: frozenset[str]) -> tuple[tuple[str, Scalar], ...]:
    return tuple(sorted(_without(row.conditions, free).items()))


def _distance(point: Point, wanted: Mapping[str, Scalar]) -> tuple[int, float, str]:
    """Order settings by how many knobs differ, then by how much; ties by their text."""
    differ = [(v, wanted[k]) for k, v in point.items() if k in wanted and wanted[k] != v]
    far = sum(abs(float(a) - float(b)) for a, b in differ if is_number(a) and is_number(b))
    return len(differ), far, repr(sorted(point.items()))
