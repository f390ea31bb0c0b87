"""The server of agents: requests come, and those that are there are served together.

    closed loop    qps 0: `concurrency` requests at a time, the next one when one is done
    open loop      requests come at a rate, as Poisson has it; first come, first served

**Continuous batching.** All branches that may draw a word are decoded together, some words at a time; who
comes in between joins the next batch. Rows of a batch are computed one by one, so what is written does
not depend on who else is served, and in which order.

**Tools** answer where an episode has written a call. One that is late blocks its branch and no other. The
model is idle while no call of it runs and somebody waits. Those of a plan run in threads beside the model, and
are looked after between some words and the next (`plan_run.py`).
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from adabench.workloads.agents.substrate.serving.branches import Branches
from adabench.workloads.agents.substrate.serving.desk import Desk, Ids, MakeAgent, Stream
from adabench.workloads.agents.substrate.serving.plan_run import PlanRun
from adabench.workloads.agents.substrate.serving.script import Script
from adabench.workloads.agents.substrate.serving.served_request import (
    CallRow,
    Flight,
    Offer,
    ServedRequest,
    Values,
)
from adabench.workloads.agents.substrate.serving.stream_clock import Span, StreamClock, overlap_s
from adabench.workloads.shared.language_model.contract import Chunk, mix

MOST_AT_ONCE = 64
"""Requests that are served at a time."""
QUANTUM = 4
"""Words that are drawn before newcomers may join, and before a plan is looked after."""
TOOL_THREADS = 4


@dataclass(frozen=True)
class Load:
    """How requests come, and whether what was read stays."""

    qps: float = 0.0
    """Requests a second; 0: the next one when one is done."""
    concurrency: int = 1
    """Without a rate: requests at a time."""
    reuse: bool = True
    entries: int = 0
    """People in the table that each look-up reads through, beside those of the questions; 0: no table."""
    deadline: float = 0.0
    """How long a client waits, on the server's clock; whoever has no answer by then gets none. 0: for ever."""


@dataclass(frozen=True)
class Served:
    """What came of one request: plain data."""

    offers: tuple[Offer, ...]
    waited_s: float
    latency_s: float
    is_cut: bool = False
    """Whether its client went before there was an answer."""
    handled: int = 0
    """Words that were read and written for it."""
    graph: Any = None
    """What it ran through (`workflow.py`)."""
    sure: float | None = None
    """What a critic said of its answer, if one was asked."""


@dataclass(frozen=True)
class StreamTimes:
    """Where the time of a stream went, in seconds."""

    wall_s: float
    """With gaps in which nobody waited."""
    busy_s: float
    """Without them."""
    prefill_s: float
    decode_s: float
    tool_s: float
    overlap_s: float
    """While the model and a tool ran."""


@dataclass
class AgentServer:
    """Serves one stream."""

    branches: Branches[Any]
    script: Script
    values_of: Values
    load: Load
    rows: list[CallRow] = field(default_factory=list)
    tool_s: float = 0.0
    clock: StreamClock = field(default_factory=StreamClock)
    _queue: deque[ServedRequest] = field(default_factory=deque)
    _active: list[ServedRequest] = field(default_factory=list)
    _make: Callable[[Desk], Any] = field(init=False)
    _model_spans: list[Span] = field(default_factory=list)
    """When the model ran."""
    _pool: ThreadPoolExecutor | None = None

    def serve(
        self, stream: Stream, tools: Sequence[Any], make: MakeAgent, seed: int
    ) -> tuple[tuple[Served, ...], StreamTimes]:
        """Serve a stream to its end; `tools` are those of each request."""
        self._make = make
        comes = stream.arrivals_s(self.load.qps) if self.load.qps else (0.0,) * len(stream.prompts)
        requests = [
            ServedRequest(
                index, prompt, mix(seed, stream.index, index), tools[index], self.script,
                self.branches, self.values_of, self.clock.now, self._threads, comes[index],
            )
            for index, prompt in enumerate(stream.prompts)
        ]  # fmt: skip
        self._queue.extend(requests)
        try:
            while self._queue or self._active:
                self._admit()
                self._turn()
                self.clock.end_turn()
                if self.load.deadline:
                    self._cut_late()
        finally:
            if self._pool is not None:
                self._pool.shutdown()
        wall_s = self.clock.now()
        tool_spans = [(row.began_s, row.ended_s) for row in self.rows if row.kind == "tool"]
        times = StreamTimes(
            wall_s, wall_s - self.clock.skipped_s,
            self.branches.prefill_s, self.branches.decode_s, self.tool_s,
            overlap_s(self._model_spans, tool_spans),
        )  # fmt: skip
        return tuple(_served(request) for request in requests), times

    def _admit(self) -> None:
        """Take on whoever has come and finds a place; where nobody is there go on to the next."""
        is_open = self.load.qps > 0
        if is_open and not self._active and self._queue:
            self.clock.skip_to(self._queue[0].arrived_s)
        places = MOST_AT_ONCE if is_open else self.load.concurrency
        while self._queue and self._waiting() < places:
            now = self.clock.now()
            if is_open and self._queue[0].arrived_s > now:
                break
            request = self._queue.popleft()
            request.started_s = now
            if not is_open:
                request.arrived_s = now
            request.agent = self._make(Desk(request.index, request))
            self._active.append(request)
            self._go_on(request, first=True)

    def _waiting(self) -> int:
        """Return how many clients wait for an answer that is being made."""
        return sum(not request.is_released for request in self._active)

    def _cut_late(self) -> None:
        """End the requests whose clients have waited for too long."""
        for request in list(self._active):
            waited = self.clock.now() - request.arrived_s
            if not request.is_released and waited > self.load.deadline:
                assert request.agent is not None
                request.agent.close()
                request.offers.clear()
                request.is_cut = True
                self._end(request)

    def _end(self, request: ServedRequest) -> None:
        request.ended_s = self.clock.now()
        request.close_all()
        self._active.remove(request)

    def _turn(self) -> None:
        """Hand over what tools have said, draw words, and let agents go on that have what they asked."""
        self._hand_over()
        self._look_after_plans()
        drawing = [
            (request, flight)
            for request in self._active
            for flight in request.flights
            if flight.is_drawing
        ]
        if drawing:
            self._draw(drawing)
        else:
            self._wait()
        for request in list(self._active):
            if all(flight.done for flight in request.flights):
                self._go_on(request)

    def _go_on(self, request: ServedRequest, *, first: bool = False) -> None:
        """Let an agent go on until it asks for something that takes time, or ends."""
        assert request.agent is not None
        found = None if first else request.outcome()
        try:
            while True:
                request.take_off(request.agent.send(found))
                if request.flights:
                    return
                found = request.outcome()
        except StopIteration:
            self._end(request)

    def _draw(self, drawing: Sequence[tuple[ServedRequest, Flight]]) -> None:
        """Decode all branches that may draw, those that draw alike together."""
        groups: dict[Any, list[tuple[ServedRequest, Flight]]] = defaultdict(list)
        for request, flight in drawing:
            groups[flight.temperature, flight.stop].append((request, flight))
        is_alone = len(self._active) == 1 and not (self.load.qps and self._queue)
        for (temperature, stop), group in groups.items():
            for _, flight in group:
                if flight.began_s is None:
                    flight.began_s, flight.context = self.clock.now(), len(flight.seq.ids)
                    self.branches.begin_call(flight.seq)
            left = [flight.end - len(flight.seq.ids) for _, flight in group]
            is_plan = any(flight.plan is not None for _, flight in group)
            most = left if is_alone and not is_plan else [min(one, QUANTUM) for one in left]
            began_s = self.clock.now()
            chunks = self.branches.decode([f.seq for _, f in group], stop, most, temperature)
            self._model_spans.append((began_s, self.clock.now()))
            for (request, flight), chunk in zip(group, chunks, strict=True):
                self._note(request, flight, chunk)

    def _note(self, request: ServedRequest, flight: Flight, chunk: Chunk) -> None:
        """See whether a branch has come to the end of its step, or to a tool."""
        seq, script = flight.seq, self.script
        request.handled += len(chunk.ids)
        if chunk.logprobs:
            flight.logprob = chunk.logprobs[-1]
        is_cut = len(seq.ids) >= flight.end
        if flight.plan is not None:
            flight.plan.read(seq.completion)
            if is_cut or seq.finished or flight.plan.is_written:
                flight.plan.is_written = True
                self._end_call(request, flight)
            return
        if not (is_cut or seq.finished or (chunk.ids and chunk.ids[-1] in flight.stop)):
            return
        completion = seq.completion
        is_due = not is_cut and not seq.finished and script.is_due(completion)
        if not (is_due or is_cut or seq.finished):
            if flight.kind == "llm" and (
                script.goes_on(completion) or (flight.to_end and not script.is_over(seq))
            ):
                return
            if flight.kind == "judge" and script.goes_on(completion):
                return
        self._end_call(request, flight)
        if is_due:
            self._call(request, flight)
        else:
            flight.done = True

    def _end_call(self, request: ServedRequest, flight: Flight) -> None:
        assert flight.began_s is not None
        plane = self.script.plane(flight.seq.completion) if flight.kind == "llm" else "control"
        self.rows.append(
            CallRow(
                request.index, flight.kind, plane, flight.began_s, self.clock.now(),
                flight.context, len(flight.seq.ids) - flight.context,
            )
        )  # fmt: skip
        flight.began_s = None

    def _call(self, request: ServedRequest, flight: Flight) -> None:
        """Call the tool that is due."""
        flight.due_from_s = self.clock.now()
        tools = request.tools_of(flight.seq)
        due = self.script.result(tools, flight.seq.completion)
        flight.due = replace(due, late_s=self.clock.blocked(due.late_s))
        self.tool_s += self.clock.now() - flight.due_from_s

    def _hand_over(self) -> None:
        """Put what tools have said onto their branches, those of all requests together."""
        now = self.clock.now()
        found = [
            (request, flight, flight.due)
            for request in self._active
            for flight in request.flights
            if flight.due is not None and now >= flight.due_from_s + flight.due.late_s
        ]
        if not found:
            return
        self._read([f for _, f, _ in found], [due.words for *_, due in found])
        for request, flight, due in found:
            request.handled += len(due.words)
            self.rows.append(
                CallRow(
                    request.index, "tool", "data", flight.due_from_s, now,
                    len(flight.seq.ids) - len(due.words), len(due.words), due.failed,
                )
            )  # fmt: skip
            flight.due = None
            if flight.kind == "llm" and not flight.to_end:
                flight.done = True
            flight.done = flight.done or len(flight.seq.ids) >= flight.end

    def _look_after_plans(self) -> None:
        """Take what planned calls returned, begin others, and hand over what plans came to."""
        whole = []
        for request, flight, plan in self._plans():
            for one in plan.take():
                assert one.answer is not None
                answer, words = one.answer, one.answer.result.words
                self.tool_s += answer.ended_s - answer.began_s
                self.rows.append(
                    CallRow(
                        request.index, "tool", "data", answer.began_s, answer.ended_s,
                        len(flight.seq.ids), len(words), answer.result.failed,
                    )
                )  # fmt: skip
            if plan.is_written and plan.is_idle:
                flight.done = True
                if not flight.seq.finished:
                    whole.append((flight, plan.observed()))
        if whole:
            self._read([flight for flight, _ in whole], [words for _, words in whole])

    def _plans(self) -> Iterator[tuple[ServedRequest, Flight, PlanRun]]:
        """Yield the plans that are being carried out."""
        for request in self._active:
            for flight in request.flights:
                if flight.plan is not None and not flight.done:
                    yield request, flight, flight.plan

    def _read(self, flights: Sequence[Flight], parts: Sequence[Ids]) -> None:
        """Put words of tools onto branches, which the model reads."""
        began_s = self.clock.now()
        self.branches.append([flight.seq for flight in flights], parts)
        self._model_spans.append((began_s, self.clock.now()))

    def _threads(self) -> Executor:
        """Return the threads of tools, which are there once somebody plans."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(TOOL_THREADS)
        return self._pool

    def _wait(self) -> None:
        """Wait for the first tool that is late, or for the first planned call."""
        dues = [
            flight.due_from_s + flight.due.late_s
            for request in self._active
            for flight in request.flights
            if flight.due is not None
        ]
        began_s = self.clock.now()
        under_way = [one for *_, plan in self._plans() for one in plan.under_way]
        running = [one for one in under_way if not one.done()]
        late = [one.result().ended_s for one in under_way if one.done()]
        first_s = max(0.0, min((*dues, *late), default=began_s) - began_s)
        if running:
            wait(running, first_s if dues or late else None, FIRST_COMPLETED)
        else:
            time.sleep(first_s)
        if dues:
            self.tool_s += self.clock.now() - began_s


def _served(request: ServedRequest) -> Served:
    return Served(
        tuple(request.offers),
        request.started_s - request.arrived_s,
        request.ended_s - request.arrived_s,
        request.is_cut,
        request.handled,
        request.graph,
        request.verdicts.get(request.offered) if request.offered else None,
    )
