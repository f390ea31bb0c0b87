"""The worlds of `verdict_errors.py`: every form of claim, each on the data that could break it."""

import math
from collections.abc import Iterator

from verdict_worlds import (
    Sides,
    World,
    answers,
    both,
    costs,
    curve,
    fronts,
    in_odd_cases,
    one_share,
    ranks,
    reaching,
    related,
    scores,
    world,
)

from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import (
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    Rank,
    Ratio,
    Reach,
    SignedRank,
)

HALF = math.log(0.5)
RISES_THEN_FLAT = (0.0, 0.5, 1.0, 1.0, 1.0)


def worlds() -> Iterator[World]:
    """Yield every form of claim with each sort of data."""
    yield from of_ratios()
    yield from of_differences()
    yield from of_sameness()
    yield from of_curves_and_fronts()
    yield from of_ranks_and_levels()


def of_ratios() -> Iterator[World]:
    """Yield ratios of costs, and of shares that hold zeros."""
    for kind in ("log-normal", "skewed"):
        ratio = Ratio("cost", "old")
        yield world("Ratio", f"costs, {kind}", ratio, 0.5, HALF, HALF / 2, costs(kind))
    any_fall = Ratio("cost", "old", high=1.0)
    yield world("Ratio", "any fall, skewed", any_fall, None, HALF, None, costs("skewed"))
    rare = Ratio("right", "old")
    yield world("Ratio", "sums, 0.1", rare, 3.0, 0.2, 0.1 * (math.sqrt(3) - 1), answers(0.1, 0.0))
    good = Ratio("right", "old")
    yield world("Ratio", "sums, 0.6", good, 1.44, 0.264, 0.12, answers(0.6))


def of_differences() -> Iterator[World]:
    """Yield differences of scores and shares, and differences of these."""
    for kind in ("normal", "skewed"):
        yield world("Difference", f"scores, {kind}", Difference("score", "old"), 0.6, 0.6, 0.3,
                    scores(kind))  # fmt: skip
    any_gain = Difference("score", "old", low=0.0)
    yield world("Difference", "any gain", any_gain, None, 0.6, None, scores("normal"))
    for rate, effect in ((0.5, 0.2), (0.03, 0.1), (0.85, 0.1)):
        yield world("Difference", f"shares, {rate:g}", Difference("right", "old"), effect, effect,
                    effect / 2, answers(rate))  # fmt: skip
    kept = Ratio("cost", "old", keeping={"right": 0.05})
    draw = both(costs("log-normal"), answers(0.9, 0.9), 2 * HALF)
    yield World("keeping", "shares, 0.9", _claim(kept, 0.5), 0.0, -0.05, draw, nothing=None)
    contrast = Contrast("score", "old", ("odd",), ("even",))
    yield world("Contrast", "scores", contrast, 0.8, 0.8, 0.4, in_odd_cases)


def of_sameness() -> Iterator[World]:
    """Yield claims that little changes; their bar is the limit."""
    near = Difference("right", "old", low=-0.05)
    yield world("sameness", "shares, 0.9", near, None, 0.0, -0.05, answers(0.9, 0.9), nothing=None)
    near = Difference("right", "old", low=-0.02)
    yield world(
        "sameness", "shares, 0.98", near, None, 0.0, -0.02, answers(0.98, 0.9), nothing=None
    )
    cost = Ratio("cost", "old", high=1.2)
    yield world(
        "sameness", "costs", cost, None, 0.0, math.log(1.2), costs("log-normal"), nothing=None
    )


def of_curves_and_fronts() -> Iterator[World]:
    """Yield curves over a knob, and fronts."""
    falls_once = (0.0, 1.0, 0.9, 1.0, 1.0)
    rising = Monotone("score", over="k", rising=True, tolerance=0.1)
    yield world("Monotone", "rises, then flat", rising, 1.0, 1.0, 0.5, curve(RISES_THEN_FLAT, 0.08),
                Sides(5, 1))  # fmt: skip
    yield World("Monotone", "rises, falls by the tolerance", _claim(rising, 1.0), 1.0, 1.0,
                curve(falls_once, 0.08), Sides(5, 1), None)  # fmt: skip
    any_rise = Monotone("score", over="k", rising=True, tolerance=0.1)
    yield world("Monotone", "any rise", any_rise, None, 1.0, None, curve(RISES_THEN_FLAT, 0.08),
                Sides(5, 1))  # fmt: skip
    above = Frontier("cost", "score", "old")
    for ours, theirs in ((3, 3), (3, 12), (12, 3)):
        yield world("Frontier", f"{ours} settings against {theirs}", above, 0.3, 0.3, 0.15,
                    fronts(ours, theirs), Sides(ours, theirs))  # fmt: skip
    reach = Reach("cost", "score", "old")
    for many in (3, 12):
        yield world("Reach", f"{many} settings", reach, 0.5, HALF, HALF / 2, reaching(many),
                    Sides(many, 1))  # fmt: skip


def of_ranks_and_levels() -> Iterator[World]:
    """Yield ranks, tests of ranks, correlations and levels."""
    for many in (1, 5):
        lead = Rank("score", "old", low=0.0)
        yield world("Rank", f"{many} settings", lead, None, 0.8, None, ranks(many), Sides(1, many))
    for kind in ("normal", "skewed"):
        signed = SignedRank("score", "old")
        yield world("SignedRank", f"scores, {kind}", signed, None, 0.6, None, scores(kind))
    related_ = Correlation("cost", "score")
    yield world(
        "Correlation", "Gaussian", related_, 0.6, 0.618, 2 * math.sin(math.pi * 0.3 / 6), related
    )
    level = Level("right", above=0.5)
    yield world("Level", "share, 0.5", level, 0.8, 0.3, 0.15, one_share(0.5))
    for above, effect in ((0.02, 0.1), (0.9, 0.98)):
        level = Level("right", above=above)
        yield world("Level", f"share, {above:g}", level, effect, effect - above,
                    (effect - above) / 2, one_share(above))  # fmt: skip


def _claim(expect: Expectation, effect: float) -> Claim:
    return Claim("W", "says", "measured", "paper", effect, expect)
