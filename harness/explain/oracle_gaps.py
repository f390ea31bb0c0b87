"""An oracle gap, and a method's cost and quality beside the static mixture, with figures put in."""

import numpy as np

from adabench.harness.analysis import equal_terms, oracle_gap
from adabench.harness.analysis.findings import Compared, Findings, GapRow
from adabench.harness.analysis.gap_anchors import Anchors, anchors_of
from adabench.harness.analysis.operating_points import collapse, shared_places, table
from adabench.harness.analysis.oracle_gap import Curve, lead, lead_of_curve
from adabench.harness.analysis.quality_cost_plot import Dots
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Point
from adabench.harness.explain.named_numbers import Number
from adabench.harness.explain.samples_and_meters import (
    KindDetails,
    how_interval,
    meter,
    paragraph,
    samples,
)
from adabench.harness.store.table import Table

WHO = ("mixture", "oracle", "method", "random")


def explain_gap(findings: Findings, records: Table, number: Number, row: GapRow) -> KindDetails:
    """Say where an oracle gap, or one of the two numbers beside it, comes from."""
    one = anchors_in(findings, records, row.task, row.method, {})
    if number.kind == "equal":
        return _equal_terms(findings, records, number, row, one)
    what = (
        f"Of the {row.quality} that {row.oracle or 'an oracle'} gains over mixing "
        f"{row.mixture or 'static methods'} at equal {row.cost}, how much {row.task}/{row.method} "
        "closes: 1 is the oracle, 0 the static mixture, -1 the random router."
    )
    groups = oracle_gap.sides(one)
    told = tuple(
        samples(records, side.values(), row.cost, f"{who}: {_methods(side)}")
        for who, side in zip(WHO, groups, strict=True)
        if side
    )
    written, places = row.reason or "no number", shared_places(*groups)
    if row.gap_closed is not None:
        written = _written(one, [_curve(one, side, places) for side in groups if side], row)
    meters = tuple(meter(findings, row.task, name) for name in (row.cost, row.quality))
    words = how_interval(number, places, bca_only=True)
    formula = paragraph(oracle_gap, "A signed scale") + " " + paragraph(oracle_gap, "+1")
    return KindDetails(what, told, meters, formula, written, words, oracle_gap, _remark(row))


def anchors_in(findings: Findings, records: Table, task: str, method: str, at: Point) -> Anchors:
    """Return what a method of a run is measured between, under some conditions."""
    dots = [
        dot
        for dot in collapse(records)
        if dot.task == task and at.items() <= dict(dot.conditions).items()
    ]
    names = {dot.method for dot in dots} | {method}
    cards = {name: findings.method_cards[f"{task}/{name}"] for name in sorted(names)}
    return anchors_of(task, method, dots, findings.task_cards[task], cards)


def _methods(side: Dots) -> str:
    return ", ".join(dict.fromkeys(method for method, _, _ in side))


def _remark(row: GapRow) -> str:
    made_of = ", ".join(f"{address} {digest}" for address, digest in row.artefacts.items())
    parts = [row.reason, f"Mixture and oracle are made of {made_of}." if made_of else ""]
    return " ".join(filter(None, parts))


def _curve(one: Anchors, side: Dots, places: ReplicateList) -> Curve:
    """Return mean costs and qualities (1, settings)."""
    cost, quality = (
        np.asarray(table(side, places, name).mean(axis=0)[None], np.float64)
        for name in (one.cost.name, one.quality.name)
    )
    return cost, one.sign * quality


def _written(one: Anchors, curves: list[Curve], row: GapRow) -> str:
    mixture, oracle, own = curves[:3]
    gain = float(lead(own, mixture)[0])
    scale, who = float(lead_of_curve(oracle, mixture, own[0])[0]), "oracle"
    if gain < 0 and len(curves) > 3:
        scale, who = -float(lead(curves[3], mixture)[0]), "random"
    sign = "-" if who == "random" else ""
    return (
        f"gap closed = lead(method) / {sign}lead({who}) = {gain:.6g} / {scale:.6g} = "
        f"{gain / scale:.6g}"
    )


def _equal_terms(
    findings: Findings, records: Table, number: Number, row: GapRow, one: Anchors
) -> KindDetails:
    of_cost = number.unit == "%"
    found = row.cost_at_equal_quality if of_cost else row.quality_at_equal_cost
    what = (
        f"What {row.task}/{row.method} costs, in {row.cost}, beyond the cheapest mixture of static "
        f"settings that has its {row.quality}."
        if of_cost
        else f"How much better the {row.quality} of {row.task}/{row.method} is than that of the best "
        f"mixture of static settings at its {row.cost}."
    )
    mixture, own = one.side(one.gap.mixture), one.default()
    told = tuple(
        samples(records, side.values(), row.cost, f"{who}: {_methods(side)}")
        for who, side in (("mixture", mixture), ("method", own))
        if side
    )
    meters = tuple(meter(findings, row.task, name) for name in (row.cost, row.quality))
    places = shared_places(mixture, own)
    written = found.reason or "no number"
    if found.estimate is not None:
        cost, quality = _curve(one, own, places)
        written = _beside(row, found, float(cost[0, 0]), one.sign * float(quality[0, 0]))
    start = "*Cost at equal quality*" if of_cost else "*Quality at equal"
    formula, words = paragraph(equal_terms, start), how_interval(number, places, bca_only=True)
    return KindDetails(what, told, meters, formula, written, words, equal_terms, found.reason)


def _beside(row: GapRow, found: Compared, cost: float, quality: float) -> str:
    """Write a comparison with the method's own value and the mixture's."""
    gained = found.estimate or 0.0
    if found.unit == "%":
        there = cost / (1 + gained / 100)
        return f"{row.cost}: {cost:.6g} / {there:.6g} - 1 = {gained:+.6g} %"
    there = quality - gained / (100 if found.unit == "points" else 1)
    return f"{row.quality}: {quality:.6g} - {there:.6g} = {gained:+.6g} {found.unit}".rstrip()
