"""A claim's test in words: which quantity is estimated, and the bar that it is held to."""

from collections.abc import Mapping

from adabench.harness.contract.card import (
    Bound,
    Claim,
    Expectation,
    Frontier,
    Level,
    Monotone,
    Rank,
    Ratio,
    Scalar,
    SignedRank,
)


def test_of(claim: Claim) -> str:
    """Return a phrase such as "`latency_s` over that of `rrtx`, speed 5: at most 0.741"."""
    text = f"{_quantity(claim.expect)}{_conditions(claim.expect)}"
    bar = _bar(claim.expect)
    return f"{text}: {bar}" if text and bar else text


def _quantity(expect: Expectation) -> str:
    match expect:
        case Ratio():
            share = f"`{expect.metric}` over that of {_names(expect.against)}"
            return f"{share}, in every single case" if expect.every else share
        case Bound():
            who = "every case" if expect.over == "every" else "the mean"
            return f"`{expect.metric}` over `{expect.bound}`, {who}"
        case Monotone():
            way = "rises" if expect.rising else "falls"
            return f"rank correlation: `{expect.metric}` {way} with `{expect.over}`"
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


def _bar(expect: Expectation) -> str:
    match expect:
        case Ratio():
            ends = [
                *([f"at least {expect.low:.4g}"] if expect.low is not None else []),
                *([f"at most {expect.high:.4g}"] if expect.high is not None else []),
            ]
            margins = [f"`{name}` within {by:g}" for name, by in expect.keeping.items()]
            return " and ".join([*ends, *margins])
        case Bound():
            return "at most 1"
        case Monotone() | Rank():
            return "above 0"
        case Frontier():
            return f"at least {expect.margin:g}" if expect.margin else "above 0"
        case Level():
            return f"at least {expect.low:g}"
        case SignedRank():
            return "p below 0.05"
    return ""


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
