"""The tools of one case: calls that change a world's state, health probes, and the faults one layer below them.

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

The world is a SQLite database in memory; a call is one transaction. A provider knows its own calls: the same call again
returns what it did before and does nothing more (an idempotency key). Providers do not know each other, so two of them
refund twice. What a caller learns of a fault is what a call or a probe returned.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adabench.workloads.agents.tools.substrate.post_classifiers import Post, read_post
from adabench.workloads.agents.tools.substrate.record_world import Errand, RecordWorld
from adabench.workloads.agents.tools.substrate.tool_graph import ToolGraph
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


Status = Literal["ok", "err", "down", "late"]
DEADLINE_S = 0.002
"""How long a call that is late blocks."""
SLOW_SHARE = 0.5
"""Of the deadline: how long a tool that is slow takes."""
OFF = 7
"""By how much data are wrong that are."""
Row = tuple[str, str, int]
"""A stage's title, the tool, and the value."""


@dataclass(frozen=True)
class Result:
    """What a call returned."""

    status: Status
    value: int | None = None
    """What the stage produced; None where nothing can be read."""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What the tools of one case work on, and what is wrong with them."""

    record: int
    """What tools that look the case up return."""
    schedule: FaultSchedule = field(default_factory=FaultSchedule)
    flag_stage: int = -1
    """The stage whose result is flagged; -1: none."""
    post: Post | None = None
    errand: Errand | None = None
    """Where tools work on records: what each of them is asked for."""


class ToolEndpoint:
    """The tools of one case."""

    def __init__(self, graph: ToolGraph, scene: Scene, *, deadline_s: float = DEADLINE_S) -> None:
        self._graph, self._scene, self._deadline_s = graph, scene, deadline_s
        self._contacts: Counter[str] = Counter()
        self._worked: list[str] = []
        self._world = sqlite3.connect(":memory:")
        self._world.execute("CREATE TABLE effects (stage TEXT, tool TEXT UNIQUE, value INTEGER)")
        self._records = RecordWorld(scene.errand) if scene.errand else None

    def call(self, tool: str, value: int | None) -> Result:
        """Call a tool with the value that the stage before it produced."""
        fault = self._strike(tool)
        kind = fault.kind if fault else ""
        if kind in ("outage", "recovering"):
            return Result("down")
        if kind in ("error", "rate_limit", "intermittent"):
            return Result("err")
        if kind == "timeout":
            time.sleep(self._deadline_s)  # what a caller loses by a tool that never answers
            return Result("late")
        result = self._work(tool, value, OFF if kind == "wrong_data" else 0)
        if kind == "lost":
            time.sleep(self._deadline_s)
            return Result("late")
        if kind == "slow":
            time.sleep(self._deadline_s * SLOW_SHARE)
        return Result("ok") if kind == "malformed" and result.status == "ok" else result

    def probe(self, tool: str) -> bool:
        """Ask a tool whether it is well; it answers, refuses, or says nothing until the deadline."""
        fault = self._strike(tool)
        kind = fault.kind if fault else ""
        if kind == "timeout":
            time.sleep(self._deadline_s)
        return kind not in ("outage", "recovering", "timeout", "rate_limit")

    def check(self, stage: int) -> tuple[int, ...]:
        """Return the values that a stage has left in the world."""
        title = self._graph.stages[stage].title
        found = self._world.execute("SELECT value FROM effects WHERE stage = ?", (title,))
        return tuple(value for (value,) in found)

    def down(self) -> frozenset[str]:
        """Return the tools that are out of order now, for the arm in which somebody says so."""
        worked = frozenset(self._worked)
        faults = ((tool, self._fault(tool, worked)) for tool in self._graph.tools)
        return frozenset(
            tool
            for tool, fault in faults
            if fault and fault.kind in ("outage", "recovering", "timeout")
        )

    def close(self) -> tuple[Row, ...]:
        """Return what stands in the world at the end, in the order in which it came there; records that changed last."""
        found = self._world.execute("SELECT stage, tool, value FROM effects ORDER BY rowid")
        rows = tuple((str(stage), str(tool), int(value)) for stage, tool, value in found)
        self._world.close()
        return rows if self._records is None else (*rows, *self._records.close())

    def _fault(self, tool: str, worked: frozenset[str]) -> Fault | None:
        return self._scene.schedule.fault(tool, self._contacts[tool], worked)

    def _strike(self, tool: str) -> Fault | None:
        """Return the fault of this contact, and count it."""
        fault = self._fault(tool, frozenset(self._worked))
        self._contacts[tool] += 1
        return fault

    def _work(self, tool: str, value: int | None, off: int) -> Result:
        """Do what a tool does: look up, or change the world."""
        place = self._graph.stage_of[tool]
        found = self._product(tool, place, value)
        if found is None:
            return Result("err")  # a call without its argument
        title = self._graph.stages[place].title
        with self._world:
            self._world.execute(
                "INSERT OR IGNORE INTO effects VALUES (?, ?, ?)", (title, tool, found + off)
            )
            query = "SELECT value FROM effects WHERE tool = ?"
            (stored,) = self._world.execute(query, (tool,)).fetchone()
        self._worked.append(tool)
        flags = ("policy",) if place == self._scene.flag_stage else ()
        return Result("ok", int(stored), flags)

    def _product(self, tool: str, place: int, value: int | None) -> int | None:
        """Return what a tool makes of its argument."""
        if self._records is not None:
            return self._records.work(tool, value)
        if not self._graph.stages[place].reads or place > 0:
            return value
        post = self._scene.post
        return self._scene.record if post is None else read_post(tool, post)
