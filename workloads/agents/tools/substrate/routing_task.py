"""What methods get on `tools`: sessions with tools and a model; and the task, which has the cases and an auditor.

The world and its faults go to the substrate when a case is to be solved (`enter`), which keeps them behind that case's
session. A solve has one session: whoever could begin anew would know every fault, and nothing that was done would
count. Sessions are counted, and `conformance.py` holds each method to one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal, Protocol

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.tools.substrate.choosers import Chooser
from adabench.workloads.agents.tools.substrate.routing_session import Outcome, RoutingSession
from adabench.workloads.agents.tools.substrate.tool_endpoint import DEADLINE_S, Scene, ToolEndpoint
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase
from adabench.workloads.shared.training.checkpoints import one_thread

PlainOutcome = tuple[tuple[tuple[str, str, int], ...], str, str]
"""Rows of the world, the verb of the declaration, and the stage that it names."""

Place = Literal["host", "device", "server"]
"""Where the model runs: on this machine's processor, on a device, or behind a server."""


class Auditor(Protocol):
    """Who knows what had to be done: the task is handed one, and no method is."""

    def judge(self, index: int, outcome: PlainOutcome) -> Mapping[str, float]:
        """Return what the world's state at the end is worth."""

    def plan(self, index: int) -> tuple[tuple[str, ...], int]:
        """Return the calls of the cheapest plan that works, and the stage to hand off behind it; -1: none."""


@dataclass(frozen=True)
class RoutingTask:
    """What methods get: one session a case, and an account of how it ended."""

    load_chooser: Callable[[], Chooser]
    tells_outages: bool = False
    deadline_s: float = DEADLINE_S
    place: Place = "host"
    meter: Meter = field(default_factory=Meter)
    _enter: Callable[[RoutingCase, Scene], None] = field(init=False, repr=False, compare=False)
    _open: Callable[[RoutingCase], tuple[ToolEndpoint, Callable[[Outcome], None]]] = field(
        init=False, repr=False, compare=False
    )
    _ended: Callable[[RoutingCase, object], PlainOutcome] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Open the ledger."""
        ledger = _CaseLedger(self.meter, self.deadline_s)
        object.__setattr__(self, "_enter", ledger.enter)
        object.__setattr__(self, "_open", ledger.open)
        object.__setattr__(self, "_ended", ledger.ended)

    def __reduce__(self) -> tuple[type["RoutingTask"], tuple[object, ...]]:
        """Store how it is made; weights are loaded again, and a ledger begins empty."""
        return RoutingTask, (self.load_chooser, self.tells_outages, self.deadline_s, self.place)

    @cached_property
    def _chooser(self) -> Chooser:
        return self.load_chooser()

    def warm(self) -> None:
        """Load weights and kernels; a model on a device belongs to the process that uses it."""
        if self.place != "device":
            with one_thread():  # torch's pool of threads does not survive a fork
                self._chooser.warm()

    def enter(self, case: RoutingCase, scene: Scene) -> None:
        """Take the scene of the case that is worked on next."""
        self._enter(case, scene)

    def session(self, case: RoutingCase) -> RoutingSession:
        """Return the session of a case.

        Raises:
            MethodContractError: if the case is not the one that is to be worked on, or its session has not ended.
        """
        endpoint, record = self._open(case)

        def settle(outcome: Outcome, totals: Mapping[str, float]) -> None:
            record(outcome)
            for name, value in totals.items():
                self.meter[name] += value  # type: ignore[assignment]

        return RoutingSession(
            case, endpoint, lambda: self._chooser, settle,
            tells_outages=self.tells_outages, is_served=self.place == "server",
        )  # fmt: skip

    def account(self, case: RoutingCase, answer: object) -> PlainOutcome:
        """Return how a case ended, if the answer is the report of its session.

        Raises:
            MethodContractError: if it is not.
        """
        return self._ended(case, answer)


@dataclass(frozen=True)
class GradedRoutingTask(RoutingTask):
    """The task: the same, with cases, their scenes and an auditor."""

    cases_: tuple[RoutingCase, ...] = ()
    scenes: tuple[Scene, ...] = field(default=(), repr=False, compare=False)
    auditor: Auditor | None = field(default=None, repr=False, compare=False)
    levels: ClassVar[frozenset[str]] = frozenset()

    def __reduce__(self) -> tuple[type["GradedRoutingTask"], tuple[object, ...]]:
        """Store what has no cases."""
        if self.cases_:
            raise TypeError("a task with cases is not stored; load it from its conditions")
        return GradedRoutingTask, (
            self.load_chooser, self.tells_outages, self.deadline_s, self.place, Meter(), (), (),
            self.auditor,
        )  # fmt: skip

    def cases(self) -> Iterator[RoutingCase]:
        """Yield the cases in their order."""
        yield from self.cases_

    def environment(self, case: RoutingCase) -> Scene:
        """Return what the tools of a case work on."""
        return self.scenes[case.index]

    def substrate(self) -> RoutingTask:
        """Return what methods get."""
        return RoutingTask(self.load_chooser, self.tells_outages, self.deadline_s, self.place)

    def oracle_substrate(self) -> "GradedRoutingTask":
        """Return the same with the auditor."""
        return replace(self, cases_=(), scenes=(), meter=Meter())

    def session(self, case: RoutingCase) -> RoutingSession:
        """Return a session on a case, whose scene is here."""
        if self.scenes:
            self.enter(case, self.scenes[case.index])
        return super().session(case)

    def plan(self, case: RoutingCase) -> tuple[tuple[str, ...], int]:
        """Return what is best done, told every fault. For oracles alone."""
        assert self.auditor is not None, "a task that was loaded has an auditor"
        return self.auditor.plan(case.index)

    def judge(self, case: RoutingCase, outcome: PlainOutcome) -> Mapping[str, float]:
        """Judge how a case ended."""
        assert self.auditor is not None, "a task that was loaded has an auditor"
        return self.auditor.judge(case.index, outcome)

    def score(self, case: RoutingCase, answer: object) -> Mapping[str, float]:
        """Judge a case that was worked on with this very object."""
        return self.judge(case, self.account(case, answer))


class _CaseLedger:
    """Which case is worked on, and how it ended."""

    def __init__(self, meter: Meter, deadline_s: float) -> None:
        self._meter, self._deadline_s = meter, deadline_s
        self._present: tuple[RoutingCase, Scene] | None = None
        self._is_open = False
        self._outcome: Outcome | None = None

    def enter(self, case: RoutingCase, scene: Scene) -> None:
        self._present, self._is_open, self._outcome = (case, scene), False, None

    def open(self, case: RoutingCase) -> tuple[ToolEndpoint, Callable[[Outcome], None]]:
        if self._present is None or self._present[0] != case:
            raise MethodContractError(
                "The tools of this case are not here: another one is being worked on.",
                "Open the session on the case that `solve` is handed.",
            )
        if self._is_open:
            raise MethodContractError(
                "A case has one session, and this one has not ended.",
                "What was done to the world stays done: go on in the session that there is.",
            )
        self._is_open, self._outcome = True, None
        self._meter["sessions"] += 1
        return ToolEndpoint(case.graph, self._present[1], deadline_s=self._deadline_s), self._record

    def _record(self, outcome: Outcome) -> None:
        self._outcome, self._is_open = outcome, False

    def ended(self, case: RoutingCase, answer: object) -> PlainOutcome:
        found = self._outcome
        if (
            found is None
            or self._present is None
            or self._present[0] != case
            or answer != found.report
        ):
            raise MethodContractError(
                "This answer is not how the session of this case ended.",
                "Return `session.report` after its `with`.",
            )
        return found.rows, found.verb, found.missing
