"""The gates of a task, computed from a table of development cases: every static setting on every case.

*Luck taken out.* What a task calls `luck` is an answer that is right by a wrong way, and counts as none here.
*Choosing by difficulty* sees the group of a case and nothing else. Cases are dealt into halves many times: on the one half
the best setting of each group within a budget, and the best fixed one (between two of them their mixture), are found, and the budget at which the choice gains
most; on the other half they are compared. So nothing gains by having been looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Gap, Gates, Point
from adabench.harness.contract.task_gates import ABSENT, GateName, GateRow, GateWord
from adabench.harness.stats.intervals import FloatArray, IntArray, pareto_front, upper_hull

LUCK = "luck"
"""What a task's `kind` calls an answer that is right by a wrong way; one that is right otherwise is called nothing."""
SHARE = 0.8
"""Of the failures, those of a kind that the family repairs."""
GAIN = 0.03
"""Of choosing by difficulty over the best fixed setting."""
LOWEST, HIGHEST = 0.15, 0.85
DEALS, SEED = 20, 41
LEAST = 30
"""Cases below which no interval is given."""
ERRORS = 1.96
"""Standard errors of a 95 % interval."""
TIE = 0.02
"""Works that differ by no more than this share are equal: an answer of one word more is no other strategy."""
ROUNDING = 1e-12
BETWEEN = (0.25, 0.5, 0.75)
"""Of the way from the work of one fixed setting to that of the next: further budgets."""
PRICES = (0.0, *np.geomspace(1e-3, 1e3, 61))
"""Of work in units of quality, relative to the spans of both: what a choice within a budget is found by."""


@dataclass(frozen=True, eq=False)
class Arm:
    """A static setting, or the oracle at the point at which it counts."""

    method: str
    point: Point

    @property
    def name(self) -> str:
        """Return it in words."""
        knobs = ", ".join(f"{name}={value}" for name, value in self.point.items())
        return f"{self.method}({knobs})" if knobs else self.method


@dataclass(frozen=True, eq=False)
class GateTable:
    """Static settings and oracles on the same cases."""

    arms: Sequence[Arm]
    quality: FloatArray
    """[cases, arms], up is good."""
    luck: FloatArray
    """[cases, arms]: the part of the quality that is owed to luck."""
    work: FloatArray
    """[cases, arms]."""
    group: IntArray
    """[cases]: how hard each is, as a number from 0 on."""
    n: int
    """Cases; more than rows where a row is a part of a set of them."""

    @property
    def earned(self) -> FloatArray:
        """The quality that is not owed to luck."""
        return self.quality - self.luck

    def only(self, rows: IntArray) -> "GateTable":
        """Return some of the cases."""
        parts = (self.quality[rows], self.luck[rows], self.work[rows], self.group[rows])
        return GateTable(self.arms, *parts, self.n)

    def without(self, methods: Sequence[str]) -> "GateTable":
        """Return the table without some methods."""
        at = [i for i, arm in enumerate(self.arms) if arm.method not in methods]
        parts = (self.quality[:, at], self.luck[:, at], self.work[:, at], self.group)
        return GateTable([self.arms[i] for i in at], *parts, self.n)


def room(gap: Gap, table: GateTable, oracle: int, others: Sequence[str], at: Point) -> GateRow:
    """Return whether an oracle, the arm of this number, leads the best static setting at no more work; `others` are all oracles."""
    earned, work = table.earned, table.work.mean(axis=0)
    statics = [i for i, arm in enumerate(table.arms) if arm.method not in others]
    cheaper = [i for i in statics if work[i] <= work[oracle]] or [
        min(statics, key=work.__getitem__)
    ]
    best = max(cheaper, key=earned.mean(axis=0).__getitem__)
    lead = earned[:, oracle] - earned[:, best]
    figure, (low, high) = float(lead.mean()), _interval(lead)
    luck = float(table.luck[:, oracle].mean())
    says = (
        f"{table.arms[oracle].name} reaches {earned[:, oracle].mean():.3f} for {work[oracle]:.4g}"
        f"{f', {luck:.3f} of luck taken out' if luck else ''}; the best static at no more work, "
        f"{table.arms[best].name}, {earned[:, best].mean():.3f} for {work[best]:.4g}"
    )
    word, name = _word(figure >= gap.room), Arm(gap.oracle, gap.oracle_at).name
    return GateRow("room", word, says, figure, gap.room, low, high, table.n, name, gap.methods, at)


def failures(gates: Gates, kinds: Mapping[str, int], n: int, at: Point) -> GateRow:
    """Return whether the default's failures, counted by kind, are those that the family repairs."""
    wrong = {kind: count for kind, count in kinds.items() if kind not in ("", LUCK)}
    total = sum(wrong.values())
    ours = sum(wrong.get(kind, 0) for kind in gates.repairs)
    figure = ours / total if total else 0.0
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(wrong.items())) or "none"
    says = f"of {total} failures of {gates.default}: {listed}; repaired are {' and '.join(gates.repairs)}"
    word = _word(figure >= SHARE)
    return GateRow("failures", word, says, figure, SHARE, n=n, at=at)


def saturation(gates: Gates, quality: FloatArray, n: int, at: Point) -> GateRow:
    """Return whether the default static is neither nearly always right nor nearly always wrong."""
    figure, (low, high) = float(quality.mean()), _interval(quality)
    word = _word(LOWEST <= figure <= HIGHEST)
    bar = LOWEST if figure < (LOWEST + HIGHEST) / 2 else HIGHEST
    says = f"{gates.default} at its default reaches {figure:.3f}, and the range is {LOWEST} to {HIGHEST}"
    return GateRow("saturation", word, says, figure, bar, low, high, n, at=at)


def strategies(gates: Gates, table: GateTable, at: Point) -> GateRow:
    """Return whether choosing by difficulty pays among the static settings, and each strategy is best somewhere."""
    gain = gain_by_difficulty(table)
    absent = never_on_front(table, gates.pool)
    where = f"; {ABSENT}{', '.join(absent)}" if absent else ""
    groups = len(np.unique(table.group))
    says = (
        f"choosing among {len(table.arms)} static settings by {groups} grades of difficulty gains {gain:+.3f} on the best "
        f"fixed one, or mixture, at the same budget (halves cross-fitted){where}"
    )
    word = _word(gain >= GAIN and not absent)
    return GateRow("strategies", word, says, gain, GAIN, n=table.n, at=at)


def _word(passes: bool) -> GateWord:
    return "passes" if passes else "fails"


def not_applying(gate: GateName, why: str, at: Point) -> GateRow:
    """Return the row of a gate that does not apply."""
    return GateRow(gate, "does not apply", why, at=at)


def never_on_front(table: GateTable, pool: Sequence[str]) -> list[str]:
    """Return the strategies that no difficulty has on its front of work and quality.

    Strategies are the methods of the pool; of a pool of one method its settings; of none all methods. Twins within
    their error are on a front together (`beaten`).
    """
    wanted = [arm for arm in table.arms if not pool or arm.method in pool]
    named = {arm: arm.name if len(pool) == 1 else arm.method for arm in wanted}
    seen: set[str] = set()
    for group in np.unique(table.group):
        rows = table.only(np.flatnonzero(table.group == group))
        on_front = [arm for arm, off in zip(table.arms, beaten(rows), strict=True) if not off]
        seen |= {named[arm] for arm in on_front if arm in named}
    return [name for name in dict.fromkeys(named.values()) if name not in seen]


def beaten(table: GateTable) -> NDArray[np.bool_]:
    """Return which arms [arms] another one beats on these cases.

    It is better by more than the error of the paired difference and costs no more, works within TIE taken for
    equal; or it is at least as good and costs less by more than that.
    """
    lead = table.quality[:, :, None] - table.quality[:, None, :]
    mean, error = lead.mean(axis=0), ERRORS * lead.std(axis=0) / max(len(lead) - 1, 1) ** 0.5
    work = table.work.mean(axis=0)
    as_cheap = work[:, None] <= work * (1 + TIE)
    cheaper = work[:, None] < work * (1 - TIE)
    better, as_good = mean > np.maximum(error, ROUNDING), mean >= -ROUNDING
    return np.asarray(((better & as_cheap) | (as_good & cheaper)).any(axis=0))


def gain_by_difficulty(table: GateTable) -> float:
    """Return what the best setting of each group gains on the best fixed one at the same budget, on cases held out."""
    generator = np.random.default_rng(SEED)
    gains = []
    for _ in range(DEALS):
        order = generator.permutation(len(table.group))
        halves = np.sort(order[::2]), np.sort(order[1::2])
        for first, second in (halves, halves[::-1]):
            gains.append(_held_gain(table.only(first), table.only(second)))
    return float(np.mean(gains))


def _held_gain(seen: GateTable, held: GateTable) -> float:
    """Return what a choice that was made on the cases of one half gains on those of another.

    At the work of a fixed setting its rival is the best fixed one; between two of them, so that no step of the
    settings helps, the best mixture.
    """
    quality, work = seen.quality.mean(axis=0), seen.work.mean(axis=0)
    works = sorted({float(work[i]) for i in pareto_front(list(work), list(quality))})
    choose = partial(choice_within, *_by_group(seen))
    rivals = [(at, _one(len(work), _best_fixed(quality, work, at))) for at in works]
    between = [low + part * (high - low) for low, high in pairwise(works) for part in BETWEEN]
    rivals += [(at, mixture_at(quality, work, at)) for at in between]
    found = [(choose(at), rival) for at, rival in rivals]
    expected = [_reached(seen, chosen) - quality @ rival for chosen, rival in found]
    chosen, rival = found[int(np.argmax(expected))]
    return _reached(held, chosen) - float(held.quality.mean(axis=0) @ rival)


def _one(count: int, place: int) -> FloatArray:
    return np.asarray(np.arange(count) == place, np.float64)


def mixture_at(quality: FloatArray, work: FloatArray, budget: float) -> FloatArray:
    """Return the shares [arms] of the best mixture at a budget, which lies between the works of two arms."""
    hull = upper_hull(list(work), list(quality))
    above = next((k for k, i in enumerate(hull) if work[i] > budget), None)
    if above is None or above == 0:
        return _one(len(work), hull[-1 if above is None else 0])
    low, high = hull[above - 1], hull[above]
    share = (budget - work[low]) / (work[high] - work[low])
    below, beyond = _one(len(work), low), _one(len(work), high)
    return np.asarray(below + share * (beyond - below), np.float64)


def _by_group(table: GateTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean quality and work of each group, [groups, arms], and the share of each group."""
    groups = np.unique(table.group)
    rows = [table.group == group for group in groups]
    shares = np.array([row.mean() for row in rows])
    quality = np.stack([table.quality[row].mean(axis=0) for row in rows])
    return quality, np.stack([table.work[row].mean(axis=0) for row in rows]), shares


def choice_within(
    quality: FloatArray, work: FloatArray, shares: FloatArray, budget: float
) -> IntArray:
    """Return the arm of each group [groups] of the best choice whose mean work is within a budget.

    Choices are found by prices of work, so those between two of them are left out. The best fixed arm is one.
    """
    overall, cost = shares @ quality, shares @ work
    best = np.full(len(shares), _best_fixed(overall, cost, budget))
    reached = overall[best[0]]
    scale = np.ptp(quality) / max(np.ptp(work), np.finfo(float).tiny)
    places = np.arange(len(shares))
    for price in PRICES:
        chosen = np.argmax(quality - price * scale * work, axis=1)
        if shares @ work[places, chosen] > budget:
            continue
        worth = shares @ quality[places, chosen]
        if worth > reached:
            best, reached = chosen, worth
    return best


def _best_fixed(quality: FloatArray, work: FloatArray, budget: float) -> int:
    """Return the best arm within a budget, the cheapest where none is."""
    if not (work <= budget).any():
        return int(work.argmin())
    return int(np.where(work <= budget, quality, -np.inf).argmax())


def _reached(table: GateTable, chosen: IntArray) -> float:
    """Return the quality that the choice of an arm for each group reaches."""
    place = np.searchsorted(np.unique(table.group), table.group)
    return float(table.quality[np.arange(len(place)), chosen[place]].mean())


def _interval(values: FloatArray) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean of many cases."""
    if len(values) < LEAST:
        return None, None
    half = ERRORS * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half
