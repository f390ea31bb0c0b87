"""A claim's test in words: which quantity is estimated, and the bar that it is held to."""

from collections.abc import Mapping

from adabench.harness.contract.claim import Claim, bar, is_sameness, no_effect
from adabench.harness.contract.expectations import (
    Bound,
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Rank,
    Ratio,
    Reach,
    Scalar,
    SignedRank,
    is_certainty,
)


def test_of(claim: Claim) -> str:
    """Return a phrase such as "`latency_s` over that of `rrtx`, speed 5: at most 0.741"."""
    text = f"{_quantity(claim.expect)}{_conditions(claim.expect)}"
    limit = _bar(claim)
    return f"{text}: {limit}{_rivals(claim)}" if text and limit else text


def limit_of(claim: Claim) -> str:
    """Return the bar alone, such as "at most 0.741"; empty for what no run can decide."""
    return "" if isinstance(claim.expect, OutOfReach) else _bar(claim).partition(" and `")[0]


def _rivals(claim: Claim) -> str:
    """Say whom a published claim must be told apart from, where that is not all controls and statics."""
    if not claim.published or claim.apart_from is None:
        return ""
    if claim.apart_from:
        return f"; told apart from {_names(claim.apart_from).removeprefix('the best of ')}"
    return f"; told apart from nobody: {claim.no_rival}" if claim.no_rival else ""


def _quantity(expect: Expectation) -> str:
    match expect:
        case Ratio():
            share = f"`{expect.metric}` over that of {_names(expect.against)}{_there(expect)}"
            return f"{share}, in every single case" if expect.every else share
        case Difference():
            return f"`{expect.metric}` less that of {_names(expect.against)}{_there(expect)}"
        case Contrast():
            groups = f"cases {', '.join(expect.groups)} than in {', '.join(expect.other_groups)}"
            return f"`{expect.metric}` gained on {_names(expect.against)}: more in {groups}"
        case Reach():
            rival = f"{_names(expect.against)}{_there(expect)}"
            less = f" less `{expect.less}`" if expect.less else ""
            return f"`{expect.cost}`{less} for the `{expect.quality}` of {rival}, over its own"
        case Correlation():
            return f"rank correlation of `{expect.metric}` and `{expect.with_}`"
        case Bound():
            who = "every case" if expect.over == "every" else "the mean"
            return f"`{expect.metric}` over `{expect.bound}`, {who}"
        case Monotone():
            way = "rises" if expect.rising else "falls"
            return f"`{expect.metric}` {way} with `{expect.over}`"
        case Frontier():
            plot = f"`{expect.quality}` against `{expect.cost}`"
            return f"mean distance above the frontier of `{expect.against}`, {plot}"
        case Level(reaching=None):
            return f"mean `{expect.metric}`"
        case Level():
            return f"share of cases whose `{expect.metric}` reaches {expect.reaching:g}"
        case Rank():
            return f"lead in mean rank by `{expect.metric}` over {_names(expect.against)}"
        case SignedRank():
            return f"signed ranks of `{expect.metric}` against `{expect.against}`"
    return ""


def _bar(claim: Claim) -> str:
    expect = claim.expect
    if isinstance(expect, Bound):
        return "at most 1"
    if isinstance(expect, SignedRank):
        return "p below 0.05"
    margins = [f"`{name}` within {by:g}" for name, by in getattr(expect, "keeping", {}).items()]
    if isinstance(expect, Monotone):
        margins = [f"no step back by more than {expect.tolerance:g}"]
    if is_certainty(expect) or is_sameness(claim):
        low, high = getattr(expect, "low", None), getattr(expect, "high", None)
        ends = [
            *([f"at least {low:.4g}"] if low is not None else []),
            *([f"at most {high:.4g}"] if high is not None else []),
        ]
        return " and ".join([*ends, *margins])
    return " and ".join([_end(claim), *margins])


def _end(claim: Claim) -> str:
    at, nothing = bar(claim), no_effect(claim.expect)
    if at is None:
        return f"above {nothing:g}"
    if at == nothing:
        falls = getattr(claim.expect, "high", None) is not None
        return f"{'below' if falls else 'above'} {nothing:g}"
    return f"at {'most' if at < nothing else 'least'} {at:.4g}"


def _there(expect: Ratio | Difference | Reach) -> str:
    parts = [f"{name} {_values(value)}" for name, value in expect.there.items()]
    return f" at {', '.join(parts)}" if parts else ""


def _names(against: str | tuple[str, ...]) -> str:
    names = (against,) if isinstance(against, str) else against
    quoted = ", ".join(f"`{name}`" for name in names)
    return quoted if len(names) == 1 else f"the best of {quoted}"


def _conditions(expect: Expectation) -> str:
    """Return where the claim is tested, if that is not the default everywhere."""
    where: Mapping[str, Scalar | tuple[Scalar, ...]] = getattr(expect, "where", {})
    parts = [f"{name} {_values(value)}" for name, value in where.items()]
    groups: tuple[str, ...] = getattr(expect, "groups", ())
    parts += [f"cases {', '.join(groups)}"] if groups else []
    return f" ({'; '.join(parts)})" if parts else ""


def _values(value: Scalar | tuple[Scalar, ...]) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{item:,}" if isinstance(item, int) else str(item) for item in values)
