"""What a run answers, in words: one sentence a task, and what may be trusted of it.

The ending of a run, the first screen of its report and the index of a site take their words from here.
Better, worse and not distinguishable are told by the interval of the oracle gap closed, and nothing is
said of a method that has none but why.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Metric
from adabench.harness.contract.load import LATENCY
from adabench.harness.decision.answer_rules import method_answer
from adabench.harness.store.energy_labels import is_energy
from adabench.reports import highlights, shown_points
from adabench.reports.tables.answer_line import answer_word
from adabench.reports.tables.cells import Cell, gap_cell, metric_cell
from adabench.reports.tables.claim_sheets import FAILURES_FIRST, OURS

Part = str | Cell
"""Of a sentence: words, or a number that knows where it stands in `run --json`."""
WITHOUT_A_SHARE: dict[str, str] = {
    "no room here": "{} is the best adaptive method; the oracle leaves no room above the static mixture",
    "oracle too weak": "{} does better than the oracle, which is too weak to give a share of its gap",
    "not validated": "{} is the best adaptive method; the oracle gap is not validated",
    "worse than random": "No adaptive method beats the static mixture; {} is worse than the random control",
    "below the mixture": "No adaptive method beats the static mixture; {} lies below it",
    "not distinguishable": "No adaptive method is distinguishable from the static mixture; {} comes first",
    "no oracle": "{} is the best adaptive method; there is no oracle to hold it against",
    "not run": "{} is the best adaptive method; what its gap is measured between was not run",
    "measured": "{} is the best adaptive method",
}
"""Of adaptive methods: what is said where no share of the oracle gap is given."""
State = Literal["good", "fair", "bad", "mute"]


@dataclass(frozen=True)
class Trust:
    """How far one kind of figure may be trusted in this run."""

    kind: str
    word: str
    state: State
    why: str = ""


def sentence(findings: Findings, task: str) -> tuple[Part, ...]:
    """Return the answer of a task: the best adaptive method, and what stands beside it."""
    found = highlights.by_role(findings, task)
    quality = shown_points.primary(findings.task_cards[task], "quality")
    if quality is None or not found:
        return ("No quality was recorded.",)
    beside = [
        (lead, found[role][0])
        for role, lead in (
            ("static", "best static"),
            ("oracle", "oracle"),
            ("control", "random control"),
        )
        if role in found
    ]
    best = found.get("adaptive", [])[:1]
    parts: list[Part] = (
        [_word(findings, best[0]), *_verdict(findings, best[0])]
        if best
        else ["No adaptive method was run at these conditions"]
    )
    parts.append(f". {quality.name.replace('_', ' ').capitalize()}: ")
    for at, (lead, row) in enumerate([("", row) for row in best] + beside):
        parts.append(f"{', ' if at else ''}{lead}{' ' if lead else ''}{row.method} ")
        parts.append(_value(findings, row, quality))
    return (*parts, ".")


def _word(findings: Findings, row: SummaryRow) -> str:
    """Return the word of a method's answer, in front of all else."""
    word = answer_word(method_answer(findings, f"{row.task}/{row.method}"))
    return f"{word[0].upper()}{word[1:]}: "


def _verdict(findings: Findings, row: SummaryRow) -> tuple[Part, ...]:
    """Say how a method stands to the static mixture, by the interval of its oracle gap."""
    gap = shown_points.gap_of(findings, row.task, row.method)
    if gap is None:
        return (WITHOUT_A_SHARE["measured"].format(row.method),)
    if gap.gap_closed is None:
        return (WITHOUT_A_SHARE[gap.status].format(row.method),)
    if not gap.settled:
        return (WITHOUT_A_SHARE["not distinguishable"].format(row.method),)
    share = gap_cell(findings, gap)
    shown = Cell(f"{abs(gap.gap_closed):.0%}", value=gap.gap_closed, ref=share.ref)
    if gap.gap_closed > 0:
        return f"{row.method} closes ", shown, " of the oracle gap"
    return (
        f"No adaptive method beats the static mixture; {row.method} is worse by ", shown,
        " of the oracle gap",
    )  # fmt: skip


def note(findings: Findings, row: SummaryRow) -> str:
    """Say of an adaptive method, briefly, how much of the gap it closes or how it stands."""
    if shown_points.card_of(findings, row.task, row.method).role != "adaptive":
        return ""
    gap = shown_points.gap_of(findings, row.task, row.method)
    if gap is None:
        return ""
    if gap.gap_closed is not None and gap.settled:
        return f"{'closes ' if gap.gap_closed > 0 else ''}{gap.gap_closed:.0%} of gap"
    return gap.status if gap.gap_closed is None else "not distinguishable"


def _value(findings: Findings, row: SummaryRow, metric: Metric) -> Cell:
    """Return a number alone; that of an energy with its label."""
    cell = metric_cell(findings, row, metric)
    if is_energy(metric.name, metric.unit):
        return replace(cell, text=f"{cell.text} {cell.brief or cell.minor}".rstrip())
    return cell


def plain(parts: Sequence[Part]) -> str:
    """Return a sentence as text."""
    return "".join(part if isinstance(part, str) else part.text for part in parts)


# What may be trusted


def trust(findings: Findings) -> tuple[Trust, Trust, Trust]:
    """Return what may be trusted: quality, time, energy."""
    return _quality(findings), _time(findings), _energy(findings)


def _quality(findings: Findings) -> Trust:
    failed, every = len(findings.failed), findings.tally.records
    if not findings.summary:
        return Trust("Quality", "none", "mute", "Nothing was recorded.")
    if failed:
        return Trust("Quality", f"{failed:,} of {every:,} records failed", "bad")
    return Trust("Quality", "ok", "good", "Every record that was tried has a result.")


def counts_only(findings: Findings) -> bool:
    """Tell a run that was asked for counts and for no time."""
    return bool(findings.manifest.get("asked", {}).get("counts"))


def under_load(findings: Findings) -> bool:
    """Tell a run all of whose seconds were measured while other cases were in flight."""
    rows = findings.summary
    return bool(rows) and all(LATENCY in row.metrics for row in rows)


def _time(findings: Findings) -> Trust:
    if under_load(findings):
        return Trust("Time", "under load", "good", "Cases were in flight together on a server.")
    if counts_only(findings):
        return Trust("Time", "not asked for", "mute", "The run counts and measures no time.")
    timed = sum("latency_s" in row.metrics for row in findings.summary)
    every = len(findings.summary)
    if not timed:
        return Trust(
            "Time", "invalid", "bad", "The machine was busy; no time is shown as a result."
        )
    if timed < every:
        return Trust("Time", f"valid for {timed} of {every} configurations", "fair")
    return Trust("Time", "ok", "good")


def _energy(findings: Findings) -> Trust:
    labels = set(findings.labels.values())
    counted = sorted(labels & {"counter", "measured"})
    if counted:
        return Trust("Energy", ", ".join(counted), "good")
    if "estimated" in labels:
        return Trust("Energy", "no counter, estimates only", "mute")
    return Trust("Energy", "none", "mute", "No energy counter could be read.")


def claims_line(findings: Findings) -> str:
    """Return what became of the published claims, failures first."""
    published = [row for row in findings.claims if row.source not in OURS]
    counts: Counter[str] = Counter(row.verdict for row in published)
    words = ", ".join(f"{counts[word]} {word}" for word in FAILURES_FIRST if counts[word])
    return f"Published claims: {words or 'none'}."
