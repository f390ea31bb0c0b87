"""No published claim of the family reads `reproduced` where a control of its method does what the method does.

For each claim a run is made up in which the method meets it by far, and nobody else does: it has to read
`reproduced`, or the second half says nothing. What all are given is of one training; what a method fits is
fitted anew for each seed. Then each control of the method in turn does the same as
the method: it may not read `reproduced` any more, unless the claim says why nobody has to be told apart.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.operating_points import IDENTITY
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
BASE, FAR, GAIN, NEAR, STEP = 0.4, 0.3, 0.1, 0.05, 0.06
SEEDS, CASES, MANY = 5, 24, 120
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
        """As if its gates held: a made-up world has room."""
        return replace(registry.find(self.task).card, shown=())

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


def is_range(expect: object) -> bool:
    """Whether little is to change, to either side."""
    low, high = getattr(expect, "low", None), getattr(expect, "high", None)
    return isinstance(expect, Difference) and low is not None and high is not None


def met(claim: Claim, group: str, place: int, case: int) -> Values:
    """What a method records that meets a claim by far; `place` counts the settings of a curve."""
    expect, at = claim.expect, bar(claim)
    low, high = getattr(expect, "low", None), getattr(expect, "high", None)
    falls = (at or 0.0) < 0 or (low is None and high is not None)
    way = -1.0 if falls else 1.0
    if is_range(expect):
        return {expect.metric: BASE}
    match expect:
        case Level(metric=metric):
            return {metric: (at if at is not None else low or 0.0) + NEAR}
        case Difference(metric=metric):
            return {metric: BASE + way * FAR}
        case Contrast(metric=metric):
            return {metric: BASE + (way * FAR if group in expect.groups else 0.0)}
        case Ratio(metric=metric, keeping=keeping):
            fewer = high is not None or (at is not None and at < 1)
            return dict.fromkeys(keeping, BASE + GAIN) | {metric: BASE * (0.3 if fewer else 1.9)}
        case Frontier(quality=quality):
            return {quality: BASE + FAR}
        case Reach(cost=cost, quality=quality):
            return {cost: BASE * 0.1, quality: BASE + GAIN}
        case Monotone(metric=metric, rising=rising):
            return {metric: BASE + STEP * (place if rising else -place)}
        case Correlation(metric=metric, with_=other):
            return {metric: float(case), other: float(case)}
    raise AssertionError(f"no world for {expect}")


def missed(claim: Claim, group: str, place: int, case: int) -> Values:
    """What somebody records who is as far from meeting it."""
    expect = claim.expect
    values = met(claim, group, place, case)
    if is_range(expect):
        return {name: value + FAR for name, value in values.items()}
    if isinstance(expect, Level):
        return {name: value - 2 * NEAR for name, value in values.items()}
    if isinstance(expect, Correlation):
        return values | {expect.with_: -float(case)}
    return {name: 2 * BASE - value for name, value in values.items()}


Numbers = Callable[[Claim, str, int, int], Values]


def nothing(claim: Claim, group: str, place: int, case: int) -> Values:
    """What is neither: whoever a claim compares with."""
    return {}


def settings(trial: Trial, claim: Claim, card: Card, *, there: bool) -> list[tuple[Point, Point]]:
    """The points and conditions at which one side of a claim stands."""
    expect, home = claim.expect, trial.home
    where = {**getattr(expect, "where", {}), **(getattr(expect, "there", {}) if there else {})}
    over = getattr(expect, "over", "")
    knob = trial.cards[trial.method].knob(over) or home.knob(over)
    if knob is not None:
        where[over] = knob.values
    ranges = [one if isinstance(one, tuple) else (one,) for one in where.values()]
    found = []
    for values in itertools.product(*ranges):
        asked = dict(zip(where, values, strict=True))
        point = card.defaults | {name: v for name, v in asked.items() if card.knob(name)}
        found.append((point, home.defaults | {n: v for n, v in asked.items() if home.knob(n)}))
    return found


def records(
    trial: Trial, name: str, numbers: Numbers, claim: Claim, *, there: bool = False
) -> Iterator[Record]:
    """What one method leaves on one side of a claim."""
    claims = (*trial.required, trial.claim)
    groups = [
        *getattr(trial.claim.expect, "groups", ()),
        *getattr(trial.claim.expect, "other_groups", ()),
    ] or [""]
    base = {metric.name: BASE for metric in trial.home.metrics} | {"latency_s": BASE}
    base.pop(IDENTITY, None)  # no case is asked twice
    given = {f"{name.rstrip('*')}0": "0" for name in trial.home.given[:1]}
    base |= {one.expect.less: 0.0 for one in claims if getattr(one.expect, "less", "")}
    places = settings(trial, claim, trial.cards[name], there=there)
    for place, (point, conditions) in enumerate(places):
        ranked = isinstance(trial.claim.expect, Correlation)
        for seed, case in itertools.product(range(SEEDS), range(MANY if ranked else CASES)):
            group = groups[case % len(groups)]
            cell = Cell(trial.task, name, point, conditions, "embedded", seed)
            values = dict(base)
            for one in claims:
                values |= numbers(one, group, place, case)
            yield Record(cell, "solve", case, 0, "ok", values, "", group, trained=given)


def verdict_row(trial: Trial, copies: tuple[str, ...] = ()) -> ClaimRow:
    """The row on a claim where its method meets it, and so does whoever copies it."""
    apart = dict.fromkeys((*trial.controls, *(trial.claim.apart_from or ())))
    made = [*records(trial, trial.method, met, trial.claim)]
    for name in apart:
        if name not in rival_names(trial.claim.expect) or name in copies:
            made += records(trial, name, met if name in copies else missed, trial.claim)
    for claim in (trial.claim, *trial.required):
        for name in rival_names(claim.expect):
            made += records(trial, name, met if name in copies else nothing, claim, there=True)
        if trial.method in rival_names(
            claim.expect
        ):  # two settings of the method, and so of who copies it
            for name in copies:
                made += records(trial, name, nothing, claim, there=True)
    unique = {(r.cell.key, r.case): r for r in reversed(made)}
    known = {f"{trial.task}/{n}": replace(card, claims=()) for n, card in trial.cards.items()}
    own = replace(trial.cards[trial.method], claims=(trial.claim, *trial.required))
    known[f"{trial.task}/{trial.method}"] = own
    rows = verdicts(list(unique.values()), {trial.task: trial.home}, known)
    return next(row for row in rows if row.id == trial.claim.id and row.method == trial.method)


def is_about_its_own_dial(trial: Trial, name: str) -> bool:
    """A curve over a knob says nothing of who has no such knob."""
    over = getattr(trial.claim.expect, "over", "")
    return bool(trial.cards[trial.method].knob(over)) and not trial.cards[name].knob(over)


@pytest.mark.parametrize("trial", FOUND, ids=NAMES)
def test_a_claim_that_a_control_meets_as_well_is_not_reproduced(trial: Trial) -> None:
    alone = verdict_row(trial)
    assert alone.verdict == "reproduced", alone.reason
    if trial.claim.apart_from == ():
        assert trial.claim.no_rival
        return
    assert trial.controls
    told = set(trial.claim.apart_from or trial.controls) & set(trial.controls)
    assert told, "no control of the method could meet it"
    for name in sorted(told):
        if is_about_its_own_dial(trial, name):
            continue
        assert verdict_row(trial, (name,)).verdict != "reproduced", name


def test_all_four_tasks_have_claims_that_are_told_apart() -> None:
    assert {one.task for one in FOUND if one.claim.apart_from != ()} >= {
        "chain", "routing", "saturation",
    }  # fmt: skip
