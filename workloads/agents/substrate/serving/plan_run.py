"""A plan that is carried out while it is written: each call is made as soon as its placeholders are settled.

    read    calls that have been written whole since
    start   those whose placeholders stand for results that are there, each in a thread of the tools
    take    the calls that came back since

The thread of a call runs beside the model's: when it began and when it ended is read off the clock there.
With `ahead` false nothing is begun before the plan is whole: what streaming brings is the difference.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from adabench.workloads.agents.substrate.action_steps import Call
from adabench.workloads.agents.substrate.plan_steps import resolved, waits_for
from adabench.workloads.agents.substrate.serving.script import Ids, ToolResult
from adabench.workloads.agents.substrate.serving.word_script import PlanScript


@dataclass(frozen=True)
class TimedResult:
    """What a tool said, and when."""

    result: ToolResult
    began_s: float
    ended_s: float
    """With the time that it was late."""


@dataclass(eq=False)
class PlannedCall:
    """A call of the plan."""

    call: Call
    flight: Future[TimedResult] | None = None
    answer: TimedResult | None = None
    is_dead: bool = False
    """A placeholder of it stands for nothing."""

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self.is_dead or self.answer is not None


@dataclass(eq=False)
class PlanRun:
    """The plans of one episode."""

    script: PlanScript
    tools: Any
    pool: Executor
    now: Callable[[], float]
    ahead: bool
    calls: list[PlannedCall] = field(default_factory=list)
    is_written: bool = False
    _back: list[PlannedCall] = field(default_factory=list)
    """Calls that came back and were not taken yet."""
    _results: dict[int, Ids] = field(default_factory=dict)
    """By marker, those of earlier plans too."""
    _attempts: Counter[Call] = field(default_factory=Counter)

    def begin(self) -> None:
        """Begin another plan."""
        self.calls, self.is_written = [], False

    def read(self, completion: Ids) -> None:
        """Take in what was written, and begin what can begin."""
        self.is_written = self.script.is_planned(completion)
        planned = self.script.planned(completion)
        self.calls += [PlannedCall(call) for call in planned[len(self.calls) :]]
        self.go_on()

    def take(self) -> list[PlannedCall]:
        """Return the calls that came back since."""
        self.go_on()
        found, self._back = self._back, []
        return found

    def go_on(self) -> None:
        """Read what tools have said, and begin what can begin."""
        now = self.now()
        for one in self.calls:
            if one.flight is not None and one.answer is None and one.flight.done():
                answer = one.flight.result()
                if answer.ended_s <= now:
                    one.answer = answer
                    self._results[one.call.marker] = answer.result.words
                    self._back.append(one)
        if self.ahead or self.is_written:
            for place, one in enumerate(self.calls):
                if one.flight is None and not one.is_dead:
                    self._start(one, self.calls[:place])

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is to come of the calls so far."""
        return all(one.is_settled for one in self.calls)

    @property
    def under_way(self) -> list[Future[TimedResult]]:
        """Return the threads of calls that did not come back yet."""
        return [one.flight for one in self.calls if one.flight is not None and one.answer is None]

    def observed(self) -> Ids:
        """Return what the joiner reads."""
        pairs = [
            (one.call, one.answer.result.words) for one in self.calls if one.answer is not None
        ]
        return self.script.observed(pairs)

    def _start(self, one: PlannedCall, before: list[PlannedCall]) -> None:
        """Begin a call, unless it waits for another; or say that it never can."""
        wanted = [
            next((other for other in reversed(before) if other.call.marker == marker), None)
            for marker in waits_for(one.call)
        ]
        if any(other is not None and not other.is_settled for other in wanted):
            return
        is_lost = any(other is not None and other.is_dead for other in wanted)
        call = None if is_lost else resolved(one.call, self._results)
        if call is None:
            one.is_dead = True
            return
        attempt = self._attempts[call]
        self._attempts[call] += 1
        one.flight = self.pool.submit(self._timed, call, attempt)

    def _timed(self, call: Call, attempt: int) -> TimedResult:
        """Make a call, in a thread of its own."""
        began_s = self.now()
        result = self.script.call(self.tools, call, attempt)
        return TimedResult(result, began_s, self.now() + result.late_s)
