"""What methods of this task get: streams of requests that are served with a policy and tools.

    return task.serve(stream, agent, Load(qps=4.0))

A method writes an agent (`desk.py`), and hands back what `serve` gave: for each request the words of the
answer that its agent offered last. Worlds, faults and engine stay behind the server.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.substrate.agent_task import Grader, Scene
from adabench.workloads.agents.substrate.serving.agent_server import (
    AgentServer,
    Load,
    Served,
    StreamTimes,
)
from adabench.workloads.agents.substrate.serving.desk import Ids, MakeAgent, Stream
from adabench.workloads.agents.substrate.serving.served_model import ServedModel
from adabench.workloads.agents.substrate.serving.served_request import CallRow, Offer, counts
from adabench.workloads.agents.substrate.serving.stream_figures import FEWEST, digest, times_of
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.training.checkpoints import one_thread

LEVELS = frozenset({"kv_peak", "kv_peak_bytes"})
Answers = tuple[Ids, ...]


@dataclass(frozen=True)
class StreamAccount:
    """What the server says of a stream that was served: plain data."""

    answers: Answers
    served: tuple[Served, ...]
    times: StreamTimes
    load: Load


@dataclass(frozen=True)
class AgentStreams:
    """What methods get."""

    seed: int
    load_model: Callable[[], ServedModel]
    on_device: bool = False
    load_planner: Callable[[], ServedModel] | None = None
    usual_load: Load = field(default_factory=Load)
    """How requests come where a method does not say it."""
    meter: Meter = field(default_factory=Meter)
    starts_cold: ClassVar[bool] = True
    """A stream is long, and what comes first warms up what comes later."""
    _present: dict[Stream, tuple[Scene, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _accounts: dict[Stream, StreamAccount] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _metered: Counter[str] = field(default_factory=Counter, init=False, repr=False, compare=False)
    _clears: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    """How often the meter was cleared when something was written into it last."""
    _trained: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    """Words of trainings that the next stream is to bear."""

    def __reduce__(self) -> tuple[type["AgentStreams"], tuple[object, ...]]:
        """Store how it is made."""
        return AgentStreams, self._made

    @property
    def _made(self) -> tuple[Any, ...]:
        return self.seed, self.load_model, self.on_device, self.load_planner, self.usual_load

    @cached_property
    def model(self) -> ServedModel:
        """Return what is served, loaded when it is asked for first."""
        return self.load_model()

    @cached_property
    def planner(self) -> ServedModel:
        """Return what writes plans, loaded when it is asked for first.

        Raises:
            CapabilityMissing: if the model has no planner beside it.
        """
        if self.load_planner is None:
            raise CapabilityMissing("plans: no planner stands beside this model.", "Use ours.")
        return self.load_planner()

    def warm(self) -> None:
        """Load weights and kernels; a model on a device belongs to the process that uses it."""
        if not self.on_device:
            with one_thread():  # torch's pool of threads does not survive a fork
                self.model.warm()

    def book_training(self, words: int) -> None:
        """Let the next stream that is served bear the words of a training."""
        self._trained.append(words)

    def enter(self, stream: Stream, scenes: tuple[Scene, ...]) -> None:
        """Take the worlds of the stream that is served next."""
        self._present.clear()
        self._present[stream] = scenes

    def serve(
        self,
        stream: Stream,
        agent: MakeAgent,
        load: Load | None = None,
        *,
        planner: bool = False,
    ) -> Answers:
        """Serve a stream, each request by an agent of its own; return what was offered last for each.

        Who serves it twice pays twice. `planner`: it is the planner's branches that agents have.

        Raises:
            MethodContractError: if it is not the stream that is to be served.
        """
        self._refuse(stream)
        scenes, load = self._present[stream], load or self.usual_load
        model = self.planner if planner else self.model
        model.note()
        machines = model.begin()
        values = partial(model.values, machines[0])
        branches, clock = model.branches(load.reuse), model.clock(machines)
        server = AgentServer(branches, model.script, values, load, clock=clock)
        tools = [model.tools(one, load.entries) for one in scenes]
        served, times = server.serve(stream, tools, agent, self.seed)
        answers = tuple(one.offers[-1].words if one.offers else () for one in served)
        self._settle(machines, server.rows, len(served))
        self._accounts.clear()
        self._accounts[stream] = StreamAccount(answers, served, times, load)
        return answers

    def account(self, stream: Stream, answers: object) -> StreamAccount:
        """Return what the server says of a stream, if these are its answers.

        Raises:
            MethodContractError: if they are not what was offered, or somebody wrote into the meter.
        """
        known = self._accounts.get(stream)
        if known is None or answers != known.answers or type(answers) is not tuple:
            raise MethodContractError(
                "These are not the answers that were offered on this stream.",
                "`solve` returns what `task.serve` gave.",
            )
        if dict(self.meter) != dict(self._metered):
            raise MethodContractError(
                "Something other than the server wrote into the meter.",
                "Only the server counts; a method leaves `task.meter` alone.",
            )
        return known

    def _refuse(self, stream: Stream) -> None:
        if stream not in self._present:
            raise MethodContractError(
                "The tools of this stream are not here: another one is being served.",
                "Serve the stream that `solve` is handed.",
            )

    def _settle(self, machines: Sequence[Costs], rows: Sequence[CallRow], requests: int) -> None:
        """Write into the meter what a request cost on average, and what a stream held at most."""
        found: dict[str, float] = {name: value / requests for name, value in counts(rows).items()}
        meter = Counter[str]()
        for machine in machines:
            meter.update(machine.meter)
        found |= {name: meter[name] / requests for name in ("generated", "prefilled")}
        found |= {name: meter[name] / requests for name in ("cached", "discarded") if name in meter}
        if meter["flops"]:  # a server's nobody sees
            found["flops_counted"] = meter["flops"] / requests
        found["words"] = found["generated"] + found["prefilled"]
        if self._trained:
            found["training_words"] = sum(self._trained) / requests
            self._trained.clear()
        found |= {name: meter[name] for name in LEVELS & meter.keys()}
        if self._clears != [self.meter.clears]:
            self._clears[:] = [self.meter.clears]
            self._metered.clear()
        for counter in (self.meter, self._metered):
            target: dict[str, float] = counter  # type: ignore[assignment]
            for name, value in found.items():
                before = target.get(name, 0)
                target[name] = max(before, value) if name in LEVELS else before + value


@dataclass(frozen=True)
class GradedStreams(AgentStreams):
    """The task: the same, with streams, their worlds and graders."""

    streams: tuple[Stream, ...] = ()
    scenes: tuple[tuple[Scene, ...], ...] = field(default=(), repr=False, compare=False)
    graders: tuple[Grader, ...] = field(default=(), repr=False, compare=False)
    levels: ClassVar[frozenset[str]] = LEVELS

    def __reduce__(self) -> tuple[type["GradedStreams"], tuple[object, ...]]:
        """Store what has no streams."""
        if self.streams:
            raise TypeError("a task with streams is not stored; load it from its conditions")
        return GradedStreams, (*self._made, Meter(), (), (), self.graders)

    def cases(self) -> Iterator[Stream]:
        """Yield the streams in their order."""
        yield from self.streams

    def environment(self, stream: Stream) -> tuple[Scene, ...]:
        """Return what the tools of a stream's requests work on."""
        return self.scenes[stream.index]

    def substrate(self) -> AgentStreams:
        """Return what methods get."""
        return AgentStreams(*self._made)

    def oracle_substrate(self) -> "GradedStreams":
        """Return the same with the graders."""
        return replace(self, streams=(), scenes=(), meter=Meter())

    def serve(
        self,
        stream: Stream,
        agent: MakeAgent,
        load: Load | None = None,
        *,
        planner: bool = False,
    ) -> Answers:
        """Serve a stream, whose worlds are here."""
        if self.scenes:
            self.enter(stream, self.scenes[stream.index])
        return super().serve(stream, agent, load, planner=planner)

    def aside(self, stream: Stream) -> "GradedStreams":
        """Return the same with a meter that nobody reads. For oracles alone."""
        found = replace(self, streams=(), scenes=(), meter=Meter())
        scenes = self.scenes[stream.index] if self.scenes else self._present[stream]
        found.enter(stream, scenes)
        return found

    def credit(self, stream: Stream, request: int, words: Ids) -> bool:
        """Return whether an answer is right. For oracles alone."""
        return bool(self.graders[stream.index].judge(request, words)["accuracy"])

    def judge(self, stream: Stream, account: StreamAccount) -> Mapping[str, float]:
        """Judge a stream that was served."""
        grader, count = self.graders[stream.index], len(stream.prompts)
        found = [grader.judge(index, words) for index, words in enumerate(account.answers)]
        scores = {
            name: sum(one[name] for one in found) / count
            for name in ("accuracy", "declared", "malformed")
        }
        scores["solved"] = sum(one["accuracy"] for one in found)
        scores["answers_digest"] = digest(account.answers)
        scores |= times_of(account.served, account.times, account.load)
        if count >= FEWEST:
            gained = last_gain(account.served, lambda i, words: self.credit(stream, i, words))
            scores |= {} if gained is None else {"gain_per_s": gained}
        return scores

    def score(self, stream: Stream, answers: object) -> Mapping[str, float]:
        """Judge answers of this very object."""
        return self.judge(stream, self.account(stream, answers))


def last_gain(served: Sequence[Served], is_right: Callable[[int, Ids], bool]) -> float | None:
    """Return the points of accuracy a second that the last trial brought over the one before.

    A request that stopped earlier has its last answer, and its time, in each later trial. None where no
    request offered twice.
    """
    most = max((len(one.offers) for one in served), default=0)
    if most < 2:
        return None
    points = seconds = 0.0
    for index, one in enumerate(served):
        if len(one.offers) == most:
            before, after = one.offers[-2], one.offers[-1]
            points += is_right(index, after.words) - is_right(index, before.words)
            seconds += after.at_s - before.at_s
    return 100 * points / len(served) / (seconds / len(served))


OUTCOMES: tuple[type[Any], ...] = (StreamAccount, Served, StreamTimes, Load, Offer)
