"""One case being worked on: its tools, a model that may be asked, a row for each call, what is declared at the end.

    with task.session(case) as session:
        result = session.call("lookup")
        choice = session.choose()            the model reads every call so far, and names the next tool
        tools = session.choose_path()        the model names all of them, and reads no result
        session.finish()                     or session.hand_off(stage): what is missing is said
    return session.report

The session hands each call what the stage before it produced, counts it, and says nothing of faults that no call or probe has
met; only where `known_outage` is chosen it names what is down. A call of the model is control where it chooses or hands off,
data where it says that all is done. `recovery_s`: from a call that failed to the next contact or the end; `detection_s`: what
failed calls took.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, TypeVar

from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.tools.substrate.choice_script import Turn
from adabench.workloads.agents.tools.substrate.choosers import Chooser
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result, Row, ToolEndpoint
from adabench.workloads.agents.tools.substrate.tool_graph import NextStep, RoutingCase, ToolGraph
from adabench.workloads.shared.language_model.contract import Costs, Seq

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


T = TypeVar("T")
MOST_CONTACTS = 200
"""Calls, probes and checks of one case: an honest method needs a tenth of them."""
HIGH_AMOUNT = 10_000
"""Above it a person decides: the paper's rule, which everybody knows."""


@dataclass(frozen=True)
class Outcome:
    """How a case ended: what stands in the world, and what was declared."""

    rows: tuple[Row, ...]
    verb: Literal["done", "hand_off", "nothing"]
    missing: str = ""
    """The stage that a hand-off names."""

    @property
    def report(self) -> str:
        """Return what a method hands in."""
        return f"{self.verb} {self.missing}".strip()


def is_risky(result: Result) -> bool:
    """Tell whether a person has to decide: a high amount, or a flag."""
    return bool(result.flags) or (result.value or 0) > HIGH_AMOUNT


@dataclass
class RoutingSession:
    """A session; use it in a `with`."""

    case: RoutingCase
    endpoint: ToolEndpoint = field(repr=False)
    load_chooser: Callable[[], Chooser] = field(repr=False)
    settle: Callable[[Outcome, Mapping[str, float]], None] = field(repr=False)
    known_down: frozenset[str] = frozenset()
    """What somebody says is down, where `known_outage` is chosen: as it was when last asked."""
    tells_outages: bool = False
    is_served: bool = False
    """Whether the model is behind a server of somebody else's."""

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        self._ledger, self._costs = RoutingLedger(), Costs()
        self._values: list[list[int]] = [[] for _ in self.case.graph.stages]
        self._worked: list[set[str]] = [set() for _ in self.case.graph.stages]
        self._turns: list[Turn] = []
        """What happened since the model was last asked."""
        self._read: list[int] = []
        """What it reads of all that was before."""
        self._chosen: tuple[str, tuple[int, ...]] = ("", ())
        """The tool that the model named last, and its words."""
        self._seq: Seq | None = None
        self._chooser: Chooser | None = None
        self._outcome: Outcome | None = None
        self._verb: Literal["done", "hand_off", "nothing"] = "nothing"
        self._missing = ""
        self._refresh()

    @property
    def graph(self) -> ToolGraph:
        """Return the graph of tools."""
        return self.case.graph

    def call(self, tool: str) -> Result:
        """Call a tool with what the stage before it produced.

        Raises:
            MethodContractError: if there is no such tool, or the session has ended.
        """
        stage = self._stage_of(tool)
        value = self._argument(stage)
        result = self._timed("tool", tool, lambda: self.endpoint.call(tool, value), _status_of)
        if result.status == "ok":
            self._worked[stage].add(tool)
            self._values[stage] += [] if result.value is None else [result.value]
        status = "risk" if result.status == "ok" and is_risky(result) else result.status
        named, written = self._chosen
        self._turns.append(Turn(tool, status, written if named == tool else ()))
        self._chosen = ("", ())
        self._refresh()
        return result

    def probe(self, tool: str) -> bool:
        """Ask whether a tool is well.

        Raises:
            MethodContractError: if there is no such tool, or the session has ended.
        """
        self._stage_of(tool)
        return self._timed("probe", tool, lambda: self.endpoint.probe(tool), str)

    def check(self, stage: int) -> bool:
        """Look whether a stage has left in the world what its tools said that it did.

        Raises:
            MethodContractError: if the session has ended.
        """
        title, least = self.graph.stages[stage].title, self._least(stage)
        found = self._timed("check", title, lambda: self.endpoint.check(stage), str)
        return len(found) >= least and set(found) == set(self._values[stage])

    def choose(self) -> NextStep:
        """Ask the model what comes next; it reads every call of this session.

        Raises:
            EnvironmentProblem: if the model was not trained yet, or misses a gate.
        """
        self._refuse_end()
        chooser = self._opened()
        began_s = time.perf_counter()
        self._put_into_words(chooser)
        if chooser.most_words is not None and len(self._read) > chooser.most_words:
            return NextStep("unreadable")  # no room for an answer, so nobody is asked
        seq = self._listening(chooser)
        chunk = chooser.engine.decode(
            [seq], stop=chooser.script.stops, max_new=chooser.script.longest, temperature=0.0
        )[0]
        step = chooser.script.step(self.case, chunk)
        self._note_choice(step.verb, began_s)
        if step.verb == "corrected":
            self._turns.append(Turn("", "malformed", chunk.ids))
        self._chosen = (step.tool, chunk.ids)
        return step

    def choose_path(self) -> tuple[str, ...]:
        """Ask the model once for the tools of a whole path; none where its answer cannot be read.

        Raises:
            EnvironmentProblem: if the model was not trained yet, or misses a gate.
        """
        self._refuse_end()
        chooser = self._opened()
        began_s = time.perf_counter()
        found = chooser.script.path(chooser.engine, self.case)
        self._note_choice("path" if found else "unreadable", began_s)
        return found

    def finish(self) -> None:
        """Declare that everything is done.

        Raises:
            MethodContractError: if the session has ended.
        """
        self._refuse_end()
        self._verb = "done"

    def hand_off(self, stage: int) -> None:
        """Declare that a person has to go on, and from which stage.

        Raises:
            MethodContractError: if the session has ended, or there is no such stage.
        """
        self._refuse_end()
        if not 0 <= stage < len(self.graph.stages):
            raise MethodContractError(
                f"There is no stage {stage} to hand off.", "Name one of `session.graph.stages`."
            )
        self._verb, self._missing = "hand_off", self.graph.stages[stage].title

    @property
    def missing_stage(self) -> int:
        """Return the first stage of which too few tools said that they have worked; behind the last: none."""
        places = range(len(self.graph.stages))
        open_ = (place for place in places if len(self._worked[place]) < self._least(place))
        return next(open_, len(self.graph.stages))

    @property
    def report(self) -> str:
        """Return how the case ended, to be handed in."""
        assert self._outcome is not None, "a session reports when its `with` has ended"
        return self._outcome.report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the world, and write what was called into the task's meter."""
        self._ledger.ended_s = time.perf_counter()
        self._outcome = Outcome(self.endpoint.close(), self._verb, self._missing)
        if self._chooser and self._seq:
            self._chooser.engine.close(self._seq)
        self.settle(self._outcome, {**self._ledger.totals(), **self._model_costs()})

    def _model_costs(self) -> dict[str, float]:
        """Return what the model worked; what a server worked nobody sees, but for the words that it counts."""
        found = {name: float(self._costs.meter[name]) for name in ("generated", "prefilled")}
        if self.is_served:
            return found | {
                name: float(self._costs.meter[name]) for name in ("cached", "discarded")
            }
        return {**found, "flops_counted": float(self._costs.meter["flops"])}

    def _timed(self, kind: Kind, name: str, work: Callable[[], T], status: Callable[[T], str]) -> T:
        self._refuse_end()
        began_s = time.perf_counter()
        found = work()
        ended_s = time.perf_counter()
        self._ledger.add(LedgerRow(kind, "data", name, status(found), began_s, ended_s))
        return found

    def _refuse_end(self) -> None:
        if self._verb != "nothing" or self._outcome is not None:
            raise MethodContractError(
                "The case was declared to have ended, and something was asked after that.",
                "Declare last.",
            )
        if len(self._ledger.rows) >= MOST_CONTACTS:
            raise MethodContractError(
                f"The method made {MOST_CONTACTS} calls for one case and came to no end.",
                "Count failures, and hand off.",
            )

    def _refresh(self) -> None:
        if self.tells_outages:
            self.known_down = self.endpoint.down()

    def _stage_of(self, tool: str) -> int:
        places = self.graph.stage_of
        if tool not in places:
            raise MethodContractError(
                f"There is no tool {tool!r} in this graph.", f"It has {', '.join(places)}."
            )
        return places[tool]

    def _least(self, stage: int) -> int:
        """Return how many tools of a stage must have worked."""
        return self.graph.quorum if self.graph.covers and stage == 0 else 1

    def _argument(self, stage: int) -> int | None:
        """Return what a tool of a stage is called with; None: the stage before has not produced it.

        Readers of a post each say 1 for harmful; one of them is enough.
        """
        if stage == 0:
            return self.case.reference
        before = self._values[stage - 1]
        if len(before) < self._least(stage - 1):
            return None
        return max(before) if self.graph.covers and stage == 1 else before[-1]

    def _note_choice(self, verb: str, began_s: float) -> None:
        """Write down a call of the model."""
        plane: Plane = "data" if verb == "done" else "control"
        name = self._opened().name
        self._ledger.add(LedgerRow("llm", plane, name, verb, began_s, time.perf_counter()))

    def _opened(self) -> Chooser:
        if self._chooser is None:
            self._chooser = self.load_chooser()
            self._chooser.note()
            self._chooser.engine.reset(self._costs)
        return self._chooser

    def _put_into_words(self, chooser: Chooser) -> None:
        self._read += [] if self._read else chooser.script.prompt(self.case)
        for turn in self._turns:
            self._read += chooser.script.turn(self.case, turn)
        self._turns.clear()

    def _listening(self, chooser: Chooser) -> Seq:
        """Return a sequence that holds what the model is to read; what it holds already is not read again."""
        seq, rest = self._seq, _behind(self._seq, self._read)
        if seq is None or rest is None:
            if seq is not None:
                chooser.engine.close(seq)
            self._seq = seq = chooser.engine.open(self._read)
        elif rest:
            chooser.engine.append([seq], [rest])
        return seq


def _behind(seq: Seq | None, words: Sequence[int]) -> Sequence[int] | None:
    """Return the words that a sequence lacks; None if it holds others."""
    if seq is None or list(words[: len(seq.ids)]) != list(seq.ids):
        return None
    return words[len(seq.ids) :]


def _status_of(result: Result) -> str:
    return result.status
