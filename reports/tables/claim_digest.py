"""The verdicts of a run in a few lines: what failed with its reason, what is undecided, the rest counted.

What papers claim comes first, and apart from it what we ask of ourselves. `adabench claims --all` has
every claim in a table.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.reports import shown_points
from adabench.reports.tables.claim_sheets import (
    FAILURES_FIRST,
    OURS,
    VERDICTS,
    bar_cell,
    measured_cell,
    published_caption,
    verdict_counts,
)

FAILED = FAILURES_FIRST[: FAILURES_FIRST.index("reproduced")]
MOST_UNDECIDED = 8
"""Lines of undecided claims of one part; of more the number is said."""
LEAST_ROOM = 20
"""Characters of a reason: with less it is not cut."""


def claim_digest(findings: Findings, columns: int) -> list[str]:
    """Return the lines, of at most `columns` characters where words allow it."""
    published = [row for row in findings.claims if row.source not in OURS]
    own = [row for row in findings.claims if row.source in OURS]
    lines: list[str] = []
    if published:
        lines += _part("Published claims", published, findings, columns)
        lines += _wrap(published_caption(published), columns)
    if own:
        lines += ["", *_part("Own criteria and checks", own, findings, columns)]
    return lines


def _part(title: str, rows: Sequence[ClaimRow], findings: Findings, columns: int) -> Iterator[str]:
    yield from _wrap(f"{title}: {verdict_counts(rows)}", columns)
    for word in FAILED:
        failed = [row for row in rows if row.verdict == word]
        if failed:
            yield f"{VERDICTS[word][0]} {word}"
            yield from _failures(failed, findings, columns)
    undecided = [row for row in rows if row.verdict == "undecided"]
    if undecided:
        yield f"{VERDICTS['undecided'][0]} undecided"
        yield from _undecided(undecided, columns)


def _failures(rows: Sequence[ClaimRow], findings: Findings, columns: int) -> Iterator[str]:
    """Yield two lines a claim: what was measured against which bar, and the reason."""
    for row, name in zip(rows, _names(rows), strict=True):
        bar = bar_cell(row, shown_points.card_of(findings, row.task, row.method)).text
        yield f"  {name}  {measured_cell(row).line}, bar {bar}"
        yield f"      {_cut(row.reason, columns - 6)}".rstrip()


def _undecided(rows: Sequence[ClaimRow], columns: int) -> Iterator[str]:
    names = _names(rows)
    for row, name in zip(rows[:MOST_UNDECIDED], names, strict=False):
        yield f"  {name}  {_cut(row.reason, columns - len(name) - 4)}"
    if len(rows) > MOST_UNDECIDED:
        yield f"  and {len(rows) - MOST_UNDECIDED} more"


def _names(rows: Sequence[ClaimRow]) -> list[str]:
    """Return the ids with their methods, in two columns."""
    addresses = [f"{row.task}/{row.method}" for row in rows]
    ids, methods = (_widest(row.id for row in rows), _widest(addresses))
    return [
        f"{row.id:<{ids}}  {address:<{methods}}"
        for row, address in zip(rows, addresses, strict=True)
    ]


def _widest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room or room < LEAST_ROOM else f"{text[: room - 1].rstrip()}…"


def _wrap(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
