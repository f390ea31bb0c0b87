"""Defines a cell: a text, its interval, its tone, and the exact number behind it.

A cell that shows a number of `adabench run --json` names it by a JSON pointer (RFC 6901), so that the page can be checked against that
document. What is not finite says so (`NaN`, `∞`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adabench.harness.analysis.findings import (
    Compared,
    Estimate,
    Findings,
    GapRow,
    SpeedupRow,
    SummaryRow,
)
from adabench.harness.contract.card import Metric
from adabench.harness.store.energy_labels import is_energy
from adabench.reports import shown_points
from adabench.reports.number_format import interval, quantity

Tone = Literal["", "good", "fair", "bad", "open", "mute", "strong"]

ATTACHED = ("[", "(", "×", "est.")
"""Lesser texts that need no dot before them."""


@dataclass(frozen=True)
class Cell:
    """A text, a lesser text beside or below it, and the number to sort by."""

    text: str
    minor: str = ""
    tone: Tone = ""
    value: float | None = None
    brief: str | None = None
    """What `minor` comes to where there is little room."""
    ref: str = ""
    """Where `value` stands in the document of `run --json`."""
    ends: tuple[float, float] | None = None
    """The interval that `minor` holds; it stands beside the value, as `low` and `high`."""

    @property
    def line(self) -> str:
        """Both texts in one line."""
        if not self.minor:
            return self.text
        return f"{self.text}{' ' if self.minor.startswith(ATTACHED) else ' · '}{self.minor}"


@dataclass(frozen=True)
class Column:
    """A heading; columns of a high `rank` go first when there is no room for all."""

    name: str
    minor: str = ""
    rank: int = 0
    right: bool = True
    wraps: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table without looks."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


def text_columns(*names: str) -> tuple[Column, ...]:
    """Return columns of text; one whose name ends with `*` wraps."""
    return tuple(
        Column(name.removesuffix("*"), right=False, wraps=name.endswith("*")) for name in names
    )


def text_row(name: str, *texts: str) -> tuple[Cell, ...]:
    """Return a row of text that begins with what it is about."""
    return (Cell(name, tone="strong"), *map(Cell, texts))


def pointer(*parts: object) -> str:
    """Return a JSON pointer, without its leading slash."""
    return "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def place(rows: Sequence[object], row: object) -> int:
    """Return where this very row stands among `rows`; -1 if it is a row of its own making."""
    return next((i for i, one in enumerate(rows) if one is row), -1)


def text_of(value: float, unit: str = "") -> str:
    """Return a number as `quantity` does; one that is not finite is named."""
    if math.isfinite(value):
        return quantity(value, unit)
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"


def ends_of(
    low: float | None, high: float | None, like: float, unit: str = ""
) -> tuple[str, tuple[float, float] | None]:
    """Return an interval as text and as numbers."""
    if low is None or high is None:
        return "", None
    if all(map(math.isfinite, (low, high, like))):
        return interval(low, high, like, unit), (low, high)
    return f"[{text_of(low, unit)}, {text_of(high, unit)}]", (low, high)


def estimate_cell(
    estimate: Estimate | None, unit: str, brief: str | None = None, ref: str = ""
) -> Cell:
    """Return a mean with its interval; a dash where nothing was measured."""
    if estimate is None:
        return Cell("–", tone="mute")
    value = estimate.estimate
    minor, ends = ends_of(estimate.low, estimate.high, value, unit)
    if estimate.low == estimate.high == value:
        minor, ends = "constant", None
    return Cell(text_of(value, unit), minor, value=value, brief=brief, ref=ref, ends=ends)


def metric_cell(
    findings: Findings, row: SummaryRow, metric: Metric, brief: str | None = None
) -> Cell:
    """Return a row's value of a metric; that of an energy with its label."""
    value = row.metrics.get(metric.name)
    ref = _metric_ref(findings, row, metric.name)
    if is_energy(metric.name, metric.unit):
        return labelled_energy(findings, metric.name, value, ref)
    return estimate_cell(value, metric.unit, brief, ref)


def _metric_ref(findings: Findings, row: SummaryRow, name: str) -> str:
    at = place(findings.summary, row)
    return pointer("summary", at, "metrics", name, "estimate") if at >= 0 else ""


def energy_cell(findings: Findings, row: SummaryRow) -> Cell:
    """Return the energy of a row with the label of its origin, or `unavailable`."""
    name = next((n for n in ("energy_j", "energy_est_j") if n in row.metrics), "")
    ref = _metric_ref(findings, row, name) if name else ""
    return labelled_energy(findings, name, row.metrics.get(name), ref)


def labelled_energy(findings: Findings, name: str, energy: Estimate | None, ref: str = "") -> Cell:
    """Return joules with their label: no energy is shown without one."""
    if energy is None:
        return Cell("unavailable", tone="mute")
    value = energy.estimate
    text = text_of(value, "J")
    label = shown_points.energy_label(findings, name)
    if label == "est.":
        return Cell(f"~{text}", label, value=value, ref=ref)
    minor, ends = ends_of(energy.low, energy.high, value, "J")
    minor = f"({label}) {minor}".rstrip()
    return Cell(text, minor, value=value, brief=f"({label})", ref=ref, ends=ends)


def gap_cell(findings: Findings, row: GapRow | None) -> Cell:
    """Return the oracle gap closed with its interval, or the word that stands in its place."""
    if row is None:
        return Cell("–", tone="mute")
    if row.gap_closed is None:
        return Cell(row.status, tone="mute")
    ref = pointer("gap", place(findings.gaps, row), "gap_closed")
    return _share_cell(row.gap_closed, row.low, row.high, ref)


def cost_cell(findings: Findings, row: GapRow) -> Cell:
    """Return the cost at equal quality in percent; a dash where there is none."""
    ref = pointer("gap", place(findings.gaps, row), "cost_at_equal_quality", "estimate")
    return _compared_cell(row.cost_at_equal_quality, ref)


def quality_cell(findings: Findings, row: GapRow) -> Cell:
    """Return the quality at equal cost in points; a dash where there is none."""
    ref = pointer("gap", place(findings.gaps, row), "quality_at_equal_cost", "estimate")
    return _compared_cell(row.quality_at_equal_cost, ref)


def _compared_cell(found: Compared, ref: str) -> Cell:
    if found.estimate is None:
        return Cell("–", tone="mute")
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    minor = "" if ends is None else f"[{_signed(ends[0])}, {_signed(ends[1])}]"
    unit = "" if found.unit == "points" else found.unit
    text = f"{_signed(found.estimate)} {unit}".rstrip()
    return Cell(text, minor, value=found.estimate, ref=ref, ends=ends)


def _signed(value: float) -> str:
    """Return a percentage or points with a sign and three digits at most."""
    if not math.isfinite(value):
        return text_of(value)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:+,.{digits}f}"
    return text if float(text.replace(",", "")) else text[1:]


def _share_cell(value: float, low: float | None, high: float | None, ref: str) -> Cell:
    """Return a share with two decimals, in the colour of its sign."""
    ends = None if low is None or high is None else (low, high)
    minor = "" if ends is None else f"[{_two(ends[0])}, {_two(ends[1])}]"
    return Cell(_two(value), minor, _sign(value), value, ref=ref, ends=ends)


def _two(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else text_of(value)


def _sign(share: float) -> Tone:
    return "bad" if share < 0 else "strong"


def labelled_name(findings: Findings, name: str) -> str:
    """Return a metric's name; that of an energy with its label."""
    label = shown_points.energy_label(findings, name)
    return f"{name} ({label})" if label else name


def speedup_cell(findings: Findings, row: SpeedupRow) -> Cell:
    """Return a realised speedup with its interval; a dash and a word where there is none."""
    if row.speedup is None:
        return Cell("–", row.reason, tone="mute")
    ref = pointer("speedup", place(findings.speedups, row), "speedup")
    return _share_cell(row.speedup, row.low, row.high, ref)
