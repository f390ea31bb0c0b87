"""Where a number comes from: which samples, which meter, which formula, which interval.

What is said of samples is counted in the run's own table; formulas are quoted from the
docstrings of the modules that compute them, and the line below them has this number's own figures
put in. They are computed anew here, from the records, and must come to the number that is shown.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from adabench.harness.analysis import conversion, headroom, operating_points, summary
from adabench.harness.analysis.cost_quality_plane import (
    Dots,
    Plane,
    bracket,
    corners,
    height,
    mix,
    planes,
    settled_value,
)
from adabench.harness.analysis.findings import (
    ClaimRow,
    ConversionRow,
    Findings,
    HeadroomRow,
    SummaryRow,
)
from adabench.harness.analysis.operating_points import (
    TIMED,
    OperatingPoint,
    ReplicateList,
    collapse,
    order,
    shared_places,
)
from adabench.harness.contract.card import Point
from adabench.harness.explain import claims
from adabench.harness.explain.named_numbers import Number
from adabench.harness.explain.samples_and_meters import (
    KindDetails,
    MeterFacts,
    Samples,
    how_interval,
    meter,
    paragraph,
    samples,
    sentence,
    statuses,
    without_number,
)
from adabench.harness.stats.intervals import FloatArray
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
        case HeadroomRow():
            return _headroom(findings, table, number, number.row)
        case ConversionRow():
            return _conversion(findings, table, number, number.row)
        case ClaimRow():
            return claims.explain_claim(findings, table, number, number.row)
    return _count(findings, table, number)


# A mean


def _mean(findings: Findings, table: Table, number: Number, row: SummaryRow) -> KindDetails:
    whole = next(dot for dot in collapse(table) if _is(dot, row))
    dot = whole.holding(number.metric)
    values = dot.column(number.metric)
    how = "median" if number.metric.endswith(TIMED) else "mean"
    what = f"The mean {number.metric} of {row.task}/{row.method} at {_setting(row)}."
    written = (
        f"{number.metric} = sum over {len(values):,} cases / {len(values):,} = "
        f"{math.fsum(values.tolist()):.10g} / {len(values):,} = {number.value:.6g}"
    )
    logged = number.metric.endswith(TIMED) and bool(values.min() > 0)
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


# Headroom


def _headroom(findings: Findings, table: Table, number: Number, row: HeadroomRow) -> KindDetails:
    what = (
        f"Of the {row.quality} that a clairvoyant gains over blind mixing at equal {row.cost}, "
        f"the share that {row.task}/{row.method} gets."
    )
    plane = _plane(findings, table, row.task, {})
    if plane is None:
        return without_number(
            findings, number, what, headroom, "H", row.reason, (row.cost, row.quality)
        )
    names = plane.methods("static"), plane.oracles()[1], [row.method]
    sides = [plane.dots(some) for some in names]
    told = tuple(
        samples(table, side.values(), row.cost, f"{who}: {', '.join(own)}")
        for who, own, side in zip(("blind", "oracle", "method"), names, sides, strict=True)
        if side
    )
    written, places = row.reason or "no number", shared_places(*sides)
    if row.h is not None:
        gain, room, over = areas(plane, sides, places)
        written = (
            f"H = {over}(method - blind) / {over}(oracle - blind) = {gain:.6g} / {room:.6g} = "
            f"{gain / room:.6g}"
        )
    meters = tuple(meter(findings, row.task, name) for name in (row.cost, row.quality) if name)
    words = how_interval(number, places, bca_only=True)
    return KindDetails(
        what, told, meters, paragraph(headroom, "`H ="), written, words, headroom, row.reason
    )


def _plane(findings: Findings, table: Table, task: str, at: Point) -> Plane | None:
    dots = [
        dot for dot in collapse(table)
        if dot.task == task and at.items() <= dict(dot.conditions).items()
    ]  # fmt: skip
    found = planes(dots, findings.task_cards, findings.method_cards)
    return found[0] if found else None


def areas(
    plane: Plane, sides: Sequence[Mapping[Any, OperatingPoint]], places: ReplicateList
) -> tuple[float, float, str]:
    """Return numerator and denominator of H, and whether they are areas or heights."""
    means = [
        [
            operating_points.table(side, places, name).mean(axis=0)[None]
            for name in (plane.cost, plane.quality)
        ]
        for side in sides
    ]
    (blind_x, blind_y), (oracle_x, oracle_y), (own_x, own_y) = (
        (x, plane.sign * y) for x, y in means
    )
    low = max(blind_x.min(), oracle_x.min())
    high = max(low, blind_x.max())
    inside = np.clip(np.hstack([blind_x, oracle_x, own_x]), low, high)
    at = np.unique(np.append(inside, max(high, own_x.min())))[None]
    blind, oracle, own = (
        height(x, y, at)[0] for x, y in ((blind_x, blind_y), (oracle_x, oracle_y), (own_x, own_y))
    )
    if own_x.min() >= at[0, -1]:
        return float(own[-1] - blind[-1]), float(oracle[-1] - blind[-1]), "height"
    gain = _area(own - blind, at[0], own_x.min())
    return gain, _area(oracle - blind, at[0], -math.inf), "area"


def _area(gap: FloatArray, at: FloatArray, beyond: float) -> float:
    """Integrate a gap over the stretches that end beyond a cost."""
    width = np.diff(at) * (at[1:] > beyond)
    return float((width * (gap[1:] + gap[:-1]) / 2).sum())


# Conversion


def _conversion(
    findings: Findings, table: Table, number: Number, row: ConversionRow
) -> KindDetails:
    here = "".join(f" at {k}={v}" for k, v in row.conditions.items())
    what = (
        f"How much of the {row.work} that {row.task}/{row.method} saves{here} became {row.metric}, "
        f"against {row.against or 'static settings of equal quality'}."
    )
    if number.kind == "work":
        what = f"The {row.work} of {row.task}/{row.method}{here} over that of {row.against}."
    meters = tuple(meter(findings, row.task, name) for name in (row.work, row.metric) if name)
    formula, plane = (
        paragraph(conversion, "`K ="),
        _plane(findings, table, row.task, row.conditions),
    )
    if plane is None or row.method not in plane.cards:
        return KindDetails(what, (), meters, formula, row.reason or "no number", "none", conversion)
    blind, own = _compared(plane, row)
    told = tuple(
        samples(table, side.values(), row.metric, who)
        for who, side in (
            (row.method, own),
            (plane.cards[row.method].skips_from or "static settings", blind),
        )
        if side
    )
    places = shared_places(blind, own) if blind and own else None
    words = "none is shown: it enters K's" if number.kind == "work" else how_interval(
        number, places, bca_only=True
    )  # fmt: skip
    written = row.reason or "no number"
    if row.work_ratio is not None and places:
        written = _converted(plane, row, (blind, own), places, work=number.kind == "work")
    return KindDetails(what, told, meters, formula, written, words, conversion, row.reason)


def _compared(plane: Plane, row: ConversionRow) -> tuple[Dots, Dots]:
    """Return the static settings that K mixes, and the method's default point."""
    whole = plane.cards[row.method].skips_from
    blind = plane.dots([whole] if whole else plane.methods("static"), row.metric)
    sides = _default(plane, blind, whole) if whole else blind
    return sides, _default(plane, plane.dots([row.method], row.metric), row.method)


def _default(plane: Plane, dots: Dots, method: str) -> Dots:
    """Return the dot of a method's default point at the default budget, or the first run."""
    budget = plane.card.knob(plane.card.budget)
    own = dict(dots)
    if budget is not None and own:
        value = settled_value(budget.name, budget.default, list(own.values()))
        own = {key: dot for key, dot in own.items() if dot.conditions.get(budget.name) == value}
    usual = plane.cards[method].defaults if method in plane.cards else {}
    return {key: dot for key, dot in own.items() if {**usual, **dot.point} == usual}


def _converted(
    plane: Plane, row: ConversionRow, sides: tuple[Dots, Dots], places: ReplicateList, *, work: bool
) -> str:
    """Return K with the two works and the two times put in."""
    names = plane.cost, plane.quality, row.metric
    (cost, quality, metric), (done, reached, spent) = (
        [operating_points.table(side, places, name).mean(axis=0)[None] for name in names]
        for side in sides
    )
    hull, x, y = corners(cost, plane.sign * quality)
    same = quality if plane.cards[row.method].skips_from else reached
    steps = bracket(y, plane.sign * same)
    base = float(mix(x, *steps)[0, 0])
    slow = float(mix(np.take_along_axis(metric, hull, 1), *steps)[0, 0])
    ratio = f"work ratio = {done[0, 0]:.6g} / {base:.6g} = {done[0, 0] / base:.6g}"
    if work or row.k is None:
        return ratio
    k = math.log(spent[0, 0] / slow) / math.log(done[0, 0] / base)
    return (
        f"K = ln({row.metric} ratio) / ln(work ratio) = ln({spent[0, 0]:.6g} / {slow:.6g}) / "
        f"ln({done[0, 0]:.6g} / {base:.6g}) = {k:.6g}"
    )


# Counts


def _count(findings: Findings, table: Table, number: Number) -> KindDetails:
    word = number.name.partition("/")[2]
    says = {
        "records": "Records in the run, preparations and failures included.",
        "cells": "Cells that have a record: task, method, knobs, conditions, scale and seed.",
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
