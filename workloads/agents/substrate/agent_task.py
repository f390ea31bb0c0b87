"""Sessions of agents on questions; and the task, which has the questions, their worlds and a grader.

A method's process is handed a question when it is to be solved. The world and its faults go to the
substrate (`enter`), which keeps them behind the tools of that question's sessions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError, nearest
from adabench.workloads.agents.substrate.action_ledger import ActionLedger
from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.action_words import END_STEP, ActionCodec
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.agents.substrate.episodes import LONGEST
from adabench.workloads.agents.substrate.fault_plans import FaultPlan
from adabench.workloads.agents.substrate.policy_recipes import value_name
from adabench.workloads.agents.substrate.strategy_adapter import StrategyAdapter
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.value_head import ValueHead
from adabench.workloads.agents.substrate.worlds import World
from adabench.workloads.shared.language_model.batched.batched_sessions import current
from adabench.workloads.shared.language_model.batched.session_models import (
    SessionModels,
    most_sessions,
    solve_batched,
)
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, Engine, mix
from adabench.workloads.shared.language_model.decoding_ledger import LEVELS
from adabench.workloads.shared.language_model.domain import Domain, Question, Words
from adabench.workloads.shared.language_model.session_account import SessionAccount
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import one_thread


def _longest(prompt: Words) -> int:
    """Return the most words that an episode may have."""
    return LONGEST


ACTIONS = Domain(
    codec=ActionCodec(),
    answer=stated,
    room=_longest,
    step_marks=frozenset({END_STEP}),
    step_room=32,
    deepest=24,
)
"""How episodes are written and read."""


@dataclass(frozen=True)
class Scene:
    """What the tools of one question work on."""

    world: World
    faults: FaultPlan
    broken: frozenset[str] = frozenset()
    """Policies none of whose tools work, where several share a question."""


def _no_adapter(seed: int) -> StrategyAdapter:
    raise CapabilityMissing(
        "strategies: no adapter was trained for this policy.", "Choose policy=agent-s of `lookup`."
    )


@dataclass(frozen=True)
class Policy:
    """A policy behind an engine, and the file that it was read from."""

    engine: Engine
    name: str
    shipped: Path
    """Where its file is, unless it is in the user's cache."""
    value_head: Callable[[], ValueHead]
    """What reads the head that values its states."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """By mode: how often it chooses it by itself, on questions that nobody scores; empty where unknown."""
    adapter: Callable[[int], StrategyAdapter] = _no_adapter
    """What reads PRISM's adapter for a run seed."""

    def note(self) -> None:
        """Note that it is handed out to the method of this process."""
        checkpoints.note(self.name, self.shipped)

    def warm(self) -> None:
        """Run two words, so that weights and kernels are there."""
        self.engine.reset(Costs())
        leaves = self.engine.fork(self.engine.open([END_STEP]), 2)
        self.engine.append(leaves[:1], [[END_STEP]])
        self.engine.decode(leaves, max_new=2)
        self.engine.reset(Costs())

    def noted_head(self) -> ValueHead:
        """Return the head, and note that it is handed out.

        Raises:
            EnvironmentProblem: if it was not trained yet, or misses its gate.
        """
        checkpoints.note(value_name(self.name), self.shipped)
        return self.value_head()


class Grader(Protocol):
    """Who knows the answers: the task is handed one, and no method is."""

    def judge(self, index: int, completion: Sequence[int]) -> Mapping[str, float]:
        """Return what a completion of that question is worth."""


@dataclass(frozen=True)
class AgentTask:
    """What methods get: sessions with a policy and tools, and an account of what these wrote."""

    seed: int
    load_policy: Callable[[], Policy]
    budget: int | None = None
    """Words that may be generated for a question."""
    tool_budget: int | None = None
    """Calls of tools that may be made for a question."""
    tool_price: int = 0
    """What a call of the cheaper tools costs in the bill, in words."""
    others: Mapping[str, Callable[[], Policy]] = field(default_factory=dict)
    """What loads further policies, by role: those that went on from the first one."""
    meter: Meter = field(default_factory=Meter)
    _present: dict[tuple[int, Ids], Scene] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The question that is answered now, and its scene."""
    _open: Callable[[Question, int], tuple[SessionAccount, ToolServer]] = field(
        init=False, repr=False, compare=False
    )
    _confirm: Callable[[Question, object], Ids] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        opened, confirmed = _open_ledger(self.meter, self._present)
        object.__setattr__(self, "_open", opened)
        object.__setattr__(self, "_confirm", confirmed)

    def __reduce__(self) -> tuple[type["AgentTask"], tuple[object, ...]]:
        """Store how it is made; weights are loaded again, and a ledger begins empty."""
        return AgentTask, self._made

    @property
    def _made(
        self,
    ) -> tuple[
        int, Callable[[], Policy], int | None, int | None, int, Mapping[str, Callable[[], Policy]]
    ]:
        rest = (self.budget, self.tool_budget, self.tool_price, self.others)
        return self.seed, self.load_policy, *rest

    @cached_property
    def policy(self) -> Policy:
        """Return the policy, loaded when it is asked for first."""
        return self.load_policy()

    @cached_property
    def _loaded(self) -> dict[str, Policy]:
        return {}

    def _policy_of(self, role: str) -> Policy:
        """Return a policy by its role; the first one has none.

        Raises:
            CapabilityMissing: if there is none of that role.
            EnvironmentProblem: if it was not trained yet.
        """
        if not role:
            return self.policy
        if role not in self.others:
            raise CapabilityMissing(
                f"A policy called {role!r}: this task has none.", nearest(role, self.others)
            )
        if role not in self._loaded:
            self._loaded[role] = self.others[role]()
        return self._loaded[role]

    @property
    def batched_sessions(self) -> int:
        """Return how many questions share a batch by default; 1 where a model cannot be shared."""
        return most_sessions([self.policy.engine])

    def solve_batched(self, jobs: Sequence[Callable[[Any], None]], sessions: int) -> int:
        """Call each job with a copy of this task, `sessions` of them side by side, and batch their models.

        Every copy has a meter, a ledger, a scene and sequences of its own. Return how many sessions are worth it,
        after what was seen.

        Raises:
            Exception: what a batch of several sessions raised.
        """
        return solve_batched(self, self._of_session, [self.policy.engine], jobs, sessions)

    def _of_session(self, models: SessionModels) -> "AgentTask":
        def load(role: str) -> Policy:
            policy = self._policy_of(role)
            return replace(policy, engine=models.view(policy.engine))

        others = {role: partial(load, role) for role in self.others}
        return replace(self, load_policy=partial(load, ""), others=others, meter=Meter())

    def mode_shares(self, role: str) -> Mapping[str, float]:
        """Return how often a policy chooses each mode by itself, measured on questions that are not scored.

        Raises:
            CapabilityMissing: if there is no policy of that role.
            EnvironmentProblem: if it was not trained yet.
        """
        return current(self)._policy_of(role).shares

    def warm(self) -> None:
        """Load weights and kernels."""
        with one_thread():  # torch's pool of threads does not survive a fork
            self.policy.warm()

    def enter(self, question: Question, scene: Scene) -> None:
        """Take the world of the question that is answered next."""
        self._present.clear()
        self._present[_name(question)] = scene

    def session(self, question: Question, role: str = "", calls: int | None = None) -> AgentSession:
        """Return a session on a question; sample i of it is the same for everybody.

        `calls`: how many calls of tools the method allows itself, where the task allows more.

        Raises:
            CapabilityMissing: if there is no policy of that role.
            EnvironmentProblem: if it was not trained yet.
            MethodContractError: if the question is not the one that is to be answered.
        """
        own = current(self)
        policy = own._policy_of(role)
        policy.note()
        account, server = own._open(question, mix(self.seed, question.index))
        return AgentSession(
            policy.engine,
            question.prompt,
            server,
            account=account,
            domain=ACTIONS,
            budget=self.budget,
            tool_budget=_fewest(calls, self.tool_budget),
            tool_price=self.tool_price,
            value_head=policy.noted_head,
            adapter=partial(policy.adapter, self.seed),
        )

    def account(self, question: Question, completion: object) -> Ids:
        """Return the completion that a method handed in, if policy and tools wrote it.

        Raises:
            MethodContractError: if no engine left such a completion for this question, or words of it
                are neither the policy's nor a tool's.
        """
        return current(self)._confirm(question, completion)


@dataclass(frozen=True)
class GradedAgentTask(AgentTask):
    """The task: the same, with questions, their scenes and a grader."""

    questions: tuple[Question, ...] = ()
    scenes: tuple[Scene, ...] = field(default=(), repr=False, compare=False)
    grader: Grader | None = field(default=None, repr=False, compare=False)
    levels: ClassVar[frozenset[str]] = LEVELS

    def __reduce__(self) -> tuple[type["GradedAgentTask"], tuple[object, ...]]:
        """Store what has no questions; a copy of the rest would count into a meter nobody reads."""
        if self.questions:
            raise TypeError("a task with questions is not stored; load it from its conditions")
        return GradedAgentTask, (*self._made, Meter(), (), (), self.grader)

    def cases(self) -> Iterator[Question]:
        """Yield the questions in their order."""
        yield from self.questions

    def environment(self, question: Question) -> Scene:
        """Return what the tools of a question work on."""
        return self.scenes[question.index]

    def substrate(self) -> AgentTask:
        """Return what methods get."""
        return AgentTask(*self._made)

    def oracle_substrate(self) -> "GradedAgentTask":
        """Return the same with the grader."""
        return replace(current(self), questions=(), scenes=(), meter=Meter())

    def session(self, question: Question, role: str = "", calls: int | None = None) -> AgentSession:
        """Return a session on a question, whose world is here."""
        if self.scenes:
            self.enter(question, self.scenes[question.index])
        return super().session(question, role, calls)

    def aside(self, question: Question) -> "GradedAgentTask":
        """Return the same with a meter that nobody reads. For oracles alone."""
        own = current(self)
        found = replace(own, questions=(), scenes=(), meter=Meter())
        scene = own.scenes[question.index] if own.scenes else own._present[_name(question)]
        found.enter(question, scene)
        return found

    def credit(self, question: Question, completion: Sequence[int]) -> bool:
        """Return whether a completion is right. For oracles alone."""
        return bool(self.judge(question, completion)["accuracy"])

    def judge(self, question: Question, completion: Sequence[int]) -> Mapping[str, float]:
        """Judge a completion."""
        assert self.grader is not None, "every scale of this family has answers"
        return self.grader.judge(question.index, completion)

    def score(self, question: Question, completion: Sequence[int]) -> Mapping[str, float]:
        """Judge a completion that was written by this very object."""
        return self.judge(question, self.account(question, completion))


Opener = Callable[[Question, int], tuple[SessionAccount, ToolServer]]


def _open_ledger(
    meter: Meter, present: Mapping[tuple[int, Ids], Scene]
) -> tuple[Opener, Callable[[Question, object], Ids]]:
    """Return what opens accounts and confirms completions; they alone hold the ledger."""
    ledger = ActionLedger(meter)

    def opened(question: Question, key: int) -> tuple[SessionAccount, ToolServer]:
        scene = present.get(_name(question))
        if scene is None:
            raise MethodContractError(
                "The tools of this question are not here: another one is being answered.",
                "Open sessions on the question that `solve` is handed.",
            )
        account = ledger.open(_name(question), question.prompt, key)
        return account, ToolServer(scene.world, scene.faults)

    def confirmed(question: Question, completion: object) -> Ids:
        return ledger.confirm(_name(question), completion)

    return opened, confirmed


def _fewest(*budgets: int | None) -> int | None:
    """Return the least budget; None: there is none."""
    return min((budget for budget in budgets if budget is not None), default=None)


def _name(question: Question) -> tuple[int, Ids]:
    """Return what tells questions apart; plain, whatever a method may pass for one."""
    return int(question.index), tuple(question.prompt)
