"""One row for each call of a tool or a model in a session; every metric of calls derives from them.

    llm     the model: control where it chooses what comes next or hands off, data where it says that all is done
    tool    a call that may change the world
    probe   a question for a tool's health
    check   a look at what stands in the world

`malformed_calls` are those of the model whose answer could not be read.
`recovery_s` is the time from a call that failed to the next contact or the end; `detection_s` what failed calls took.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["llm", "tool", "probe", "check"]
Plane = Literal["control", "data"]
COUNTS = (
    "contacts", "llm_calls", "control_calls", "data_calls", "tool_calls", "probe_calls", "check_calls",
    "failed_calls", "malformed_calls",
)  # fmt: skip
MALFORMED = frozenset(("unreadable", "corrected"))


@dataclass(frozen=True)
class LedgerRow:
    """One call."""

    kind: Kind
    plane: Plane
    name: str
    status: str
    began_s: float
    ended_s: float


@dataclass
class RoutingLedger:
    """The rows of one session, in order."""

    rows: list[LedgerRow] = field(default_factory=list)
    ended_s: float = 0.0

    def add(self, row: LedgerRow) -> None:
        """Write down a call."""
        self.rows.append(row)

    def totals(self) -> dict[str, float]:
        """Return counts and times by name, as a task's meter has them."""
        found = dict.fromkeys(COUNTS, 0)
        times = {"recovery_s": 0.0, "detection_s": 0.0}
        contacts = [row for row in self.rows if row.kind != "llm"]
        for row in self.rows:
            found["contacts"] += 1
            found[f"{row.kind}_calls"] += 1
            found["control_calls"] += row.kind == "llm" and row.plane == "control"
            found["data_calls"] += row.kind == "llm" and row.plane == "data"
            found["malformed_calls"] += row.kind == "llm" and row.status in MALFORMED
        for row, after in zip(contacts, [*contacts[1:], None], strict=False):
            if row.kind == "tool" and row.status != "ok":
                found["failed_calls"] += 1
                times["detection_s"] += row.ended_s - row.began_s
                times["recovery_s"] += (after.began_s if after else self.ended_s) - row.ended_s
        return {**found, **times}
