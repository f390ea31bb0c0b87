"""The rules by which frontiers, speedups and verdicts become one word (`answer.py` says what each word means).

*Frontier first.* Where a run holds a method beside the mixture of static settings, its quality at equal cost and its
cost at equal quality are told as better, worse or even: by the whole interval, and by what is worth having (two
points, two per cent; of other units any difference). One side better and none worse pays; one worse and none better
is worse; what was told and is even on all sides is even.

*Claims.* Where no frontier was run, or it is open, headline claims decide: those that state a gain of quality, less
work or less time. They pay if more of them are reached than contradicted. Where more headline claims are met by
controls or statics too than were told apart from them, a simpler rule does it, whatever the frontier says.

*Trainings.* What was seen of one training is not told of the method.

*Time.* The share of the saved work that became time, by its whole interval; energy counts beside it. In a task whose
seconds are not those of its work (a cache of requests, a schedule) time is nobody's reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adabench.harness.analysis.findings import ClaimRow, Compared, Findings, GapRow, SpeedupRow
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.claim import (
    WORTH,
    Claim,
    is_any_change,
    is_sameness,
    no_effect,
)
from adabench.harness.contract.expectations import (
    Difference,
    Frontier,
    Level,
    Rank,
    Ratio,
    Reach,
    is_certainty,
)
from adabench.harness.decision.answer import Answer, Word, paper_number
from adabench.harness.store.energy_labels import is_energy

Side = Literal["better", "worse", "even", "open"]
Gain = Literal["quality", "work", "time"]
"""What a claim says that is gained."""
IN_POINTS = {"points": 100 * WORTH, "%": 100 * WORTH}
"""What is worth having in the units in which differences are told."""
REACHED = ("reproduced", "direction only")


@dataclass(frozen=True)
class Evidence:
    """What runs hold of one paper or method."""

    methods: tuple[str, ...]
    """Addresses of its adaptive methods, that of the first claim first."""
    rows: tuple[ClaimRow, ...]
    """Its headline claims, in their order."""
    claims: Mapping[str, Claim]
    """By id."""
    gaps: tuple[GapRow, ...]
    speedups: tuple[SpeedupRow, ...]
    task_cards: Mapping[str, Card]


def evidence(
    methods: Sequence[str], rows: Iterable[ClaimRow], claims: Mapping[str, Claim], runs: Sequence[Findings]
) -> Evidence:  # fmt: skip
    """Gather what some runs hold of a paper's methods; of several runs the first that says anything counts."""
    places = list(claims)
    headline = sorted(
        (row for row in rows if row.source == "headline"),
        key=lambda row: places.index(row.id) if row.id in claims else len(places),
    )
    claimed = [f"{row.task}/{row.method}" for row in headline]
    ordered = tuple(dict.fromkeys([name for name in claimed if name in methods] + [*methods]))
    cards = {name: card for run in runs for name, card in run.task_cards.items()}
    gaps = tuple(row for run in runs for row in run.gaps)
    speedups = tuple(row for run in runs for row in run.speedups if not row.conditions)
    return Evidence(ordered, tuple(headline), claims, gaps, speedups, cards)


def answer(subject: str, known: Evidence) -> Answer:
    """Return what a paper or a method comes to."""
    gap = _frontier(known)
    times = [
        row for row in known.speedups if gap and (row.task, row.method) == (gap.task, gap.method)
    ]
    rests: list[ClaimRow | Compared] = [*known.rows, *_compared(gap)]
    made = Answer(
        subject, "cannot be told here",
        number=paper_number(known.rows),
        cases=max((one.n for one in rests), default=0),
        trainings=max((one.trainings for one in rests), default=0),
    )  # fmt: skip
    if gap:
        made = replace(
            made, method=f"{gap.task}/{gap.method}", quality=gap.quality_at_equal_cost,
            work=gap.cost_at_equal_quality, time=_time(times),
        )  # fmt: skip
    seen = _of_frontier(gap) if gap else "open"
    if seen in ("worse", "even"):
        return replace(made, word="worse" if seen == "worse" else "no better than spending evenly")
    told = _of_claims(known)
    if told == "a simpler rule does it":
        return replace(made, word=told, why=_simpler(known.rows))
    if seen == "better":
        return replace(made, word=_paying(times, known), why=_met_by_others(known.rows))
    if told == "better":
        return replace(made, word=_paying([], known), why=_met_by_others(known.rows))
    if told is not None:
        return replace(made, word=told)
    return replace(made, why=_what_would_tell(known, gap))


def answers(findings: Findings) -> dict[str, Answer]:
    """Return the answer of every adaptive method of a run, by address."""
    cards = findings.method_cards
    return {
        address: method_answer(findings, address)
        for address, card in cards.items()
        if card.role == "adaptive"
    }


def method_answer(findings: Findings, address: str) -> Answer:
    """Return the answer of one method in a run."""
    claims = {claim.id: claim for claim in findings.method_cards[address].claims}
    rows = [row for row in findings.claims if f"{row.task}/{row.method}" == address]
    return answer(address, evidence([address], rows, claims, [findings]))


# Frontiers


def _frontier(known: Evidence) -> GapRow | None:
    """Return the comparison with static settings of the first method that has one."""
    for address in known.methods:
        for row in known.gaps:
            if f"{row.task}/{row.method}" == address and (
                row.quality_at_equal_cost.estimate is not None
                or row.cost_at_equal_quality.estimate is not None
            ):
                return row
    return None


def _compared(gap: GapRow | None) -> tuple[Compared, ...]:
    return (gap.quality_at_equal_cost, gap.cost_at_equal_quality) if gap else ()


def _of_frontier(gap: GapRow) -> Side:
    """Say how a method stands to the mixture of static settings."""
    if gap.status == "worse than random":
        return "worse"
    sides = [side(gap.quality_at_equal_cost, 1.0), side(gap.cost_at_equal_quality, -1.0)]
    known = [one for one in sides if one != "open"]
    if {"better", "worse"} <= set(known):
        return "open"
    if "better" in known or "worse" in known:
        return next(one for one in known if one != "even")
    return "even" if known and not _is_open(gap) else "open"


def _is_open(gap: GapRow) -> bool:
    """Say whether a difference was measured and its interval does not tell."""
    return any(one.estimate is not None and side(one, 1.0) == "open" for one in _compared(gap))


def side(found: Compared, sign: float) -> Side:
    """Say what an interval tells; `sign` is 1 where more is better and -1 where less is."""
    if found.estimate is None or found.trainings == 1:
        return "open"
    low, high = (found.estimate if end is None else end for end in (found.low, found.high))
    if found.low is None or found.high is None:
        return "open"
    if sign < 0:
        low, high = -high, -low
    worth = IN_POINTS.get(found.unit, 0.0)
    if low >= worth and low > 0:
        return "better"
    if high <= -worth and high < 0:
        return "worse"
    return "even" if -worth <= low and high <= worth else "open"


# Time


def _time(rows: Sequence[SpeedupRow]) -> Compared:
    """Return the share of the saved work that became time, or energy where there is no time."""
    for row in rows:
        if row.speedup is not None:
            return Compared(row.speedup, row.low, row.high)
    return Compared(reason=rows[0].reason if rows else "")


def _paying(times: Sequence[SpeedupRow], known: Evidence) -> Word:
    """Return the word for what pays in quality or work."""
    tasks = {name.partition("/")[0] for name in known.methods}
    if all(known.task_cards[task].no_speedup for task in tasks if task in known.task_cards):
        return "use it"
    timed = [row for row in times if None not in (row.speedup, row.low, row.high, row.work_ratio)]
    if any((row.work_ratio or 1.0) ** (row.low or 0.0) <= 1 - WORTH for row in timed):
        return "use it"
    claimed = [row.verdict for row in known.rows if gain_of(row, known) == "time"]
    if any(word in REACHED for word in claimed):
        return "use it"
    lost = ("not reproduced", "contradicted", "does not discriminate")
    if timed or any(word in lost for word in claimed):
        return "saves work, not time"
    return "pays in work, time unknown"


# Claims


def _of_claims(known: Evidence) -> Word | Literal["better"] | None:
    """Return what decided claims of a gain come to; None where none is decided."""
    words = [row.verdict for row in known.rows]
    if words.count("does not discriminate") > sum(word in REACHED for word in words):
        return "a simpler rule does it"
    gains = [row.verdict for row in known.rows if gain_of(row, known) in ("quality", "work")]
    reached, against = sum(word in REACHED for word in gains), gains.count("contradicted")
    if reached > against:
        return "better"
    if against > reached:
        return "worse"
    return "no better than spending evenly" if "not reproduced" in gains and not against else None


def gain_of(row: ClaimRow, known: Evidence) -> Gain | None:
    """Return what a claim says that is gained; None where it states no gain."""
    claim, card = known.claims.get(row.id), known.task_cards.get(row.task)
    if claim is None or card is None or is_certainty(claim.expect) or is_sameness(claim):
        return None
    match claim.expect:
        case Frontier() | Rank():
            return "quality"
        case Reach():
            return _gain(_metric(claim.expect.cost, card), falls=True)
        case Ratio() | Difference() | Level():
            return _gain(_metric(claim.expect.metric, card), falls=_falls(claim))
    return None


def _falls(claim: Claim) -> bool:
    """Say whether a claim is that something becomes less."""
    if claim.effect is not None:
        return claim.effect < no_effect(claim.expect)
    return is_any_change(claim) and getattr(claim.expect, "high", None) is not None


def _metric(name: str, card: Card) -> Metric:
    """Return a metric of a task; what its card does not name is what every run counts or times."""
    found = (one for metric in card.metrics for one in metric.each() if one.name == name)
    unit = "s" if name.endswith("_s") else "J" if name.endswith("_j") else "1"
    return next(found, Metric(name, unit, "lower", "work"))


def _gain(metric: Metric, *, falls: bool) -> Gain | None:
    if falls != (metric.better == "lower") or metric.role == "info":
        return None
    if metric.role == "quality":
        return "quality"
    timed = metric.clocked or metric.unit == "s" or is_energy(metric.name, metric.unit)
    return "time" if timed else "work"


# Reasons


def _simpler(rows: Iterable[ClaimRow]) -> str:
    """Name what is as good."""
    names = dict.fromkeys(name for row in rows for name in row.met_by)
    return f"{', '.join(names)} does as much" if names else ""


def _met_by_others(rows: Sequence[ClaimRow]) -> str:
    met = [row.id for row in rows if row.verdict == "does not discriminate"]
    return f"simpler rules meet {', '.join(met)}" if met else ""


def _what_would_tell(known: Evidence, gap: GapRow | None) -> str:
    """Say what is missing: trainings, units, a run, or what nothing here can do."""
    return next(_missing(known, gap), "no headline claim is in a recorded run")


def _missing(known: Evidence, gap: GapRow | None) -> Iterator[str]:
    verdicts = {row.verdict for row in known.rows}
    if "contradicted" in verdicts:
        yield "its verdicts disagree"
    if any(one.trainings == 1 for one in _compared(gap)):
        yield "one training tells of no other: train four more"
    open_ = [row for row in known.rows if row.verdict == "undecided"]
    needed = [row for row in open_ if row.needed > 0]
    if needed:
        least = min(needed, key=lambda row: row.needed)
        yield f"{least.id} takes {least.needed:,} {least.over or 'cases'}"
    if open_:
        yield f"{open_[0].id} is undecided: {open_[0].reason or 'no interval tells'}"
    if "not run" in verdicts:
        yield "what its claims need was not run"
    yield from (row.reason for row in known.rows if row.verdict == "not testable here")
