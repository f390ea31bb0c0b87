"""How one metric changed between two runs: effect, interval, and how sure of what.

*Effect.* A cost is a ratio (geometric mean over pairs), a quality a difference (mean over
pairs). Where a cost can be zero for a single case, a pair has no ratio; the sums over the same
pairs are divided instead and the note says so. Its interval and tests are those of the
linear residuals `b - r a`, divided by the mean of `a`.

*Margin.* `p_up` belongs to the hypothesis that the effect is not above the upper margin,
`p_down` that it is not below the lower one, `p_within` that it lies outside both (TOST). So a
change has to be shown to be larger than the margin, or to be smaller than it; neither is
assumed.

*What is random.* For a quality or a count: other seeds, if the runs share `ENOUGH` of them,
else other cases. For a time, an energy or a peak of memory: the cases and, where they were
repeated `ENOUGH` times, also the repeats of the measurement, since drift moves all cases of a
repeat together; of the two the wider interval and the larger p-values are taken.

*Slack* is what all pairs share and no number of them averages out, on the log scale: how far the
machine drifted between two runs, or the uncertainty of two measured ceilings. It widens the
interval and the margin that a change has to pass, and narrows the one that sameness has to
keep.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from adabench.harness.compare.margins import Kind, Margin
from adabench.harness.compare.pairing import Paired
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.paired import Clusters, Effect, Over, Side, difference, p_beyond

Form = Literal["ratio", "ratio of sums", "difference"]

ENOUGH = 6
"""Independent units below which nothing is judged: of five, even unanimous ones have a
two-sided sign test of p = 0.0625."""
MEASURED: frozenset[Kind] = frozenset({"timing", "energy", "memory"})
SUMS = "zero for some case, so sums are divided"


@dataclass(frozen=True)
class Change:
    """One metric of one operating point, from the first run to the second."""

    form: Form
    a: float
    """Level in the first run: geometric mean for a ratio, mean otherwise."""
    b: float
    estimate: float
    low: float
    high: float
    n: int
    """Pairs."""
    clusters: int
    """Independent units among them."""
    p_up: float
    p_down: float
    p_within: float
    equal: bool = False
    """Equal on every pair: nothing to be tested."""
    note: str = ""


class View(NamedTuple):
    """Independent units: what they say in both runs, on a scale on which they subtract."""

    x: FloatArray
    y: FloatArray
    clusters: Clusters
    over: Over

    def effect(self, slope: float = 1.0) -> Effect:
        """Return the mean of `y - slope * x`."""
        return difference(slope * self.x, self.y, self.clusters, over=self.over)

    def beyond(self, end: float, side: Side, slope: float = 1.0) -> float:
        """Return the p-value of the hypothesis that this mean is not beyond `end`."""
        found = slope * self.x, self.y, self.clusters
        return p_beyond(*found, end, "difference", side, over=self.over)


def change(
    pairs: Paired,
    kind: Kind,
    margin: Margin,
    repeats: Paired | None = None,
    slack: float = 0.0,
) -> Change:
    """Return the change of one metric; `pairs` are cases, `repeats` the same before collapsing.

    `slack` is for ratios only.
    """
    form = _form(pairs, kind)
    if np.array_equal(pairs.a, pairs.b):
        level, none = _level(form, pairs.a), 0.0 if form == "difference" else 1.0
        n = len(pairs.a)
        return Change(form, level, level, none, none, none, n, n, 1.0, 1.0, 0.0, equal=True)
    found = [
        _summed(view, margin, slack)
        if form == "ratio of sums"
        else _subtracted(view, form, margin, slack)
        for view in _views(form, pairs, kind, repeats)
    ]
    careful = _careful(found)
    return replace(careful, n=len(pairs.a), a=_level(form, pairs.a), b=_level(form, pairs.b))


def _form(pairs: Paired, kind: Kind) -> Form:
    if kind == "quality":
        return "difference"
    return "ratio" if min(pairs.a.min(), pairs.b.min()) > 0 else "ratio of sums"


def _views(form: Form, pairs: Paired, kind: Kind, repeats: Paired | None) -> list[View]:
    """Return the ways of telling independent units apart that this metric has to pass."""
    if kind not in MEASURED:
        return [_by_seed(form, pairs)]
    views = [_view(form, pairs, None)]
    if repeats is not None and len(np.unique(repeats.block)) >= ENOUGH:
        views.append(_view(form, repeats, repeats.block))
    return views


def _by_seed(form: Form, pairs: Paired) -> View:
    """Return seeds as units if there are enough of them, else cases."""
    if len(np.unique(pairs.seed)) < ENOUGH:
        return _view(form, pairs, None)
    if form == "difference":  # which looks at single values: yes-or-no has its own statistics
        return View(pairs.a, pairs.b, Clusters(pairs.seed, pairs.case, pairs.block), "seed")
    return _view(form, pairs, pairs.seed)


def _view(form: Form, pairs: Paired, group: IntArray | None) -> View:
    """Average pairs to groups; without groups each pair, being a case, is a unit."""
    x, y = (np.log(pairs.a), np.log(pairs.b)) if form == "ratio" else (pairs.a, pairs.b)
    if group is not None:
        place = np.unique(group, return_inverse=True)[1]
        size = np.bincount(place)
        x, y = np.bincount(place, x) / size, np.bincount(place, y) / size
    own = np.arange(len(x))
    return View(x, y, Clusters(own, own, own), "block")


def _careful(found: Sequence[Change]) -> Change:
    """Of the views that have enough units return the first, with the widest interval and the
    largest p-values of all of them.
    """
    able = [view for view in found if view.clusters >= ENOUGH] or found[:1]
    return replace(
        able[0],
        low=min(view.low for view in able),
        high=max(view.high for view in able),
        clusters=min(view.clusters for view in able),
        p_up=max(view.p_up for view in able),
        p_down=max(view.p_down for view in able),
        p_within=max(view.p_within for view in able),
    )


def _subtracted(view: View, form: Form, margin: Margin, slack: float) -> Change:
    """Return the change of what subtracts: qualities, and logarithms of costs.

    Beside a hypothesis, not beyond it, a p-value is above a half and decides nothing: it is
    not computed.
    """
    logged = form == "ratio"
    top = math.log(margin.ratios[1]) if logged else margin.value
    found = view.effect()
    center, ends = found.estimate, (found.low - slack, found.high + slack)
    within = 1.0
    if abs(center) < top - slack:
        within = max(view.beyond(slack - top, "above"), view.beyond(top - slack, "below"))
    shown = math.exp if logged else float
    return Change(
        form, math.nan, math.nan,
        shown(center), shown(ends[0]), shown(ends[1]),
        found.n, found.clusters,
        view.beyond(top + slack, "above") if center > top + slack else 1.0,
        view.beyond(-top - slack, "below") if center < -top - slack else 1.0,
        within,
        note=found.note,
    )  # fmt: skip


def _summed(view: View, margin: Margin, slack: float) -> Change:
    """Return the change of a cost that is zero for some case: the ratio of sums."""
    (low, high), mean, more = margin.ratios, float(view.x.mean()), math.exp(slack)
    whole = float(view.y.mean()) / mean if mean else math.inf
    rest = view.effect(whole if mean else 0.0)
    within = 1.0
    if low * more < whole < high / more:
        inner = view.beyond(0.0, "above", low * more), view.beyond(0.0, "below", high / more)
        within = max(inner)
    return Change(
        "ratio of sums", math.nan, math.nan,
        whole,
        max(0.0, whole + rest.low / mean) / more if mean else math.nan,
        (whole + rest.high / mean) * more if mean else math.nan,
        rest.n, rest.clusters,
        view.beyond(0.0, "above", high * more) if whole > high * more else 1.0,
        view.beyond(0.0, "below", low / more) if whole < low / more else 1.0,
        within,
        note="; ".join(filter(None, [rest.note, SUMS])),
    )  # fmt: skip


def _level(form: Form, values: FloatArray) -> float:
    return float(np.exp(np.log(values).mean()) if form == "ratio" else values.mean())
