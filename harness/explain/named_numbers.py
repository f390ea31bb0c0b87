"""The numbers of a run by name, so that each can be asked about.

    summary/<task>/<method>/<metric>[@knob=value,...]   a mean; @ names what is not at its default
    gap/<task>/<method>                                 the oracle gap closed; .../cost is the cost
                                                        at equal quality, .../quality the quality
                                                        at equal cost
    speedup/<task>/<method>/<metric>[@...]              a realised speedup;  .../work is the work ratio
    claim/<id>                                          a claim's estimate; claim/<task>/<method>/<id>
                                                        where two methods share the id
    run/records, run/cells, run/errors                  counts

A place in the document of `run --json` is a name too (`summary/3/metrics/faults/estimate`): the
report's page carries it at every number. Names are matched without regard to case. A number can be
looked up by its value too, as it is printed: `0.783` finds what rounds to it, `1.23ms` what is so
many seconds.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adabench.harness.analysis.findings import ClaimRow, Findings, GapRow, SpeedupRow, SummaryRow
from adabench.harness.contract.card import Point
from adabench.harness.errors import SelectionError, nearest

Kind = Literal["summary", "gap", "equal", "speedup", "work", "claim", "count"]
PREFIXES: Mapping[str, tuple[str, float]] = {
    "s": ("s", 1.0), "ms": ("s", 1e-3), "µs": ("s", 1e-6), "us": ("s", 1e-6), "ns": ("s", 1e-9),
    "kj": ("J", 1e3), "j": ("J", 1.0), "mj": ("J", 1e-3), "µj": ("J", 1e-6), "uj": ("J", 1e-6),
    "b": ("B", 1.0), "kib": ("B", 2.0**10), "mib": ("B", 2.0**20), "gib": ("B", 2.0**30),
    "%": ("", 0.01), "": ("", 1.0),
}  # fmt: skip
_ESTIMATES = {"gap": "gap_closed", "speedup": "speedup"}
_NESTED = re.compile("^gap/[0-9]+/[a-z_]+/(low|high)$")
WRITTEN = re.compile(r"~?\s*([+-]?[\d,]*\.?\d+(?:[eE][+-]?\d+)?)\s*([^\d\s]*)")


@dataclass(frozen=True)
class Number:
    """A number that a report shows."""

    name: str
    kind: Kind
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = ""
    metric: str = ""
    row: SummaryRow | GapRow | SpeedupRow | ClaimRow | None = None
    pointer: str = ""
    """Where it stands in the document of `run --json`."""

    @property
    def parts(self) -> dict[str, float]:
        """The number and the ends of its interval, as far as they are there."""
        all_ = {"value": self.value, "low end": self.low, "high end": self.high}
        return {word: value for word, value in all_.items() if value is not None}


def numbers(findings: Findings) -> dict[str, Number]:
    """Return every number of a run by its name."""
    return {number.name: number for number in _all(findings)}


def parse_number_name(findings: Findings, name: str) -> Number:
    """Return the number called `name`.

    Raises:
        SelectionError: naming the nearest that there are.
    """
    known = {own.lower(): number for own, number in numbers(findings).items()}
    known_places = {number.pointer.lower(): number for number in known.values()}
    kind_of = "" if _NESTED.match(name.lower()) else name.lower().partition("/")[0]
    place = re.sub("/(low|high)$", f"/{_ESTIMATES.get(kind_of, 'estimate')}", name.lower())
    found = known.get(name.lower()) or known_places.get(place)
    if found is None:
        kind, _, last = name.lower().partition("/")
        ends = [own for own in known if own.startswith(kind) and own.endswith(f"/{last}")]
        near = [known[own].name for own in ends] if last else []
        hint = f"Did you mean {' or '.join(near[:3])}?" if near else _near(name, known)
        raise SelectionError(f"{findings.run} has no number called {name!r}.", hint)
    return found


def numbers_with_values(findings: Findings, text: str) -> list[tuple[Number, str]]:
    """Return the numbers that are printed so, each with which of its parts is; none if none is.

    Raises:
        SelectionError: if the text is no number.
    """
    match = WRITTEN.fullmatch(text.strip())
    if match is None or match[2].lower() not in PREFIXES:
        raise SelectionError(f"{text!r} is no number.", "For example 0.783, 1.23ms or 31,711.")
    unit, factor = PREFIXES[match[2].lower()]
    digits = match[1].replace(",", "")
    wanted, half = float(digits) * factor, _half(digits) * factor
    return [
        (number, part)
        for number in numbers(findings).values()
        for part, value in number.parts.items()
        if abs(value - wanted) <= half and (not unit or number.unit == unit)
    ]


def is_value(text: str) -> bool:
    """Tell a number from a name."""
    match = WRITTEN.fullmatch(text.strip())
    return match is not None and match[2].lower() in PREFIXES


def _near(name: str, known: Mapping[str, Number]) -> str:
    """Return the nearest names; where none is near, what the same beginning holds."""
    hint = nearest(name.lower(), known)
    if hint.startswith("Did you mean"):
        names = [known[own].name for own in re.split(" or ", hint[13:-1]) if own in known]
        return f"Did you mean {' or '.join(names)}?"
    kinds = sorted({own.partition("/")[0] for own in known})
    return f"Names begin with {', '.join(kinds)}; --list shows all {len(known):,}."


def _half(digits: str) -> float:
    """Return half of the last place that is written, and a little for rounding."""
    mantissa, _, exponent = digits.lower().partition("e")
    _, _, decimals = mantissa.partition(".")
    return 0.5000001 * 10.0 ** (int(exponent or 0) - len(decimals))


def _all(findings: Findings) -> Iterator[Number]:
    for i, row in enumerate(findings.summary):
        yield from _of_summary(findings, row, i)
    for i, own in enumerate(findings.gaps):
        yield from _of_gap(own, i)
    for i, pair in enumerate(findings.speedups):
        yield from _of_speedup(pair, i)
    counted = Counter(claim.id for claim in findings.claims)
    for i, claim in enumerate(findings.claims):
        yield _of_claim(claim, f"claims/{i}/estimate", alone=counted[claim.id] == 1)
    tally = findings.tally
    for word, count in (
        ("records", tally.records), ("cells", tally.cells), ("errors", len(findings.failed))
    ):  # fmt: skip
        yield Number(f"run/{word}", "count", float(count), n=count, pointer=word)


def _of_summary(findings: Findings, row: SummaryRow, at: int) -> Iterator[Number]:
    where = _where(findings, row)
    for metric, e in row.metrics.items():
        name = f"summary/{row.task}/{row.method}/{metric}{where}"
        value = e.estimate if math.isfinite(e.estimate) else None
        place = f"summary/{at}/metrics/{metric}/estimate"
        yield Number(name, "summary", value, e.low, e.high, e.n, e.unit, metric, row, place)


def _where(findings: Findings, row: SummaryRow) -> str:
    """Return what of a row's setting is not at its default, as `@knob=value,...`."""
    cards = findings.task_cards.get(row.task), findings.method_cards.get(f"{row.task}/{row.method}")
    usual = {name: value for card in cards if card for name, value in card.defaults.items()}
    return _at({k: v for k, v in {**row.conditions, **row.point}.items() if usual.get(k) != v})


def _at(setting: Point) -> str:
    return "@" + ",".join(f"{k}={v}" for k, v in sorted(setting.items())) if setting else ""


def _of_gap(row: GapRow, at: int) -> Iterator[Number]:
    name, place = f"gap/{row.task}/{row.method}", f"gap/{at}"
    ends = row.gap_closed, row.low, row.high, row.n
    yield Number(name, "gap", *ends, row=row, pointer=f"{place}/gap_closed")
    for word, key, found in (
        ("cost", "cost_at_equal_quality", row.cost_at_equal_quality),
        ("quality", "quality_at_equal_cost", row.quality_at_equal_cost),
    ):
        ends = found.estimate, found.low, found.high, row.n
        where = f"{place}/{key}/estimate"
        yield Number(f"{name}/{word}", "equal", *ends, found.unit, "", row, where)


def _of_speedup(row: SpeedupRow, at: int) -> Iterator[Number]:
    name, where = f"speedup/{row.task}/{row.method}/{row.metric}", _at(row.conditions)
    ends, place = (row.speedup, row.low, row.high, row.n), f"speedup/{at}"
    yield Number(name + where, "speedup", *ends, "", row.metric, row, f"{place}/speedup")
    work = f"{name}/work{where}"
    yield Number(work, "work", row.work_ratio, None, None, row.n, "", row.work, row,
                 f"{place}/work_ratio")  # fmt: skip


def _of_claim(claim: ClaimRow, place: str, *, alone: bool) -> Number:
    name = f"claim/{claim.id}" if alone else f"claim/{claim.task}/{claim.method}/{claim.id}"
    ends = claim.estimate, claim.low, claim.high
    return Number(name, "claim", *ends, claim.n, row=claim, pointer=place)
