"""Where a number comes from: which samples, which meter, which formula, which interval.

What is said of samples is counted in the run's own table; formulas are quoted from the
docstrings of the modules that compute them, and the line below them has this number's own figures
put in. They are computed anew here, from the records, and must come to the number that is shown.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from adabench.harness.analysis import operating_points, summary
from adabench.harness.analysis.findings import ClaimRow, Findings, GapRow, SpeedupRow, SummaryRow
from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.metric_range import POSITIVE, range_of
from adabench.harness.analysis.operating_points import TIMED, OperatingPoint, collapse, order
from adabench.harness.explain import claims
from adabench.harness.explain.named_numbers import Number
from adabench.harness.explain.oracle_gaps import explain_gap
from adabench.harness.explain.samples_and_meters import (
    KindDetails,
    MeterFacts,
    Samples,
    how_interval,
    meter,
    samples,
    sentence,
    statuses,
)
from adabench.harness.explain.speedups import explain_speedup
from adabench.harness.store.table import Table
from adabench.profilers.compute.flops import UNCOUNTED


@dataclass(frozen=True)
class Explanation:
    """Everything that is to be known of one number."""

    name: str
    says: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    samples: tuple[Samples, ...]
    meters: tuple[MeterFacts, ...]
    formula: str
    written: str
    """The formula with the figures put in."""
    interval: str
    source: str
    """The module that computes it."""
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def explain(findings: Findings, table: Table, number: Number) -> Explanation:
    """Say where a number of a run comes from."""
    told = _told(findings, table, number)
    return Explanation(
        number.name, told.says, number.value, number.low, number.high, number.n, number.unit,
        told.samples, told.meters, told.formula, told.written, told.interval,
        f"{told.module.__name__.partition('.')[2].replace('.', '/')}.py", told.remark,
    )  # fmt: skip


def _told(findings: Findings, table: Table, number: Number) -> KindDetails:
    match number.row:
        case SummaryRow():
            return _mean(findings, table, number, number.row)
        case GapRow():
            return explain_gap(findings, table, number, number.row)
        case SpeedupRow():
            return explain_speedup(findings, table, number, number.row)
        case ClaimRow():
            return claims.explain_claim(findings, table, number, number.row)
    return _count(findings, table, number)


# A mean


def _mean(findings: Findings, table: Table, number: Number, row: SummaryRow) -> KindDetails:
    whole = next(dot for dot in collapse(table) if _is(dot, row))
    cards = findings.task_cards[row.task], [findings.method_cards[f"{row.task}/{row.method}"]]
    [dot] = with_units([whole.holding(number.metric)], [whole], *cards)
    values = dot.column(number.metric)
    how = "median" if number.metric.endswith(TIMED) else "mean"
    what = f"The mean {number.metric} of {row.task}/{row.method} at {_setting(row)}."
    written = (
        f"{number.metric} = sum over {len(values):,} cases / {len(values):,} = "
        f"{math.fsum(values.tolist()):.10g} / {len(values):,} = {number.value:.6g}"
    )
    ends = range_of(number.metric, operating_points.metric_of(number.metric, cards[0]))
    logged = ends == POSITIVE and bool(values.sum() > 0)
    formula = (
        f"{sentence(operating_points, 'Repeats measure')} Here: the {how} of a case's repeats, then the mean "
        "over cases and seeds."
    )
    return KindDetails(
        what, (samples(table, [dot], number.metric, f"{row.task}/{row.method}"),),
        (meter(findings, row.task, number.metric),), formula, written,
        how_interval(number, dot.places, logged=logged), summary,
        _lacking(whole.names) if number.metric == "flops" else "",
    )  # fmt: skip


def _lacking(names: Iterable[str]) -> str:
    """Say which operators' work the FLOPs lack."""
    own = [name.removesuffix(UNCOUNTED) for name in names if name.endswith(UNCOUNTED)]
    return f"Without the work of {', '.join(sorted(own))}, which have no formula." if own else ""


def _is(dot: OperatingPoint, row: SummaryRow) -> bool:
    """Say whether a summary row is that of a dot; a row may hold its scale among conditions."""
    own = {**row.conditions}
    scale = own.pop("scale", dot.scale) if "scale" not in dot.conditions else dot.scale
    same = (dot.task, dot.method, dot.scale) == (row.task, row.method, scale)
    return same and order(dot.point) == order(row.point) and order(dot.conditions) == order(own)


def _setting(row: SummaryRow) -> str:
    parts = {**row.conditions, **row.point}
    return ", ".join(f"{name}={value}" for name, value in parts.items()) or "its only point"


# Counts


def _count(findings: Findings, table: Table, number: Number) -> KindDetails:
    word = number.name.partition("/")[2]
    says = {
        "records": "Records in the run, preparations and failures included.",
        "cells": "Configurations that have a record: task, method, knobs, conditions, scale and seed.",
        "errors": "Records whose status is error or timeout.",
    }[word]
    told = Samples(
        "the run", table.total, len(table.all_cells), findings.tally.seeds,
        int(table.case.max(initial=-1)) + 1, int(table.repeat.max(initial=-1)) + 1,
        without_result=statuses(findings.tally.without_result),
    )  # fmt: skip
    written = f"{word} = {number.value:.0f}" if number.value is not None else word
    return KindDetails(says, (told,), (), "Lines of records.jsonl, the last word on each unit.", written,
                "none: a count of what is there", operating_points)  # fmt: skip
