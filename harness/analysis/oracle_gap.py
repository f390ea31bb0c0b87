"""Oracle gap closed: of what the oracle gains over the static mixture, how much a method gets.

A signed scale with three anchors, at the costs where the method runs:

    +1   the oracle                  gap closed = lead(method) / lead(oracle)   where it leads,
     0   the static mixture                       lead(method) / -lead(random)  where it trails
    -1   the same-rate random router

*Lead*: how far the quality at a cost lies over that of the static mixture, at the method's default
point; the mean over all budgets, where the task hands one out. *Mixture*: the settings of the
statics that the task's card names for this backbone (`Gap`), mixed at random, as a router that
ignores its input could. *Oracle*: allocation with the answers known, at the method's costs; below
its least cost it does not run, and leads by nothing. *Random*: the router of the same training family
that decides by chance, at the method's rates, at its own default point. Mixture and oracle may
spend more for nothing. The idea is RouteLLM's APGR (arXiv 2406.18665), the performance gap
recovered; ours keeps the cost axis, has an oracle in the place of the strong model, a third anchor
and an interval.

A number is given only where it means something. Words stand for the rest:

    not run               an anchor was not run; what is missing is named
    no oracle             no method knows the answers on this backbone
    not validated         the oracle wins by luck: its search gains as much on wrong answers
    no room here          the oracle's lead is within the card's margin where the method runs
    not distinguishable   there is no interval, or it is 1 wide or wider, or that of the room holds 0
    oracle too weak       above 1
    worse than random     below -1
    below the mixture     below 0, and no random router was named, or it does no worse than the mixture

Operating points are means over the cases that all of them share; resamples redraw those cases, so
hulls and costs vary together in the interval. Its ends are held to the anchors.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from adabench.harness.analysis.equal_terms import cost_at_equal_quality, quality_at_equal_cost
from adabench.harness.analysis.findings import GapRow, GapStatus
from adabench.harness.analysis.gap_anchors import Anchors, anchors
from adabench.harness.analysis.operating_points import OperatingPoint, shared_places, table
from adabench.harness.analysis.quality_cost_plot import Dots, height
from adabench.harness.analysis.replicates import ReplicateList
from adabench.harness.contract.card import Card
from adabench.harness.stats.intervals import FloatArray, Interval, Statistic, means

TINY = 1e-9
"""Relative to the largest quality: a lead below it is rounding."""
WIDEST = 1.0
"""An interval of this width says nothing on a scale from -1 to 1."""


def oracle_gaps(
    dots: Sequence[OperatingPoint],
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    digests: Mapping[str, str] | None = None,
) -> tuple[GapRow, ...]:
    """Return a row for each adaptive and control method of each task, sorted by address.

    `digests` are those of artefacts, by the address of the method that is made of them.
    """
    return tuple(
        gap_row(one, digests or {})
        for one in anchors(dots, task_cards, method_cards, "adaptive", "control")
    )


def _artefacts(one: Anchors, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of mixture and oracle: of their sources, and of what they had learnt.

    Sources stand under the method's address, from the manifest; checkpoints under their own names.
    """
    names = (*one.gap.mixture, *filter(None, [one.gap.oracle]))
    addresses = [f"{one.task}/{name}" for name in names]
    found = {address: digests[address] for address in addresses if address in digests}
    for dot in one.drawn:
        if dot.method in names:
            found |= dot.trained
    return dict(sorted(found.items()))


def gap_row(one: Anchors, digests: Mapping[str, str]) -> GapRow:
    """Return the row of one method."""
    row = GapRow(
        one.task,
        one.method,
        "not run",
        oracle=one.gap.oracle,
        mixture=" + ".join(one.gap.mixture),
        coin=one.gap.coin,
        cost=one.cost.name,
        quality=one.quality.name,
        cost_at_equal_quality=cost_at_equal_quality(one),
        quality_at_equal_cost=quality_at_equal_cost(one),
        artefacts=_artefacts(one, digests),
    )
    status, reason = _lack(one)
    return replace(row, status=status, reason=reason) if reason else _measured(row, one)


def sides(one: Anchors) -> tuple[Dots, Dots, Dots, Dots]:
    """Return the operating points of mixture, oracle, method and random router."""
    own, coin = (one.at_default(name) for name in (one.method, one.gap.coin))
    return one.side(one.gap.mixture), one.oracle(), own, coin


def _lack(one: Anchors) -> tuple[GapStatus, str]:
    """Say which word stands in the place of a number before any is computed, and why."""
    gap = one.gap
    if not one.side((one.method,)):
        return "not run", f"it has no record of both {one.cost.name} and {one.quality.name}"
    if not one.at_default(one.method):
        return "not run", "its default point was not run"
    if not gap.mixture:
        return "not run", "the task's card names no static mixture for it"
    if not gap.oracle:
        return "no oracle", one.card.no_oracle or "no oracle is known on this backbone"
    missing = one.unrun((*gap.mixture, gap.oracle, *filter(None, [gap.coin])))
    if not missing and not one.oracle():
        missing = [f"{gap.oracle} at {_point(gap.oracle_at)}"]
    if not missing and gap.coin and not one.at_default(gap.coin):
        missing = [f"{gap.coin} at its default point"]
    if missing:
        return "not run", f"run {', '.join(f'{one.task}/{name}' for name in missing)} too"
    if one.cards[gap.oracle].wins_by_luck:
        return "not validated", f"{gap.oracle} gains as much by luck as by the truth"
    if not shared_places(*sides(one)):
        return "not run", "no case was solved by all: mixture, oracle, random router and method"
    return "measured", ""


def _point(at: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in at.items())


def _measured(row: GapRow, one: Anchors) -> GapRow:
    """Fill in the number and its interval, or the word that stands in its place."""
    groups = sides(one)
    places = shared_places(*groups)
    closed, room = places.intervals(leads(one, groups, places), "bca")
    row = replace(row, n=len(places), room=room.estimate)
    status, reason = _status(closed, room, one.gap.room, one)
    if reason:
        return replace(row, status=status, reason=reason)
    low, high = (None if end is None else _held(end) for end in (closed.low, closed.high))
    return replace(row, status="measured", gap_closed=_held(closed.estimate), low=low, high=high)


def _held(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _status(closed: Interval, room: Interval, margin: float, one: Anchors) -> tuple[GapStatus, str]:
    """Return the word for an estimate, and why it is no number; no reason if it is one."""
    unit = one.quality.name
    if not room.estimate > margin:
        lead = f"{one.gap.oracle} leads by {room.estimate:.3g} {unit} at the method's costs"
        return "no room here", f"{lead}, and a gap is more than {margin:g}"
    if room.low is not None and room.low <= 0:
        ends = f"[{room.low:.3g}, {room.high:.3g}]"
        return "not distinguishable", f"the oracle's lead, {room.estimate:.3g} {ends}, may be none"
    if not math.isfinite(closed.estimate):
        why = (
            f"and {one.gap.coin} does no worse"
            if one.gap.coin
            else "and no random router sets a scale"
        )
        return "below the mixture", f"it trails the static mixture, {why}"
    return _beyond(closed, one)


def _beyond(closed: Interval, one: Anchors) -> tuple[GapStatus, str]:
    """Judge a finite estimate: beyond an anchor, too vague, or a number."""
    low, high = closed.low, closed.high
    above: tuple[GapStatus, str] = ("oracle too weak", f"it does better than {one.gap.oracle}")
    below: tuple[GapStatus, str] = ("worse than random", f"it does worse than {one.gap.coin}")
    slack = 1 + TINY
    if low is None or high is None:
        return "not distinguishable", "there is no interval: run more seeds or cases"
    if low > slack:
        return above
    if high < -slack:
        return below
    if high - low >= WIDEST:
        return "not distinguishable", f"the interval is {high - low:.2g} wide: run more seeds"
    if closed.estimate > slack:
        return above
    if closed.estimate < -slack:
        return below
    return "measured", ""


def leads(one: Anchors, groups: Sequence[Dots], places: ReplicateList) -> Statistic:
    """Return the statistic (gap closed, the oracle's lead)."""
    held = [side for side in groups if side]
    costs = [table(side, places, one.cost.name) for side in held]
    qualities = [one.sign * table(side, places, one.quality.name) for side in held]
    tiny = TINY * max(float(np.abs(quality).max()) for quality in qualities)
    return leads_of(costs, qualities, tiny)


def leads_of(costs: list[FloatArray], qualities: list[FloatArray], tiny: float) -> Statistic:
    """Return `leads` of (places, settings) arrays of mixture, oracle, method and, if any, random router."""
    ends = np.cumsum([column.shape[1] for column in costs + qualities])[:-1]
    mean = means(np.hstack(costs + qualities))
    sides_held = len(costs)

    def statistic(weights: FloatArray) -> FloatArray:
        parts = np.split(mean(weights), ends, axis=1)
        curves = list(zip(parts[:sides_held], parts[sides_held:], strict=True))
        mixture, oracle, own = curves[:3]
        room, gain = lead_of_curve(oracle, mixture, own[0]), lead(own, mixture)
        loss = -lead(curves[3], mixture) if sides_held > 3 else np.full_like(gain, np.nan)
        scale = np.where(gain >= -tiny, room, loss)
        closed = np.divide(gain, scale, out=np.full_like(gain, np.nan), where=scale > tiny)
        return np.stack([closed, room], axis=1)

    return statistic


Curve = tuple[FloatArray, FloatArray]
"""Costs and qualities (r, settings) of a side."""


def lead(own: Curve, mixture: Curve) -> FloatArray:
    """Return how far dots lie over the mixture of their costs, on the mean (r,).

    A dot that costs less than every static setting is held to the cheapest of them.
    """
    return np.asarray((own[1] - height(*mixture, own[0])).mean(axis=1), np.float64)


def lead_of_curve(oracle: Curve, mixture: Curve, costs: FloatArray) -> FloatArray:
    """Return how far the oracle's curve lies over the mixture at some costs, on the mean (r,)."""
    at = np.maximum(costs, mixture[0].min(axis=1, keepdims=True))
    floor = oracle[0].min(axis=1, keepdims=True)
    runs = at >= floor - TINY * np.abs(floor)
    gap = height(*oracle, at) - height(*mixture, at)
    return np.asarray(np.where(runs, gap, 0.0).mean(axis=1), np.float64)
