"""One statement about a method: where it comes from, the effect that is claimed, the test.

A claim of the abstract or of a table carries the paper's effect as a number. What counts as
reproduced then follows from it: the bar lies at half of the effect (on the log scale for ratios),
`share` may ask for more and never for less. `harness/analysis/claims` rules on claims.
"""

import math
from collections.abc import Iterator
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
LEAST_SHARE = 0.5


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
    requires: tuple[str, ...] = ()
    """Ids of claims of the same card that the paper states together with this one."""
    apart_from: tuple[str, ...] | None = None
    """The rivals that must not meet it; by default all controls and statics at no more cost."""
    share: float = LEAST_SHARE
    """Of the effect, where the bar lies."""
    scale: Literal["embedded", "real", "gpu", "paper"] = "embedded"
    """The smallest scale at which the claim can be tested."""
    decided_on: str = ""
    """In the card of a method that a family shares: the task on which the claim is decided; empty
    means the first of the card's `tasks`."""

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


def no_effect(expect: Expectation) -> float:
    """Return the value of a form's quantity at which nothing has changed."""
    if isinstance(expect, Ratio | Reach):
        return 1.0
    return expect.above if isinstance(expect, Level) else 0.0


def is_sameness(claim: Claim) -> bool:
    """Say whether limits allow no effect: then it is claimed that little changes."""
    if claim.effect is not None or is_certainty(claim.expect):
        return False
    low, high = _limits(claim.expect)
    nothing = no_effect(claim.expect)
    if low is None and high is None:
        return False
    return (low is None or low < nothing) and (high is None or high > nothing)


def faults(claim: Claim) -> Iterator[str]:
    """Yield what is wrong with a claim by itself."""
    expect, effect = claim.expect, claim.effect
    low, high = _limits(expect)
    if claim.share < LEAST_SHARE:
        yield f"{claim.id} asks for less than half of the paper's effect"
    if isinstance(expect, OutOfReach):
        if not expect.reason:
            yield f"{claim.id} does not say why it is out of reach"
        return
    if is_certainty(expect):
        if effect is not None:
            yield f"{claim.id} is a statement about every case: it has no effect (effect=None)"
        return
    if effect is not None and (low is not None or high is not None):
        yield f"{claim.id} has both an effect and a limit; the bar follows from the effect"
    if effect is not None and isinstance(expect, Ratio | Reach) and effect <= 0:
        yield f"{claim.id} is a ratio, and its effect is {effect:g}"
    if effect is not None and effect == no_effect(expect):
        yield f"{claim.id} has an effect that is none"
    needs_limit = not isinstance(expect, Monotone) and _has_limits(expect)
    if effect is None and needs_limit and low is None and high is None:
        yield f"{claim.id} has neither an effect nor a limit"
    if isinstance(expect, Monotone) and expect.tolerance <= 0:
        yield f"{claim.id} allows no step back at all, which noise alone decides (tolerance=)"


def _has_limits(expect: Expectation) -> bool:
    forms = Ratio | Difference | Contrast | Reach | Correlation | Frontier | Level
    return isinstance(expect, forms)


def _limits(expect: Expectation) -> tuple[float | None, float | None]:
    return getattr(expect, "low", None), getattr(expect, "high", None)
