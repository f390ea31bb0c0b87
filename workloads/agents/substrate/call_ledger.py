"""One row for each call of a model or a tool in a session; every metric of calls derives from them.

    control   choosing: which call comes next, which row is taken, going back, checking, judging
    data      producing: thoughts, answers, and what tools return

A call of a model is one sequence in one decoding call, up to where a tool has to answer or a step ends.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from adabench.workloads.agents.substrate.tool_server import price

Kind = Literal["llm", "tool", "judge"]
Plane = Literal["control", "data"]


@dataclass(frozen=True)
class CallRow:
    """One call."""

    kind: Kind
    plane: Plane
    tool: int | None
    """The tool as a word; None of a model."""
    context: int
    """Words that stood before it: what is read without a cache."""
    written: int
    """Words that it added."""
    status: int | None = None
    """The word by which a tool failed; None: it did not."""


@dataclass
class CallLedger:
    """The rows of one session, in order."""

    rows: list[CallRow] = field(default_factory=list)

    def add(self, row: CallRow) -> None:
        """Write down a call."""
        self.rows.append(row)

    def totals(self) -> dict[str, int]:
        """Return counts by name, as a task's meter has them."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if row.kind == "tool":
                found["priced_calls"] += 0 if row.tool is None else price(row.tool)
                found["failed_calls"] += row.status is not None
                continue
            found["llm_calls"] += 1
            found["judge_calls"] += row.kind == "judge"
            found[f"{row.plane}_calls"] += 1
            found["context_words"] += row.context
        return dict(found)
