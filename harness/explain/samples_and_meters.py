"""The parts of an explanation: samples counted, meters named, intervals described, words quoted."""

import inspect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.analysis import operating_points
from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.operating_points import TIMED, OperatingPoint, metric_of, order
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.explain.named_numbers import Number
from adabench.harness.stats.bootstrap import RESAMPLES
from adabench.harness.stats.intervals import ENOUGH_SEEDS, MANY
from adabench.harness.store.table import Table


@dataclass(frozen=True)
class Samples:
    """The records behind one side of a number."""

    of: str
    records: int
    cells: int
    seeds: tuple[int, ...]
    cases: int
    """Of each seed; the largest count."""
    repeats: int
    timed: int | None = None
    """Single timings behind the records, where they were counted."""
    disturbed: int | None = None
    """Of those, how many were left out as disturbed."""
    without_result: Mapping[str, int] | None = None
    """Records of the same cells that are not ok, by status."""


@dataclass(frozen=True)
class MeterFacts:
    """What a metric was read from."""

    metric: str
    unit: str
    instrument: str
    label: str


@dataclass(frozen=True)
class KindDetails:
    """What differs from kind to kind."""

    says: str
    samples: tuple[Samples, ...]
    meters: tuple[MeterFacts, ...]
    formula: str
    written: str
    interval: str
    module: ModuleType
    remark: str = ""


def samples(table: Table, dots: Iterable[OperatingPoint], metric: str, of: str) -> Samples:
    """Count the records of some operating points that hold a metric."""
    keys = {(d.task, d.method, d.scale, order(d.point), order(d.conditions)) for d in dots}
    own = [
        i for i, c in enumerate(table.cells)
        if (c.task, c.method, c.scale, order(c.point), order(c.conditions)) in keys
    ]  # fmt: skip
    rows = np.isin(table.cell, own)
    if metric in table.columns:
        rows &= ~np.isnan(table.columns[metric])
    cells = [table.cells[i] for i in np.unique(table.cell[rows])]
    places = np.stack([table.seed[rows], table.case[rows]])
    per_seed = Counter(np.unique(places, axis=1)[0].tolist()) if rows.any() else Counter({0: 0})
    names = {table.cells[i].key for i in own}
    others = statuses(r for r in table.others if r.cell.key in names)
    timed = metric.endswith(TIMED)
    return Samples(
        of, int(rows.sum()), len(cells), tuple(sorted({cell.seed for cell in cells})),
        max(per_seed.values()), int(table.repeat[rows].max(initial=-1)) + 1,
        _total(table, "samples", rows) if timed else None,
        _total(table, "samples_dropped", rows) if timed else None, others,
    )  # fmt: skip


def _total(table: Table, name: str, rows: Any) -> int | None:
    """Return the sum of a column; None where no record of these holds it."""
    column = table.columns.get(name)
    if column is None or np.isnan(column[rows]).all():
        return None
    return int(np.nansum(column[rows]))


def statuses(records: Iterable[Any]) -> dict[str, int]:
    """Count the records of solving that are not ok, by status."""
    found = Counter(r.status for r in records if r.status != "ok" and r.phase == "solve")
    return dict(sorted(found.items()))


def meter(findings: Findings, task: str, metric: str) -> MeterFacts:
    """Say what a metric was read from, with its label."""
    declared = metric_of(metric, findings.task_cards[task]) if task in findings.task_cards else None
    unit = (
        operating_points.unit_of(metric, findings.task_cards[task])
        if task in findings.task_cards
        else ""
    )
    for item in findings.manifest.get("instruments", ()):
        if metric in item.get("keys", ()) and item.get("available"):
            label = findings.labels.get(metric) or str(item.get("label", ""))
            return MeterFacts(metric, unit, str(item["name"]), label)
    if metric in findings.labels:
        return MeterFacts(metric, unit, "the task", findings.labels[metric])
    if declared is not None:
        who = "the task's score" if declared.role == "quality" else "the substrate's counter"
        return MeterFacts(metric, unit, who, "counted" if declared.role != "quality" else "scored")
    return MeterFacts(metric, unit, "the method or its task", "not declared by the task's card")


def how_interval(
    number: Number, places: ReplicateList | None, *, logged: bool = False, bca_only: bool = False
) -> str:
    """Say how the interval was made; the branches are those of `harness/stats/intervals.py`."""
    if number.low is None or number.high is None:
        return f"none: {'one replicate has no scatter' if number.n == 1 else 'nothing varied'}"
    if number.low == number.high:
        return "of no width: every resample gives the same"
    scale = ", on the log scale" if logged else ""
    if places is None:
        return f"95 %{scale} (harness/stats/intervals.py)"
    seeds, n, over = places.clusters, len(places), places.where.over
    if over == "trainings" and 1 < seeds < ENOUGH_SEEDS:
        how = f"the jackknife over {seeds} trainings, with Student's t"
    elif 1 < seeds < ENOUGH_SEEDS:
        how = (
            f"{RESAMPLES:,} resamples of one fixed stream: seeds with replacement, then cases within each "
            f"of the {seeds} seeds; BCa, widened for few seeds"
        )
        if n > MANY:
            how = f"the jackknife over the {seeds} seeds and over cases, added, with Student's t"
    else:
        noun = "trainings" if over == "trainings" else "seeds"
        drawn = "one seed" if places.seeds == 1 else f"{places.seeds} seeds, pooled"
        unit = f"{seeds} {noun}" if seeds > 1 else f"{n:,} cases of {drawn}, within their groups"
        how = f"units are the {unit}; "
        if n > MANY:
            how += "the studentised jackknife, corrected for skew"
        elif bca_only:
            how += f"BCa from {RESAMPLES:,} resamples of one fixed stream"
        else:
            how += f"the union of the studentised jackknife and BCa from {RESAMPLES:,} resamples"
    return f"95 %: {how}{scale} (harness/stats/intervals.py)"


def paragraph(module: ModuleType, start: str) -> str:
    """Return the piece of a module's docstring that begins so, up to the next piece."""
    text = inspect.cleandoc(module.__doc__ or "")
    at = text.find(start)
    if at < 0:
        return ""
    piece = text[at:].partition("\n\n")[0].partition("\n- *")[0]
    following = piece.find("\n*", 1)
    return " ".join((piece if following < 0 else piece[:following]).split())


def sentence(module: ModuleType, start: str) -> str:
    """Return the sentence of a module's docstring that begins so."""
    text = " ".join(inspect.cleandoc(module.__doc__ or "").split())
    piece = text[max(text.find(start), 0) :]
    return piece.partition(". ")[0] + "."


def without_number(
    findings: Findings, number: Number, what: str, module: ModuleType, start: str, reason: str,
    metrics: Sequence[str],

) -> KindDetails:  # fmt: skip
    """Explain why there is no number."""
    task = number.row.task if number.row else ""
    meters = tuple(meter(findings, task, name) for name in metrics if name)
    formula = paragraph(module, f"`{start} =") if start else paragraph(module, "*Before any")
    return KindDetails(what, (), meters, formula, reason or "no number", "none", module, reason)
