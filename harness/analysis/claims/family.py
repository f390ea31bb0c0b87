"""Many claims read together: what chance alone gives, what survives it, and the count of headlines.

Whoever reads forty verdicts reads a few that chance gave. `expected_by_chance` says how many there
would be if nothing had any effect; `survive_holm` names the headline claims that stay reproduced when
the whole family of headlines is corrected for (Holm 1979, one-sided 2.5 % for all of them together).
Own criteria and checks are in neither.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from adabench.harness.analysis.findings import ClaimRow, in_order, scoreboard
from adabench.harness.contract.claim import PUBLISHED
from adabench.harness.stats.multiple_testing import holm

LEVEL = 0.025
"""One-sided, of each verdict; `benchmarks/verdict_errors.py` measures it."""
HEADLINE = "headline"


@dataclass(frozen=True)
class Chance:
    """What chance alone would give, had no claim of a page any effect: expected counts, at most."""

    tested: int
    """Published claims that were put to a test with an interval."""
    better: float
    """`direction only` or better: the whole interval on the claimed side."""
    contradicted: float
    """The whole interval on the other side."""


@dataclass(frozen=True)
class Survivor:
    """A headline claim that stays reproduced when all headlines of the page are corrected for."""

    id: str
    p_value: float | None
    """Adjusted by Holm; None of a deterministic count, which chance does not touch."""


def expected_by_chance(rows: Iterable[ClaimRow]) -> Chance:
    """Return how many verdicts of each kind chance alone would give on a page with these claims."""
    tested = sum(row.source in PUBLISHED and row.p_value is not None for row in rows)
    return Chance(tested, LEVEL * tested, LEVEL * tested)


def survive_holm(rows: Sequence[ClaimRow]) -> tuple[Survivor, ...]:
    """Return the headline claims that read `reproduced` and survive Holm, in the order given.

    Every headline claim that was tested counts in the family, whatever it reads.
    """
    headline = [row for row in rows if row.source == HEADLINE]
    adjusted = holm([np.nan if row.p_value is None else row.p_value for row in headline])
    found = []
    for row, p_value in zip(headline, adjusted.tolist(), strict=True):
        if row.verdict == "reproduced" and (row.p_value is None or p_value <= LEVEL):
            found.append(Survivor(row.id, None if row.p_value is None else p_value))
    return tuple(found)


def headline_sentence(rows: Iterable[ClaimRow]) -> str:
    """Return "headline claims: 3 reproduced, 1 direction only, ... of 2 papers"; empty without any."""
    board = scoreboard(rows)
    if not board:
        return ""
    total: Counter[str] = Counter()
    for paper in board:
        total.update(paper["headline"])
    counts = ", ".join(f"{count} {word}" for word, count in in_order(total).items())
    return f"headline claims: {counts} of {len(board)} paper{'s' if len(board) > 1 else ''}"


def page_notes(rows: Sequence[ClaimRow]) -> list[str]:
    """Return what every page says below its claims: the headlines, chance, and what survives it."""
    notes = [headline_sentence(rows)]
    chance = expected_by_chance(rows)
    if chance.tested:
        notes.append(
            f"by chance alone {chance.better:.2g} of {chance.tested} published claims tested would read "
            f"direction only or better, and as many contradicted"
        )
    reproduced = [row.id for row in rows if (row.source, row.verdict) == (HEADLINE, "reproduced")]
    if reproduced:
        names = [survivor.id for survivor in survive_holm(rows)]
        notes.append(f"after Holm's correction still reproduced: {', '.join(names) or 'none'}")
    return [f"{note[0].upper()}{note[1:]}." for note in notes if note]
