"""Sessions with models on questions; and the task, which has the questions and is handed a grader.

What a method's process gets has no questions and no grader: each question is handed over when it is
to be solved. Models are loaded where they are needed, by name; they do not travel.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

from adabench.harness.contract.load import Load
from adabench.harness.contract.protocols import Meter
from adabench.workloads.shared.language_model.batched.batched_sessions import current
from adabench.workloads.shared.language_model.batched.session_models import (
    SessionModels,
    most_sessions,
    solve_batched,
)
from adabench.workloads.shared.language_model.contract import CapabilityMissing, mix
from adabench.workloads.shared.language_model.decoding_ledger import LEVELS, DecodingLedger
from adabench.workloads.shared.language_model.domain import Domain, Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.session_account import SessionAccount
from adabench.workloads.shared.language_model.written_sequence import Words
from adabench.workloads.shared.training.checkpoints import one_thread
from adabench.workloads.test_time.substrate.configurations import ResponseTable
from adabench.workloads.test_time.substrate.search_models import Models, warm_up
from adabench.workloads.test_time.substrate.strategies import Plan


class Grader(Protocol):
    """Who knows the answers: the task is handed one, and no method is."""

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        ...


@dataclass(frozen=True)
class QuestionTask:
    """What methods get: sessions with models, and an account of what these decoded."""

    seed: int
    domain: Domain
    load_models: Callable[[], Models]
    budget: int | None = None
    on_device: bool = False
    """Whether the models belong to the process that uses them, and none is loaded for all."""
    tool_budget: int | None = None
    meter: Meter = field(default_factory=Meter)
    _open: Callable[[Question, int], SessionAccount] = field(init=False, repr=False, compare=False)
    _confirm: Callable[[Question, object], Words] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        opened, confirmed = _open_ledger(self.meter, self.domain.unforced)
        object.__setattr__(self, "_open", opened)
        object.__setattr__(self, "_confirm", confirmed)

    def __reduce__(self) -> tuple[type["QuestionTask"], tuple[object, ...]]:
        """Store how it is made; weights are loaded again, and a ledger begins empty."""
        return QuestionTask, self._made

    @property
    def _made(self) -> tuple[int, Domain, Callable[[], Models], int | None, bool, int | None]:
        rest = (self.budget, self.on_device, self.tool_budget)
        return self.seed, self.domain, self.load_models, *rest

    @cached_property
    def models(self) -> Models:
        """Return policy and judge, loaded when they are asked for first."""
        return self.load_models()

    def warm(self) -> None:
        """Load weights and kernels; models on a device belong to the process that uses them."""
        if not self.on_device:
            with one_thread():  # torch's pool of threads does not survive a fork
                warm_up(self.models, min(self.domain.step_marks))

    @property
    def batched_sessions(self) -> int:
        """Return how many questions share a batch by default; 1 where a model cannot be shared."""
        return most_sessions(self.models.parts)

    @property
    def batches_exactly(self) -> bool:
        """Whether words are the same in any batch."""
        capable = (getattr(part, "caps", None) for part in self.models.parts)
        return all("exact" in caps for caps in capable if caps is not None)

    def solve_batched(
        self, jobs: Sequence[Callable[[Any], None]], sessions: int, due_s: Sequence[float] = ()
    ) -> int:
        """Call each job with a copy of this task, `sessions` of them side by side, and batch their models.

        With `due_s`, moments of the monotonic clock, none begins before its own.
        Every copy has a meter, a ledger and sequences of its own. Return how many sessions are worth it,
        after what was seen.

        Raises:
            Exception: what a batch of several sessions raised.
        """
        return solve_batched(self, self._of_session, self.models.parts, jobs, sessions, due_s)

    def _of_session(self, models: SessionModels) -> "QuestionTask":
        own = self.models.of_session(models)
        return replace(self, load_models=lambda: own, meter=Meter())

    def session(
        self,
        question: Question,
        *,
        paired: bool = False,
        pooled: bool = False,
        revising: bool = False,
        successor: str = "",
    ) -> Session:
        """Return a session on a question; sample i of it is the same for everybody.

        A paired one has a second policy, `target`, whose draft the first one writes; a pooled one
        has larger policies beside the first, of which one is chosen. In a revising one the policy
        reads earlier attempts (`RecordedEngine.resume`). With a successor it is a policy's that was
        trained on from the first.

        Raises:
            CapabilityMissing: if a pair is asked for, and the policy is the draft of none; a pool,
                and it is in none; revisions, and no policy was trained on attempts of this one; or a
                successor that was not trained.
            SelectionError: if a model has another vocabulary than the question.
        """
        own = current(self)
        key = mix(self.seed, question.index)
        models = own._pool if pooled else own._models(paired, revising, successor)
        models.note()
        return Session(
            models.policy,
            models.judge,
            question.prompt,
            account=own._open(question, key),
            domain=self.domain,
            others=models.others,
            router=models.router,
            budget=self.budget,
            tool_budget=self.tool_budget,
            bare=question.bare,
        )

    def responses(self) -> ResponseTable:
        """Return what the configurations of the pool answered to questions for calibration.

        Raises:
            CapabilityMissing: if the policy is in no pool.
            EnvironmentProblem: if the responses are not there.
        """
        responses = current(self)._pool.responses
        assert responses is not None, "a task's pool has responses"
        return responses()

    @property
    def _pool(self) -> Models:
        """Return the policy with larger ones beside it.

        Raises:
            CapabilityMissing: if it is in no pool.
        """
        if self.models.pool is None:
            raise CapabilityMissing(
                f"a pool: no larger policy stands beside {self.models.policy.name} here.",
                "Choose the smallest policy of a pool (chain has lm-s), or "
                "a model that runs here and can draft for itself (text has smollm2 and hf:NAME).",
            )
        return self.models.pool

    def plan(self, mechanism: str) -> Plan:
        """Return which strategy was found best for questions of a difficulty, under each budget.

        Raises:
            CapabilityMissing: if no table of this mechanism is fitted to the task's models.
            EnvironmentProblem: if there is a recipe for it that was not followed yet.
        """
        plans = current(self).models.plans
        if mechanism not in plans:
            known = f"It has: {', '.join(plans)}." if plans else "Choose another policy or method."
            raise CapabilityMissing(
                f"A table of strategies for mechanism={mechanism}: none is fitted to "
                f"{self.models.policy.name} on this task.",
                known,
            )
        return plans[mechanism]()

    def _models(self, paired: bool, revising: bool, successor: str) -> Models:
        own = self.models
        if successor:
            return self._successor(successor)
        if revising and own.reviser is None:
            raise CapabilityMissing(
                f"revisions: no policy was trained on attempts of {own.policy.name} here.",
                "Choose policy=lm-s of chain, with a policy that revises for each training "
                "(adabench train 'chain/lm-s-revisions-*'), or a method of one attempt.",
            )
        if paired and own.pair is None:
            raise CapabilityMissing(
                f"a target: {own.policy.name} is the draft of no other policy here.",
                "Choose the policy of a pair (chain has lm-s), name a draft where a task takes one "
                "(--draft hf:NAME), or choose a method of one policy.",
            )
        return (own.reviser if revising else own.pair if paired else None) or own

    def _successor(self, name: str) -> Models:
        own = self.models
        if name not in own.successors:
            known = ", ".join(own.successors) or "none"
            recipes = own.successor_recipes.format(name)
            train = f"Train it (adabench train '{recipes}'), or choose" if recipes else "Choose"
            raise CapabilityMissing(
                f"a successor: {name} was not trained on from {own.policy.name} here; there is {known}.",
                f"{train} another one.",
            )
        return own.successors[name]

    def account(self, question: Question, completion: object) -> Words:
        """Return the completion that a method handed in, if it is one that was decoded.

        Raises:
            MethodContractError: if no engine left such a completion for this question since the
                meter was cleared, words of an answer were forced, or the meter was tampered with.
        """
        return current(self)._confirm(question, completion)


@dataclass(frozen=True)
class GradedTask(QuestionTask):
    """The task: the same, with questions and a grader; without one nothing is graded."""

    questions: tuple[Question, ...] = ()
    grader: Grader | None = field(default=None, repr=False, compare=False)
    load: Load | None = None
    """How questions come, where they are measured under load."""
    levels: ClassVar[frozenset[str]] = LEVELS
    most_on_device: ClassVar[int] = 2
    """Methods at once: a policy and a judge of 7B are 27 GB, in the process of each."""

    def __reduce__(self) -> tuple[type["GradedTask"], tuple[object, ...]]:
        """Store what has no questions; a copy of the rest would count into a meter nobody reads."""
        if self.questions:
            raise TypeError("a task with questions is not stored; load it from its conditions")
        return GradedTask, (*self._made, Meter(), (), self.grader)

    def cases(self) -> Iterator[Question]:
        """Yield the questions in their order."""
        yield from self.questions

    def substrate(self) -> QuestionTask:
        """Return what methods get."""
        return QuestionTask(*self._made)

    def oracle_substrate(self) -> "GradedTask":
        """Return the same with the grader."""
        return replace(current(self), questions=(), meter=Meter())

    def credit(self, question: Question, completion: tuple[int, ...]) -> bool:
        """Return whether a completion is right. For oracles alone.

        Raises:
            CapabilityMissing: without a grader, where prompts have no answer.
        """
        if self.grader is None:
            raise CapabilityMissing(
                "grades: prompts of random words have no answer.",
                "Run oracles and controls that need one at scale embedded.",
            )
        return self.grader.is_right(question.index, completion)

    def judge(self, question: Question, completion: tuple[int, ...]) -> Mapping[str, float]:
        """Judge a completion; without a grader nothing is to be judged."""
        if self.grader is None:
            return {}
        return {
            "accuracy": float(self.credit(question, completion)),
            "malformed": float(self.domain.answer(completion) is None),
        }

    def kind(self, question: Question, completion: tuple[int, ...]) -> str:
        """Return of which kind a completion is, where the grader tells kinds."""
        own = getattr(self.grader, "kind", None)
        return "" if own is None else str(own(question.index, completion))

    def score(self, question: Question, completion: tuple[int, ...]) -> Mapping[str, float]:
        """Judge a completion that was decoded by this very object."""
        return self.judge(question, self.account(question, completion))


def _open_ledger(
    meter: Meter, unforced: frozenset[int]
) -> tuple[Callable[[Question, int], SessionAccount], Callable[[Question, object], Words]]:
    """Return what opens accounts and what confirms completions; they alone hold the ledger."""
    ledger = DecodingLedger(meter, unforced)

    def opened(question: Question, key: int) -> SessionAccount:
        return ledger.open(_name(question), question.prompt, key, question.bare)

    def confirmed(question: Question, completion: object) -> Words:
        return ledger.confirm(_name(question), completion)

    return opened, confirmed


def _name(question: Question) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Return what tells questions apart; plain, whatever a method may pass for one."""
    return int(question.index), tuple(question.prompt), tuple(question.bare)
