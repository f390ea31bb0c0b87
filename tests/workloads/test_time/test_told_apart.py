"""No published claim of the family reads `reproduced` where a control of its method does what the method does.

For each claim a run is made up in which the method meets it by far, and nobody else does: it has to read
`reproduced`, or the second half says nothing. Then each control of the method in turn does the same as
the method: it may not read `reproduced` any more, unless the claim says why nobody has to be told apart.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Point
from adabench.harness.contract.claim import Claim, bar
from adabench.harness.contract.claim_rivals import is_made_for
from adabench.harness.contract.expectations import (
    Contrast,
    Correlation,
    Difference,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Ratio,
    Reach,
    rival_names,
)
from adabench.harness.contract.record import Cell, Record

TASKS = ("chain", "routing", "saturation", "text")
BASE, FAR, NEAR = 0.4, 0.5, 0.05
SEEDS, CASES = 5, 24
Values = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A claim of a method, and the cards of its task."""

    task: str
    method: str
    claim: Claim
    cards: Mapping[str, Card]

    @property
    def home(self) -> Card:
        return registry.find(self.task).card

    @property
    def required(self) -> list[Claim]:
        return [one for one in self.cards[self.method].claims if one.id in self.claim.requires]

    @property
    def controls(self) -> list[str]:
        return [
            name
            for name, card in self.cards.items()
            if card.controls(self.method) and is_made_for(card, self.claim, self.home)
        ]


def trials() -> Iterator[Trial]:
    for task in TASKS:
        cards = {one.name: one.card for one in registry.methods(task).values()}
        for name, card in cards.items():
            for claim in card.claims:
                testable = not isinstance(claim.expect, OutOfReach) and claim.scale == "embedded"
                if claim.published and testable and card.role == "adaptive":
                    yield Trial(task, name, claim, cards)


FOUND = list(trials())
NAMES = [f"{one.task}/{one.method}-{one.claim.id}" for one in FOUND]


def met(claim: Claim, group: str, place: int, case: int) -> Values:
    """What a method records that meets a claim by far; `place` counts the settings of a curve."""
    expect, at = claim.expect, bar(claim)
    low, high = getattr(expect, "low", None), getattr(expect, "high", None)
    way = -1.0 if (at or 0.0) < 0 or (low is None and high is not None) else 1.0
    limit = at if at is not None else low if low is not None else high or 0.0
    match expect:
        case Level(metric=metric):
            return {metric: limit + NEAR}
        case Difference(metric=metric):
            return {metric: BASE + max(0.0, way * limit) * way + way * FAR}
        case Contrast(metric=metric):
            return {metric: BASE + (way * FAR if group in expect.groups else 0.0)}
        case Ratio(metric=metric):
            fewer = (at if at is not None else high or 1.0) < 1 or (high is not None and high > 1)
            return {metric: BASE * (0.3 if fewer else 2.0)}
        case Frontier(quality=quality):
            return {quality: BASE + FAR}
        case Reach(cost=cost):
            return {cost: BASE * 0.1}
        case Monotone(metric=metric, rising=rising):
            return {metric: BASE + (place if rising else -place) * abs(claim.effect or FAR)}
        case Correlation(metric=metric, with_=other):
            return dict.fromkeys((metric, other), float(case))
    raise AssertionError(f"no world for {expect}")


def settings(claim: Claim, card: Card, home: Card, *, there: bool) -> list[tuple[Point, Point]]:
    """The points and conditions at which one side of a claim stands."""
    expect = claim.expect
    where = {**getattr(expect, "where", {}), **(getattr(expect, "there", {}) if there else {})}
    over = getattr(expect, "over", "")
    knob = card.knob(over) or home.knob(over)
    if knob is not None:
        where[over] = knob.values
    names = list(where)
    ranges = [one if isinstance(one, tuple) else (one,) for one in where.values()]
    found = []
    for values in itertools.product(*ranges):
        asked = dict(zip(names, values, strict=True))
        point = card.defaults | {name: v for name, v in asked.items() if card.knob(name)}
        found.append((point, home.defaults | {n: v for n, v in asked.items() if home.knob(n)}))
    return found


def records(trial: Trial, name: str, *, meets: bool, there: bool = False) -> Iterator[Record]:
    """What one method leaves: what meets the claim, or what meets none."""
    claims = (trial.claim, *trial.required)
    groups = [
        *getattr(trial.claim.expect, "groups", ()),
        *getattr(trial.claim.expect, "other_groups", ()),
    ] or [""]
    base = {metric.name: BASE for metric in trial.home.metrics} | {"latency_s": BASE}
    base |= {getattr(one.expect, "less", "") or "": 0.0 for one in claims}
    places = settings(trial.claim, trial.cards[name], trial.home, there=there)
    for place, (point, conditions) in enumerate(places):
        for seed, case in itertools.product(range(SEEDS), range(CASES)):
            group = groups[case % len(groups)]
            cell = Cell(trial.task, name, point, conditions, "embedded", seed)
            own = [met(one, group, place, case) for one in claims] if meets else []
            values = dict(base)
            for one in own:
                values |= one
            yield Record(cell, "solve", case, 0, "ok", values, "", group)


def judged(trial: Trial, copies: tuple[str, ...] = ()) -> ClaimRow:
    """The row on a claim where its method meets it, and so does whoever copies it."""
    rivals = [name for name in rival_names(trial.claim.expect) if name != trial.method]
    also = [name for one in trial.required for name in rival_names(one.expect)]
    named = [*rivals, *also, *trial.controls, *(trial.claim.apart_from or ())]
    made = [*records(trial, trial.method, meets=True)]
    for name in dict.fromkeys(named):
        if name != trial.method:
            made += records(trial, name, meets=name in copies)
            made += records(trial, name, meets=name in copies, there=True)
    if trial.method in rival_names(trial.claim.expect):  # it is held against itself elsewhere
        made += records(trial, trial.method, meets=False, there=True)
    unique = {(r.cell.key, r.case): r for r in reversed(made)}
    known = {f"{trial.task}/{n}": replace(card, claims=()) for n, card in trial.cards.items()}
    own = replace(trial.cards[trial.method], claims=(trial.claim, *trial.required))
    known[f"{trial.task}/{trial.method}"] = own
    rows = verdicts(list(unique.values()), {trial.task: trial.home}, known)
    return next(row for row in rows if row.id == trial.claim.id and row.method == trial.method)


@pytest.mark.parametrize("trial", FOUND, ids=NAMES)
def test_a_claim_that_a_control_meets_as_well_is_not_reproduced(trial: Trial) -> None:
    alone = judged(trial)
    assert alone.verdict == "reproduced", alone.reason
    if trial.claim.apart_from == ():
        assert trial.claim.no_rival
        return
    assert trial.controls
    told = set(trial.claim.apart_from or trial.controls) & set(trial.controls)
    assert told, "no control of the method could meet it"
    for name in sorted(told):
        assert judged(trial, (name,)).verdict != "reproduced", name


def test_all_four_tasks_have_claims_that_are_told_apart() -> None:
    assert {one.task for one in FOUND if one.claim.apart_from != ()} >= {
        "chain", "routing", "saturation",
    }  # fmt: skip
