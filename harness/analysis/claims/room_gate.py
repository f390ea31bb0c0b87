"""Whether a published claim can be tested where it is tested: a task whose gates fail has no room for it.

The figures are those that `adabench check TASK --gates` measured (`contract/task_gates.py`). They speak for their own
conditions: a claim that is tested under others, or at another scale, is judged as ever. So are identities and theorems,
which need no room, and what is ours and no paper's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Where, is_certainty
from adabench.harness.contract.task_gates import ABSENT, NO_ROOM, GateRow

SCALE = "embedded"
"""At which gates are measured."""


def no_room(claim: Claim, method: str, own: Card, task: Card) -> str:
    """Return which gates fail that a claim of a method rests on, in words; nothing where it can be tested.

    `own` is the method's card, `task` that of its task as a run has it: conditions stand at the values of the run.
    """
    if not claim.published or is_certainty(claim.expect) or claim.scale != SCALE:
        return ""
    where: Where = getattr(claim.expect, "where", {})
    there = {**task.defaults, **own.conditions, **where}
    failed = [
        row
        for row in task.shown
        if row.word == "fails"
        and (not row.methods or method in row.methods)
        and all(there.get(name) == at for name, at in row.at.items())
    ]
    return f"{NO_ROOM}: {'; '.join(map(figure_line, failed))}" if failed else ""


def without_room(
    rows: Iterable[ClaimRow], tasks: Mapping[str, Card], methods: Mapping[str, Card]
) -> tuple[ClaimRow, ...]:
    """Return verdicts that were recorded without their records, those closed that have no room by the gates of today."""
    return tuple(_closed(row, tasks[row.task], methods[f"{row.task}/{row.method}"]) for row in rows)


def _closed(row: ClaimRow, task: Card, own: Card) -> ClaimRow:
    claim = next((one for one in own.claims if one.id == row.id), None)
    reason = no_room(claim, row.method, own, task) if claim else ""
    if not reason or row.verdict == "not testable here":
        return row
    return replace(
        row, verdict="not testable here", estimate=None, low=None, high=None, bar=None, n=0, trainings=0, reason=reason,
        p_value=None, met_by=(), over="", power=None, needed=0,
    )  # fmt: skip


def figure_line(row: GateRow) -> str:
    """Return a gate with its figure and its bar, and the strategies that are best nowhere."""
    _, absent, names = row.says.partition(ABSENT)
    if row.figure is None or row.bar is None:
        return row.name
    return f"{row.name} {row.figure:.3f}, bar {row.bar:g}{f', {absent}{names}' if absent else ''}"
