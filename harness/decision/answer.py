"""What a paper, or a method, comes to: one word for whoever must choose, and the figures behind it.

The word follows by rules (`answer_rules.py`) from frontiers, speedups and verdicts, each by its whole interval. It is the
same wherever it is shown: in a terminal, in a report, on a page, in Python.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from adabench.harness.analysis.findings import ClaimRow, Compared

Word = Literal[
    "use it",
    "pays in work, time unknown",
    "saves work, not time",
    "a simpler rule does it",
    "no better than spending evenly",
    "worse",
    "cannot be told here",
]
"""From the best to the worst, and at last what says nothing.

use it                          better than static settings in quality at equal cost or in cost at equal quality, by
                                what is worth having, and in time too where time follows from the work
pays in work, time unknown      the same, and no valid time was taken beside it
saves work, not time            the same, and what was saved did not become time
a simpler rule does it          a control, a static setting or its own permuted signal is as good: `why` names it
no better than spending evenly  all that was told lies within what is worth having, or is less than half of what is said
worse                           beyond it, on the wrong side
cannot be told here             too few cases, no instrument, or a task without room: `why` says which
"""
WORDS: tuple[Word, ...] = get_args(Word)
Standing = Literal[
    "reached", "half reached", "met by simpler rules too", "excluded", "open", "cannot be tested here"
]  # fmt: skip


@dataclass(frozen=True)
class PaperNumber:
    """What a paper says, what was measured here, and how the two stand."""

    claim: str
    said: float
    estimate: float | None
    low: float | None
    high: float | None
    standing: Standing


@dataclass(frozen=True)
class Answer:
    """What a reader is told first."""

    subject: str
    """A paper's short name, or the address of a method."""
    word: Word
    why: str = ""
    """What names the simpler rule, or what would tell."""
    method: str = ""
    """The address of the method whose frontier was looked at."""
    quality: Compared = field(default_factory=Compared)
    """What it gains at equal cost."""
    work: Compared = field(default_factory=Compared)
    """What it costs more (negative: less) at equal quality."""
    time: Compared = field(default_factory=Compared)
    """The share of the saved work that became time: 1 all of it, below 0 what was lost."""
    number: PaperNumber | None = None
    """The first number of the abstract that a run decided."""
    cases: int = 0
    trainings: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def standing(row: ClaimRow) -> Standing:
    """Return how the number that a paper states stands, by the interval measured here."""
    if row.verdict == "not testable here":
        return "cannot be tested here"
    if row.verdict == "does not discriminate":
        return "met by simpler rules too"
    if row.effect is None or row.estimate is None or row.low is None or row.high is None:
        return "reached" if row.verdict == "reproduced" else "open"
    inside = row.low <= row.effect <= row.high
    if row.verdict == "reproduced":
        beyond = row.bar is not None and (row.estimate - row.effect) * (row.effect - row.bar) >= 0
        return "reached" if inside or beyond else "half reached"
    if row.verdict in ("undecided", "not run") and row.trainings == 1 and row.over != "cases":
        return "open"  # cases of one training exclude nothing of a claim over trainings
    return "excluded" if _falls_short(row, row.effect, row.low, row.high) else "open"


def _falls_short(row: ClaimRow, effect: float, low: float, high: float) -> bool:
    """Say whether a whole interval lies on the side of an effect where its bar lies."""
    if row.bar is None or row.bar == effect:
        return not low <= effect <= high
    return low > effect if effect < row.bar else high < effect


def paper_number(rows: Iterable[ClaimRow]) -> PaperNumber | None:
    """Return the first number among headline claims that a run decided, or else the first of all."""
    said = [row for row in rows if row.effect is not None]
    told = [row for row in said if standing(row) not in ("open", "cannot be tested here")]
    row = next(iter((*told, *said)), None)
    if row is None or row.effect is None:
        return None
    return PaperNumber(row.id, row.effect, row.estimate, row.low, row.high, standing(row))
