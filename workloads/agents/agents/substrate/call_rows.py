"""One row for each call of a model or a tool in a stream, with its times; counts and shares derive from it.

A call of a model is what it writes at a stretch, up to where a tool has to answer, or an episode or a
branch of one stops. So a chain of thought is one call.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adabench.workloads.agents.agents.substrate.script import Plane

Kind = Literal["llm", "judge", "reflect", "tool"]


@dataclass(frozen=True)
class CallRow:
    """One call."""

    request: int
    kind: Kind
    plane: Plane
    began_s: float
    ended_s: float
    context: int
    """Words before it: what is read where nothing is kept."""
    written: int
    failed: bool = False


def counts(rows: Sequence[CallRow]) -> dict[str, int]:
    """Return counts by name."""
    found: Counter[str] = Counter()
    for row in rows:
        if row.kind == "tool":
            found["tool_calls"] += 1
            found["failed_calls"] += row.failed
            continue
        found["llm_calls"] += 1
        found["judge_calls"] += row.kind == "judge"
        found["reflect_calls"] += row.kind == "reflect"
        found[f"{row.plane}_calls"] += 1
        found["context_words"] += row.context
    return dict(found)
