"""What a run amounts to, as frames: the columns of the document of `adabench run --json`.

Nested parts of the document are joined by a dot (`cost_at_equal_quality.low`); a summary row has one
row a metric here. An operating point is one text, and a column for each of its knobs behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Metric
from adabench.harness.errors import SelectionError, nearest
from adabench.reports import shown_points
from adabench.reports.export.tidy_frame import ENERGY, UNAVAILABLE, setting_columns, setting_text

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = (
    "task", "method", "point", "conditions", "metric", "estimate", "low", "high", "n", "unit",
    "label",
)  # fmt: skip
SETTINGS = ("point", "conditions")
AS_TEXT = (*SETTINGS, "artefacts")


def summary_frame(findings: Findings) -> "pd.DataFrame":
    """Return one row a metric of each operating point; `label` stands beside every joule."""
    rows = [
        _identity(row) | {"metric": name, **estimate}
        for row in findings.summary
        for name, estimate in _estimates(findings, row).items()
    ]
    return frame_of(rows, SUMMARY)


def part_frame(findings: Findings, part: str) -> "pd.DataFrame":
    """Return a part of the document as a frame: `gap`, `speedup`, `claims` or `scoreboard`."""
    columns = ("paper_slug",) if part == "scoreboard" else ()
    return frame_of(findings.to_json()[part], columns)


def front_frame(
    findings: Findings, quality: str = "", cost: str = "", *, oracles: bool = False
) -> "pd.DataFrame":
    """Return the operating points that no other one beats in both quality and cost, by task.

    Conditions stand at their defaults, a budget apart, as in the figures. Without names the primary
    quality and the primary work of each task are taken; with names, the tasks that have both.

    Raises:
        SelectionError: if no task has both metrics.
    """
    rows: list[dict[str, Any]] = []
    for task in shown_points.tasks(findings):
        pair = _pair(findings, task, quality, cost)
        if pair is not None:
            rows += _front(findings, task, pair, oracles=oracles)
    if not rows:
        known = sorted({name for row in findings.summary for name in row.metrics})
        missing = next((name for name in (quality, cost) if name and name not in known), "")
        raise SelectionError(
            f"No task of {findings.run} has operating points with both "
            f"{quality or 'a quality'} and {cost or 'a cost'}.",
            nearest(missing, known) if missing else f"Recorded: {', '.join(known)}.",
        )
    return frame_of(rows)


def _pair(findings: Findings, task: str, quality: str, cost: str) -> tuple[Metric, Metric] | None:
    """Return the metrics of a task's quality-cost plot: quality and cost."""
    card = findings.task_cards[task]
    good = shown_points.metric_named(card, quality) if quality else None
    dear = shown_points.metric_named(card, cost) if cost else None
    good = good or shown_points.primary(card, "quality")
    dear = dear or shown_points.primary(card, "work")
    return None if good is None or dear is None else (good, dear)


def _front(
    findings: Findings, task: str, pair: tuple[Metric, Metric], *, oracles: bool
) -> list[dict[str, Any]]:
    """Return a task's front by rising cost."""
    names = [metric.name for metric in pair]
    budget = findings.task_cards[task].budget
    rows = [
        row
        for row in shown_points.settled_rows(findings, task, [budget] if budget else [])
        if all(name in row.metrics for name in names)
        and (oracles or shown_points.card_of(findings, task, row.method).role != "oracle")
    ]
    at = [_position(row, pair) for row in rows]
    best = [row for row, here in zip(rows, at, strict=True) if not _beaten(here, at)]
    best.sort(key=lambda row: _position(row, pair)[::-1])
    return [_identity(row) | _values(findings, row, pair) for row in best]


def _position(row: SummaryRow, pair: tuple[Metric, Metric]) -> tuple[float, float]:
    """Return quality and cost, turned so that less is better in both."""
    good, dear = (row.metrics[metric.name].estimate for metric in pair)
    return (
        -good if pair[0].better == "higher" else good,
        -dear if pair[1].better == "higher" else dear,
    )


def _beaten(here: tuple[float, float], others: Iterable[tuple[float, float]]) -> bool:
    return any(there != here and there[0] <= here[0] and there[1] <= here[1] for there in others)


def _values(findings: Findings, row: SummaryRow, pair: tuple[Metric, Metric]) -> dict[str, Any]:
    """Return the two coordinates of a point with their intervals."""
    found: dict[str, Any] = {}
    for metric in pair:
        estimate = row.metrics[metric.name]
        found[metric.name] = estimate.estimate
        found |= {f"{metric.name}.low": estimate.low, f"{metric.name}.high": estimate.high}
        if metric.name in findings.labels:
            found[f"{metric.name}.label"] = findings.labels[metric.name]
    return found


def _identity(row: SummaryRow) -> dict[str, Any]:
    return {
        "task": row.task, "method": row.method,
        "point": dict(row.point), "conditions": dict(row.conditions),
    }  # fmt: skip


def _estimates(findings: Findings, row: SummaryRow) -> dict[str, dict[str, Any]]:
    """Return every metric of a row, energies labelled; a joule that is not there is named."""
    absent: dict[str, Any] = {"estimate": None, "low": None, "high": None, "n": 0, "unit": "J"}
    found = {ENERGY: {**absent, "label": UNAVAILABLE}} if ENERGY not in row.metrics else {}
    for name, estimate in row.metrics.items():
        found[name] = {**asdict(estimate), "label": findings.labels.get(name, "")}
    return found


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> "pd.DataFrame":
    """Return rows as a frame; settings become a text and columns of their own."""
    import pandas as pd

    kinds = [kind for kind in SETTINGS if any(kind in row for row in rows)]
    plain = [_flat(row) for row in rows]
    names = list(dict.fromkeys([*columns, *(name for row in plain for name in row)]))
    frame = pd.DataFrame(plain, columns=names)
    for name in names:  # a column of numbers that are not there is one of numbers
        if frame[name].dtype == object and all(map(_is_number, frame[name])):
            frame[name] = frame[name].astype("float64")
    for kind in kinds:
        for name, values in setting_columns([row[kind] for row in rows], kind).items():
            frame[name] = pd.Series(values)
    return frame


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _flat(row: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Join the keys of nested parts by a dot; write operating points as a text."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        whole = f"{name}{key}"
        if key in AS_TEXT:
            found[whole] = setting_text(value)
        elif isinstance(value, Mapping):
            found |= _flat(value, f"{whole}.")
        elif isinstance(value, tuple | list):
            found[whole] = ", ".join(map(str, value))
        else:
            found[whole] = value
    return found
