"""One statement about a method: where it comes from, the effect that is claimed, the test.

A claim of the abstract or of a table carries the paper's effect as a number. What counts as
reproduced then follows from it: the bar lies at half of the effect (on the log scale for ratios),
`share` may ask for more and never for less. `harness/analysis/claims` rules on claims.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adabench.harness.contract.expectations import (
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Ratio,
    Reach,
    is_certainty,
)

Source = Literal["headline", "measured", "theorem", "own", "check"]
"""A sentence of the abstract; a figure of the paper's tables; a theorem; a criterion of ours; an
identity, a control or a self-test."""
PUBLISHED: tuple[Source, ...] = ("headline", "measured")
"""Where what a control meets too is no result."""
Over = Literal["cases", "trainings", "seeds"]
"""What a statement generalises over, and with it the unit that its interval rests on: further cases of
given weights, further trainings, or further seeds of a task whose seeds change what their cases share."""
Scale = Literal["embedded", "real", "gpu", "paper"]
LEAST_SHARE = 0.5
WORTH = 0.02
"""Of a share, and of a cost: a smaller change is nobody's reason to adopt a method."""


@dataclass(frozen=True)
class Claim:
    """One statement about a method and the testable form it takes here."""

    id: str
    """Unique in the whole catalogue."""
    says: str
    """The sentence, in our words."""
    source: Source
    paper: str
    """What the paper says of it, with its number; of our own criteria why they are there."""
    effect: float | None
    """The paper's effect in the metric's own terms; None where it gives no number, and for
    sameness, identities and theorems."""
    expect: Expectation
    worth: float | None = None
    """Where the paper gives no number and any change is claimed: the least that anyone would want, in the
    metric's unit, of a ratio as a part of 1; by default `WORTH` of a share and of a ratio."""
    over: Over | None = None
    """What it generalises over; by default what task and methods imply (`independent_units.py`)."""
    requires: tuple[str, ...] = ()
    """Ids of claims of the same card that the paper states together with this one."""
    apart_from: tuple[str, ...] | None = None
    """The rivals that must not meet it; by default all controls and statics at no more cost."""
    no_rival: str = ""
    """Why nobody has to be told apart from it, where `apart_from` is empty: printed beside it."""
    share: float = LEAST_SHARE
    """Of the effect, where the bar lies."""
    scale: Scale = "embedded"
    """The smallest scale at which the claim can be tested."""

    @property
    def published(self) -> bool:
        """Whether the paper states it as a result."""
        return self.source in PUBLISHED


def bar(claim: Claim) -> float | None:
    """Return where the bar of a promised change lies, in the terms of its form.

    None where sameness, an identity or a theorem is claimed.
    """
    expect, effect = claim.expect, claim.effect
    if isinstance(expect, OutOfReach) or is_certainty(expect) or is_sameness(claim):
        return None
    if effect is None:
        low, high = _limits(expect)
        return high if high is not None else low
    if isinstance(expect, Ratio | Reach):
        return math.exp(claim.share * math.log(effect))
    if isinstance(expect, Level):
        return expect.above + claim.share * (effect - expect.above)
    return claim.share * effect


def is_any_change(claim: Claim) -> bool:
    """Say whether any change to one side is claimed, however small: its bar lies at no effect."""
    at = bar(claim)
    return claim.effect is None and at is not None and at == no_effect(claim.expect)


def no_effect(expect: Expectation) -> float:
    """Return the value of a form's quantity at which nothing has changed."""
    if isinstance(expect, Ratio | Reach):
        return 1.0
    return expect.above if isinstance(expect, Level) else 0.0


def is_sameness(claim: Claim) -> bool:
    """Say whether a claim is kept within limits: two of them, or one beyond no effect.

    Then it is claimed that little changes, or that a value lies in a range.
    """
    if claim.effect is not None or is_certainty(claim.expect):
        return False
    low, high = _limits(claim.expect)
    nothing = no_effect(claim.expect)
    if low is not None and high is not None:
        return True
    return (low is not None and low < nothing) or (high is not None and high > nothing)


def faults(claim: Claim) -> Iterator[str]:
    """Yield what is wrong with a claim by itself."""
    expect, effect = claim.expect, claim.effect
    low, high = _limits(expect)
    if claim.share < LEAST_SHARE:
        yield f"{claim.id} asks for less than half of the paper's effect"
    if claim.worth is not None and (claim.worth <= 0 or not is_any_change(claim)):
        yield f"{claim.id} says what is worth having (worth=): that is for claims of any change, and above 0"
    if claim.id in claim.requires:
        yield f"{claim.id} requires itself"
    if claim.no_rival and claim.apart_from != ():
        yield f"{claim.id} says why it has no rival (no_rival=), and does not leave them out (apart_from=())"
    if isinstance(expect, OutOfReach):
        if not expect.reason:
            yield f"{claim.id} does not say why it is out of reach"
        return
    if is_certainty(expect):
        if effect is not None:
            yield f"{claim.id} is a statement about every case: it has no effect (effect=None)"
        return
    if effect is not None:
        yield from _faults_of_effect(claim, effect)
    elif low is None and high is None and _has_limits(expect):
        yield f"{claim.id} has neither an effect nor a limit"
    if low is not None and high is not None and low > high:
        yield f"{claim.id} has a low limit above the high one"
    if getattr(expect, "same", 0.0) and is_sameness(claim):
        yield f"{claim.id} claims sameness: its limits say what counts as equal, not same="
    if isinstance(expect, Monotone) and expect.tolerance <= 0:
        yield f"{claim.id} allows no step back at all, which noise alone decides (tolerance=)"


def _faults_of_effect(claim: Claim, effect: float) -> Iterator[str]:
    expect = claim.expect
    low, high = _limits(expect)
    if low is not None or high is not None:
        yield f"{claim.id} has both an effect and a limit; the bar follows from the effect"
    if isinstance(expect, Ratio | Reach) and effect <= 0:
        yield f"{claim.id} is a ratio, and its effect is {effect:g}"
    elif effect == no_effect(expect):
        yield f"{claim.id} has an effect that is none"
    elif isinstance(expect, Monotone) and (effect > 0) != expect.rising:
        way = "rises" if expect.rising else "falls"
        yield f"{claim.id} {way}, and its effect is {effect:g}"


def faults_together(claims: Sequence[Claim]) -> Iterator[str]:
    """Yield what is wrong with the claims of one card beside each other."""
    by_id = {claim.id: claim for claim in claims}
    if len(by_id) < len(claims):
        yield "two claims share an id"
    for claim in claims:
        yield from faults(claim)
        for name in claim.requires:
            other = by_id.get(name)
            if other is None:
                yield f"{claim.id} requires {name}, which is no claim of this card"
            else:
                yield from _faults_of_pair(claim, other)


def _faults_of_pair(claim: Claim, other: Claim) -> Iterator[str]:
    """Yield why two claims are not about one operating point."""
    if isinstance(claim.expect, OutOfReach) or isinstance(other.expect, OutOfReach):
        yield f"{claim.id} requires {other.id}, and one of them cannot be tested"
        return
    where, elsewhere = dict(claim.expect.where), dict(other.expect.where)
    if where != elsewhere:
        yield (
            f"{claim.id} stands at {where or 'the defaults'} and requires {other.id}, which stands at "
            f"{elsewhere or 'the defaults'}: what is stated together holds at one operating point"
        )
    if claim.scale != other.scale:
        yield f"{claim.id} requires {other.id}, which is decided at another scale"


def shared_ids(cards: Mapping[str, Sequence[Claim]]) -> dict[str, list[str]]:
    """Return the ids that claims of several cards have, with the names of these cards."""
    owners: dict[str, list[str]] = {}
    for name, claims in cards.items():
        for claim_id in dict.fromkeys(claim.id for claim in claims):
            owners.setdefault(claim_id, []).append(name)
    return {claim_id: names for claim_id, names in owners.items() if len(names) > 1}


def _has_limits(expect: Expectation) -> bool:
    forms = Ratio | Difference | Contrast | Reach | Correlation | Frontier | Level
    return isinstance(expect, forms)


def _limits(expect: Expectation) -> tuple[float | None, float | None]:
    return getattr(expect, "low", None), getattr(expect, "high", None)
