"""What goes wrong with tools in a case: laid down before it, one layer below all that a method can read.

    outage       refused at once                      down
    timeout      blocks until the deadline, undone    late
    lost         done, and the answer never comes     late
    error        fails in passing                     err
    rate_limit   refused for so many calls            err
    recovering   an outage that ends                  down, then ok
    intermittent fails with a probability             err
    slow         takes half of the deadline           ok
    malformed    done, and the answer is unreadable   ok, without a value
    wrong_data   does and answers something else      ok

A fault may begin when another tool has worked (`after`), and end after so many calls of its own (`calls`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adabench.workloads.shared.language_model.contract import mix

FaultKind = Literal[
    "outage", "timeout", "lost", "error", "rate_limit", "recovering", "intermittent", "slow",
    "malformed", "wrong_data",
]  # fmt: skip
_FAULT = 0xFA175
_UNIT = 2.0**-64


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a tool."""

    kind: FaultKind
    after: str = ""
    """The tool behind whose success it begins; empty: it is there from the start."""
    calls: int = 0
    """How many calls it lasts; 0: for ever."""
    chance: float = 1.0
    """Of each call, to be struck."""


@dataclass(frozen=True)
class FaultSchedule:
    """The faults of one case: one a tool at most."""

    seed: int = 0
    faults: Mapping[str, Fault] = field(default_factory=dict)

    def fault(self, tool: str, contact: int, worked: frozenset[str]) -> Fault | None:
        """Return what strikes a tool at its contact of this number, if these tools have worked."""
        found = self.faults.get(tool)
        if found is None or (found.after and found.after not in worked):
            return None
        if found.calls and contact >= found.calls:
            return None
        number = mix(_FAULT, self.seed, *tool.encode(), contact) * _UNIT
        return found if number < found.chance else None


def outages(*tools: str, **later: str) -> dict[str, Fault]:
    """Return outages by tool: from the start, and by keyword those that follow a tool's success."""
    found = {tool: Fault("outage") for tool in tools}
    return found | {tool: Fault("outage", after=cause) for tool, cause in later.items()}
