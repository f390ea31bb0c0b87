"""One request on the server: its agent, its branches, a row for each call, and what was offered.

A call of a model is what it writes at a stretch, up to where a tool has to answer, or an episode or a branch of
one stops. So a chain of thought is one call.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Literal

from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.substrate.serving.branches import Ask, Branch, Branches, Head
from adabench.workloads.agents.substrate.serving.plan_run import PlanRun
from adabench.workloads.agents.substrate.serving.script import Ids, Plane, Script, ToolResult
from adabench.workloads.agents.substrate.serving.text_tools import TextTools
from adabench.workloads.agents.substrate.serving.word_script import PlanScript
from adabench.workloads.agents.substrate.shards import SharedTools
from adabench.workloads.shared.language_model.contract import Floats, Seq, mix

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


_BEGUN = 0xB360
Values = Callable[[Sequence[Floats]], list[float]]


@dataclass(frozen=True)
class Offer:
    """An answer as it was offered."""

    words: Ids
    at_s: float
    """Since the request came."""


@dataclass(eq=False)
class Flight:
    """A branch that is being advanced."""

    seq: Seq
    kind: Kind
    stop: frozenset[int]
    temperature: float
    end: int
    """The length at which it is cut."""
    to_end: bool = False
    began_s: float | None = None
    """When its call began; None between calls."""
    context: int = 0
    due: ToolResult | None = None
    due_from_s: float = 0.0
    done: bool = False
    logprob: float = 0.0
    """Of the last word that was drawn."""
    plan: PlanRun | None = None
    """What is carried out while it is written."""

    @property
    def is_drawing(self) -> bool:
        """Tell whether the model has words to write on it."""
        is_planned = self.plan is not None and self.plan.is_written
        return not (self.done or is_planned or self.due is not None)


@dataclass(eq=False)
class ServedRequest:
    """A request that is being served."""

    index: int
    prompt: Ids
    key: int
    tools: Any
    script: Script
    branches: Branches[Any]
    values_of: Values
    now: Callable[[], float]
    pool: Callable[[], Executor]
    """Threads of tools."""
    arrived_s: float = 0.0
    started_s: float = 0.0
    ended_s: float = 0.0
    agent: Generator[Ask, Any, None] | None = None
    ask: Ask | None = None
    flights: list[Flight] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    _seqs: list[Seq] = field(default_factory=list)
    _critics: dict[int, Seq] = field(default_factory=dict)
    """By branch: the critic's copy, which a reflection goes on from."""
    _plans: dict[int, PlanRun] = field(default_factory=dict)
    """By branch: what came of its plans."""
    _prompts: dict[str, Branch] = field(default_factory=dict)
    """By policy: a branch that holds the prompt alone."""
    _desks: dict[Seq, tuple[str, int]] = field(default_factory=dict)
    """Whose tools answer a branch, where several do: a policy's, at a desk."""
    handled: int = 0
    """Words that it read and wrote so far."""
    is_released: bool = False
    """Whether its client has gone: what still runs nobody waits for."""
    is_cut: bool = False
    offered: Branch | None = None
    verdicts: dict[Branch, float] = field(default_factory=dict)
    """What critics said."""
    graph: Any = None
    """What its agent ran through (`workflow.py`)."""
    _hints: set[Ids] = field(default_factory=set)
    _begun: int = 0

    def begin(self, mode: str, hints: Sequence[Ids]) -> Branch:
        """Open an episode.

        Raises:
            MethodContractError: for a hint that no reflection on this request gave.
        """
        if any(hint not in self._hints for hint in hints):
            raise MethodContractError(
                "A hint is none that was written in a reflection on this request.",
                "Hand over what `yield desk.reflect(...)` gave.",
            )
        prompt = self.script.prompt(self.prompt, hints)
        return self._add(self.branches.open(prompt, self.script.opening(mode), self._next_key()))

    def read(self, policy: str) -> Branch:
        """Return a branch that holds the prompt alone, which each policy reads once."""
        if policy not in self._prompts:
            seq = self.branches.open_on(policy, self.prompt, (), self._next_key())
            self._prompts[policy] = self._add(seq, policy)
            self.handled += len(seq.ids)
        return self._prompts[policy]

    def begin_at(self, mode: str, policy: str, desk: int) -> Branch:
        """Open an episode of a policy at a desk; the prompt is not read again."""
        (seq,) = self.branches.fork(self._seq(self.read(policy)), 1)
        self.append([seq], [self.script.opening(mode)])
        return self._add(seq, policy, desk)

    def hand_over(self, branch: Branch, policy: str, desk: int) -> Branch:
        """Let a policy at another desk read a prompt and a transcript from the first word on."""
        words = self.script.transcript(self.words(branch))
        seq = self.branches.open_on(policy, self.prompt, words, self._next_key())
        self.handled += len(seq.ids)
        return self._add(seq, policy, desk)

    def append(self, seqs: Sequence[Seq], parts: Sequence[Ids]) -> None:
        """Put words onto branches, and count them."""
        self.branches.append(seqs, parts)
        self.handled += sum(len(part) for part in parts)

    def odds(self, branch: Branch, head: Head, *, pooled: bool) -> tuple[float, ...]:
        """Return what a head reads in the state behind the last word, or in the mean of all."""
        return self.branches.odds(self._seq(branch), head, pooled=pooled)

    @property
    def desks(self) -> int:
        """Return at how many desks tools stand."""
        return self.tools.desks if isinstance(self.tools, SharedTools) else 1

    def tools_of(self, seq: Seq) -> Any:
        """Return what answers the calls of a branch."""
        place = self._desks.get(seq, ("", 0))
        return self.tools.of(*place) if isinstance(self.tools, SharedTools) else self.tools

    def fork(self, branch: Branch, count: int) -> list[Branch]:
        """Return branches that share all that was written."""
        seq = self._seq(branch)
        place = self._desks.get(seq, ("", 0))
        return [self._add(one, *place) for one in self.branches.fork(seq, count)]

    def values(self, branches: Sequence[Branch]) -> list[float]:
        """Return the head's value of each."""
        return self.values_of(self.branches.states([self._seq(one) for one in branches]))

    def offer(self, branch: Branch) -> None:
        """Write down an answer."""
        self.offered = branch
        self.offers.append(Offer(self.words(branch), self.now() - self.arrived_s))

    def close(self, branches: Sequence[Branch]) -> None:
        """Let go of branches, and of what their critics read."""
        self.branches.close([self._seq(one) for one in branches])
        found = [self._critics.pop(one.number, None) for one in branches]
        self.branches.close([seq for seq in found if seq is not None])

    def close_all(self) -> None:
        """Let go of everything."""
        self.branches.close([*self._seqs, *self._critics.values()])
        self._critics.clear()
        if isinstance(self.tools, TextTools):
            self.tools.close()

    def words(self, branch: Branch) -> Ids:
        """Return what was written."""
        return self._seq(branch).completion

    def ended(self, branch: Branch) -> bool:
        """Tell whether it is over."""
        return self.script.is_over(self._seq(branch))

    def stated(self, branch: Branch) -> Any:
        """Return its answer."""
        return self.script.stated(self.words(branch))

    def take_off(self, ask: Ask) -> None:
        """Begin what the agent asks for."""
        self.ask = ask
        make = {
            "step": self._act, "end": self._act, "check": self._judge, "plan": self._draft,
        }  # fmt: skip
        found = [make.get(ask.kind, self._reflect)(branch) for branch in ask.branches]
        self.flights = [flight for flight in found if flight is not None]

    def outcome(self) -> Any:
        """Return what came of what the agent asked for."""
        assert self.ask is not None
        if self.ask.kind == "check":
            found = {branch: self.verdict(branch) for branch in self.ask.branches}
            self.verdicts |= found
            return [found[branch] for branch in self.ask.branches]
        if self.ask.kind == "reflect":
            return [self._reflection(branch) for branch in self.ask.branches]
        return None

    def _act(self, branch: Branch) -> Flight | None:
        seq = self._seq(branch)
        if self.script.is_over(seq):
            return None
        assert self.ask is not None
        return Flight(
            seq, "llm", self.script.step_ends, self.ask.temperature,
            seq.start + self.script.longest, self.ask.kind == "end",
        )  # fmt: skip

    def _draft(self, branch: Branch) -> Flight | None:
        """Let a planner write a plan; one that has not begun to has none."""
        seq, script = self._seq(branch), self.script
        if not isinstance(script, PlanScript):
            raise MethodContractError(
                "No plan can be asked of a policy that is no planner.",
                "Serve the stream with `task.serve(..., planner=True)`.",
            )
        if script.is_over(seq) or seq.completion[-1:] != script.opening("plan"):
            return None
        assert self.ask is not None
        if branch.number not in self._plans:
            self._plans[branch.number] = PlanRun(
                script, self.tools, self.pool(), self.now, self.ask.ahead
            )
        plan = self._plans[branch.number]
        plan.begin()
        end = seq.start + script.longest
        return Flight(seq, "llm", script.plan_ends, self.ask.temperature, end, plan=plan)

    def _judge(self, branch: Branch) -> Flight | None:
        """Let a copy of an episode go on as its critic; one that does not answer has none."""
        seq, script = self._seq(branch), self.script
        if seq.finished or not script.is_over(seq):
            return None
        (copy,) = self.branches.fork(seq, 1)
        self._desks[copy] = self._desks.get(seq, ("", 0))
        self.append([copy], [script.critic])
        self._critics[branch.number] = copy
        return Flight(copy, "judge", script.verdict_ends, 0.0, len(copy.ids) + script.critic_words)

    def _reflect(self, branch: Branch) -> Flight | None:
        """Let the critic's copy go on with a reflection; where it had said ok, as if it said bad."""
        critic, script = self._critics.get(branch.number), self.script
        if critic is None or critic.finished:
            return None
        bad = script.judged_bad(tuple(critic.ids))
        if bad != tuple(critic.ids):
            self.branches.close([critic])
            critic.ids[:] = bad
            self.branches.begin_call(critic)
        self.branches.append([critic], [script.reflect])
        ends = frozenset(script.step_ends)
        return Flight(critic, "reflect", ends, 0.0, len(critic.ids) + script.reflect_words)

    def verdict(self, branch: Branch) -> float:
        """Return how sure the critic is of an answer that it was asked about; 0 where there is none."""
        flight = self._flight_of(self._critics.get(branch.number))
        if flight is None:
            return 0.0
        sure = self.script.verdict(flight.seq.completion, flight.logprob)
        return 0.0 if sure is None else sure

    def _reflection(self, branch: Branch) -> Ids | None:
        flight = self._flight_of(self._critics.get(branch.number))
        if flight is None:
            return None
        hint = self.script.hint(tuple(flight.seq.ids[flight.context :]))
        if hint is not None:
            self._hints.add(hint)
        return hint

    def _flight_of(self, seq: Seq | None) -> Flight | None:
        return next((flight for flight in self.flights if flight.seq is seq), None)

    def _next_key(self) -> int:
        key = mix(self.key, _BEGUN, self._begun) if self._begun else self.key
        self._begun += 1
        return key

    def _add(self, seq: Seq, policy: str = "", desk: int = 0) -> Branch:
        self._seqs.append(seq)
        self._desks[seq] = policy, desk
        return Branch(self.index, len(self._seqs) - 1)

    def _seq(self, branch: Branch) -> Seq:
        if branch.request != self.index or not 0 <= branch.number < len(self._seqs):
            raise MethodContractError(
                "A branch of another request was handed over.",
                "Keep what an agent has of one request apart from that of others.",
            )
        return self._seqs[branch.number]
