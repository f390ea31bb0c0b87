"""A realised speedup, and its work ratio, with the two works and the two times put in."""

import math

import numpy as np

from adabench.harness.analysis import realised_speedup
from adabench.harness.analysis.findings import Findings, SpeedupRow
from adabench.harness.analysis.gap_anchors import Anchors
from adabench.harness.analysis.operating_points import shared_places
from adabench.harness.analysis.quality_cost_plot import Dots, bracket, corners, mix
from adabench.harness.analysis.realised_speedup import columns, compared
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.explain.named_numbers import Number
from adabench.harness.explain.oracle_gaps import anchors_in
from adabench.harness.explain.samples_and_meters import (
    KindDetails,
    how_interval,
    meter,
    paragraph,
    samples,
)
from adabench.harness.store.table import Table


def explain_speedup(
    findings: Findings, records: Table, number: Number, row: SpeedupRow
) -> KindDetails:
    """Say where a realised speedup, or its work ratio, comes from."""
    here = "".join(f" at {k}={v}" for k, v in row.conditions.items())
    rivals = row.against or "static settings of equal quality"
    what = (
        f"How much of the {row.work} that {row.task}/{row.method} saves{here} became {row.metric}, "
        f"against {rivals}."
    )
    if number.kind == "work":
        what = f"The {row.work} of {row.task}/{row.method}{here} over that of {rivals}."
    one = anchors_in(findings, records, row.task, row.method, row.conditions)
    static, own = compared(one, row.metric)
    whole = one.cards[row.method].skips_from
    told = tuple(
        samples(records, side.values(), row.metric, who)
        for who, side in ((row.method, own), (whole or "static settings", static))
        if side
    )
    places = shared_places(static, own) if static and own else None
    words = (
        "none is shown: it enters the speedup's"
        if number.kind == "work"
        else how_interval(number, places, bca_only=True)
    )
    written = row.remark or row.reason or "no number"
    if row.work_ratio is not None and places:
        written = _written(one, row, (static, own), places, work=number.kind == "work")
    formula = paragraph(realised_speedup, "realised speedup =") + " " + paragraph(
        realised_speedup, "of the method's default"
    )  # fmt: skip
    meters = tuple(meter(findings, row.task, name) for name in (row.work, row.metric))
    return KindDetails(what, told, meters, formula, written, words, realised_speedup, row.remark)


def _written(
    one: Anchors, row: SpeedupRow, sides: tuple[Dots, Dots], places: ReplicateList, *, work: bool
) -> str:
    """Return the ratios with their parts."""
    (cost, quality, metric), (done, reached, spent) = (
        [
            np.asarray(column.mean(axis=0)[None], np.float64)
            for column in columns(one, side, places, row.metric)
        ]
        for side in sides
    )
    hull, x, y = corners(cost, one.sign * quality)
    same = quality if one.cards[row.method].skips_from else reached
    steps = bracket(y, one.sign * same)
    base = float(mix(x, *steps)[0, 0])
    slow = float(mix(np.take_along_axis(metric, hull, 1), *steps)[0, 0])
    ratio = f"work ratio = {done[0, 0]:.6g} / {base:.6g} = {done[0, 0] / base:.6g}"
    if work or row.speedup is None:
        return ratio
    found = math.log(spent[0, 0] / slow) / math.log(done[0, 0] / base)
    return (
        f"realised speedup = ln({row.metric} ratio) / ln(work ratio) = ln({spent[0, 0]:.6g} / "
        f"{slow:.6g}) / ln({done[0, 0]:.6g} / {base:.6g}) = {found:.6g}"
    )
