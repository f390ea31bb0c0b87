"""Holds one case being solved: policies, a judge, what they cost, and the best answer so far.

    with task.session(question) as session:
        leaves = session.fork(session.open(), 16)
        session.decode(leaves)
        session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))

Methods touch models through a session alone. When the budget is gone the `with` ends; what was offered last is the answer, else the
first completion that had ended. `open(policy=role)` begins a sequence of another model, `open(prompt)` a context that is no answer.
`kv_before` and `kv_after` are ETS's: the mean tokens held for all candidates, and for those that are expanded.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, perf_counter
from types import TracebackType
from typing import Literal, Self

from adabench.harness.errors import nearest
from adabench.workloads.shared.language_model.contract import (
    BudgetSpent,
    Capability,
    CapabilityMissing,
    Chunk,
    Costs,
    Engine,
    Floats,
    Masks,
    Refinement,
    Seq,
    require,
)
from adabench.workloads.shared.language_model.cost_totals import totals
from adabench.workloads.shared.language_model.domain import Domain, Stated, check_vocabularies
from adabench.workloads.shared.language_model.recorded_engine import RecordedEngine
from adabench.workloads.shared.language_model.reward_model import Reader, Router, Scorer
from adabench.workloads.shared.language_model.session_account import Injection, SessionAccount
from adabench.workloads.shared.language_model.written_sequence import POLICY


class Session:
    """The engines of one case; use it in a `with`."""

    def __init__(
        self,
        policy: Engine,
        judge: Scorer | None,
        prompt: Sequence[int],
        *,
        account: SessionAccount,
        domain: Domain,
        others: Mapping[str, Engine] | None = None,
        router: Router | None = None,
        budget: int | None = None,
        tool_budget: int | None = None,
        bare: Sequence[int] = (),
    ) -> None:
        engines = {POLICY: policy, **(others or {})}
        readers: dict[str, Reader] = {
            name: one for name, one in (("judge", judge), ("router", router)) if one is not None
        }
        check_vocabularies(domain.codec, {**engines, **readers})
        self._engines = {
            role: RecordedEngine(engine, account, role, domain.revisions)
            for role, engine in engines.items()
        }
        self.policy = self._engines[POLICY]
        self._judge, self._router, self._readers = judge, router, tuple(readers.values())
        self._account, self._domain = account, domain
        self.prompt, self.bare = prompt, tuple(bare)
        self.room = domain.room(prompt)
        """The most words that a completion may need."""
        self.step_room, self.deepest = domain.step_room, domain.deepest
        """Words after which a step is cut; steps after which a search ends."""
        self._costs = Costs(budget=budget, tool_budget=tool_budget)
        self.best: tuple[int, ...] = ()
        """The completion that was offered last."""
        self.spent = False
        self._latest: Sequence[Seq] = ()
        self._in_modes = False
        """Whether a method said that it works in the modes of the domain."""

    def __enter__(self) -> Self:
        self._costs.began_s = monotonic()
        for engine in self._engines.values():
            engine.reset(self._costs)
        for reader in self._readers:
            reader.reset(self._costs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> bool:
        self.spent = kind is not None and issubclass(kind, BudgetSpent)
        if self.spent and not self.best and self._latest:
            ended = (seq for seq in self._latest if self.ended(seq))
            self.best = next(ended, self._latest[0]).completion
        self._settle()
        return self.spent

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles of the policies; the first is `policy`."""
        return tuple(self._engines)

    @property
    def left(self) -> int | None:
        """Return the words that may still be generated; None: as many as it likes."""
        return self._costs.left

    @property
    def tools_left(self) -> int | None:
        """Return the calls of tools that may still be made; None: as many as it likes."""
        return self._costs.tools_left

    @property
    def judge(self) -> Scorer:
        """Return the judge.

        Raises:
            CapabilityMissing: if the task has none for this policy.
        """
        if self._judge is None:
            raise CapabilityMissing(
                f"scores: no judge was trained for {self.policy.name}.",
                "Choose another policy, or a method without a judge.",
            )
        return self._judge

    def require(self, *wanted: Capability, policy: str = POLICY) -> None:
        """Make sure that a policy's backend can do what a method needs.

        Raises:
            CapabilityMissing: naming what is missing; also a policy of that role.
        """
        require(self._engine(policy), *wanted)

    def open(self, prompt: Sequence[int] | None = None, *, policy: str = POLICY) -> Seq:
        """Return a sequence that holds the question's prompt, or a prompt of the method's own.

        Raises:
            CapabilityMissing: if the task has no policy of that role.
        """
        engine = self._engine(policy)
        if prompt is None or (self.bare and tuple(prompt) == self.bare):
            words = self.prompt if prompt is None else self.bare
            return engine.open(words, self._account.key_of(policy))
        return engine.open(prompt, self._account.child_key(policy))

    def spawn(self, parent: Seq, prompts: Sequence[Sequence[int]]) -> list[Seq]:
        """Return child contexts of a completion; what they return may be put onto it as `child`.

        Raises:
            MethodContractError: if the sequence is no completion of the question, or a prompt holds
                words that neither the question nor the sequence has and a method may not force.
        """
        role = self._account.role_of(parent)
        self._account.check_spawned(parent, prompts)
        children = [self.open(prompt, policy=role) for prompt in prompts]
        self._account.note_spawned(parent, children)
        return children

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children."""
        children = self._engine_of([seq]).fork(seq, n)
        for reader in self._readers:
            reader.follow(seq, children)
        return children

    def merge(self, seqs: Sequence[Seq]) -> Seq:
        """Return a sequence behind all of these paths, which reads them where they are held.

        Raises:
            CapabilityMissing: if the policy's backend cannot do it.
            MethodContractError: if they are no paths of the question that a model wrote.
        """
        merged = (self._engine_of(seqs) if seqs else self.policy).merge(seqs)
        self._hold()
        return merged

    def append(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], *, as_: Injection = "forced"
    ) -> None:
        """Add words to each sequence that it did not draw; they are paid for, and booked apart.

        `draft`: words that another sequence of this question drew in the same place. `child`: the last
        words of a child that ended. `forced` and `tool` words are the method's and the tool's.

        Raises:
            BudgetSpent: if the calls of tools are gone.
            MethodContractError: if words that are called a draft or a child's were not drawn.
        """
        if seqs:
            self._engine_of(seqs).inject(seqs, parts, as_)
            self._hold()

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        max_new: int | Sequence[int] | None = None,
        temperature: float | None = None,
        top_p: float = 1.0,
        stop: frozenset[int] = frozenset(),
        allow: Masks | None = None,
        watch: int = 0,
    ) -> list[Chunk]:
        """Sample to the end of each completion, or to a word of `stop`.

        A completion has `room` words unless `max_new` says otherwise, for all or for each, at the
        temperature of its domain; `allow` and `watch` are the engine's (`ControlledEngine.decode`).

        Raises:
            BudgetSpent: when the budget is gone.
            CapabilityMissing: if the backend cannot do what is asked.
        """
        most = self.room if max_new is None else max_new
        stops = self._domain.end_marks | stop
        return self._sample(seqs, stops, most, temperature, top_p, allow, watch)

    def step(
        self,
        seqs: Sequence[Seq],
        *,
        max_new: int | Sequence[int] | None = None,
        temperature: float | None = None,
        top_p: float = 1.0,
        allow: Masks | None = None,
        watch: int = 0,
    ) -> list[Chunk]:
        """Sample one step of each: `decode` to the next mark, `step_room` words at most."""
        most = self.step_room if max_new is None else max_new
        stops = self._domain.end_marks | self._domain.step_marks
        return self._sample(seqs, stops, most, temperature, top_p, allow, watch)

    def _sample(
        self,
        seqs: Sequence[Seq],
        stops: frozenset[int],
        max_new: int | Sequence[int],
        temperature: float | None,
        top_p: float,
        allow: Masks | None,
        watch: int,
    ) -> list[Chunk]:
        if not seqs:
            return []
        engine = self._engine_of(seqs)
        if all(self._account.is_own(seq) for seq in seqs):
            self._latest = seqs
        chunks = engine.decode(
            seqs,
            stop=stops,
            max_new=max_new,
            temperature=self._domain.temperature if temperature is None else temperature,
            top_p=top_p,
            allow=allow,
            watch=watch,
        )
        self._hold()
        return chunks

    def refining(self, how: Refinement) -> AbstractContextManager[None]:
        """Draw words of the policy within from several routed passes.

        Raises:
            CapabilityMissing: if it has no experts.
        """
        return self.policy.refining(how)

    def ended(self, seq: Seq) -> bool:
        """Return whether a completion has come to its end: by the model's word or the domain's."""
        completion = seq.completion
        return seq.finished or (bool(completion) and completion[-1] in self._domain.end_marks)

    def answer(self, completion: Sequence[int]) -> Stated:
        """Return what a completion states; None if it is malformed."""
        return self._domain.answer(completion)

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return the log-probabilities that their policy gives to continuations; nothing is added.

        Raises:
            CapabilityMissing: without `score`.
        """
        return self._engine_of(seqs).score(seqs, parts) if seqs else []

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of positions start and later.

        Raises:
            CapabilityMissing: without `hidden`.
        """
        return self._engine_of([seq]).hidden(seq, start)

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return the judge's score of every step of each sequence."""
        judge = self.judge
        self._account.check(seqs)
        with self._account.counting():
            return judge.scores(seqs)

    def advantages(self, seqs: Sequence[Seq], authors: Sequence[Sequence[bool]]) -> list[float]:
        """Return how likely another policy would write each latest step better; see `Router`.

        Raises:
            CapabilityMissing: without a router.
        """
        if self._router is None:
            raise CapabilityMissing(
                f"advantages: no router was trained for {self.policy.name}.",
                "Choose the policy of a router's training as the draft, or a method without one.",
            )
        self._account.check(seqs)
        with self._account.counting():
            return self._router.advantages(seqs, authors)

    def close(self, seqs: Sequence[Seq]) -> None:
        """Let go of sequences, in the policy's cache and in those of judge and router."""
        for seq in seqs:
            self._engine_of([seq]).close(seq)
            for reader in self._readers:
                reader.forget(seq)

    def work_in_modes(self) -> None:
        """Let the costs say how much of the best completion was worked out in which mode."""
        self._in_modes = True

    def offer(self, completion: Sequence[int]) -> None:
        """Name the best completion so far."""
        self.best = tuple(completion)

    def weigh(self, when: Literal["before", "after"]) -> None:
        """Read what the policies' caches hold, before or after pruning a depth; a server's nobody sees."""
        if not self._shows_held:
            return
        with self._account.counting():
            held = (engine.held().tokens for engine in self._engines.values())
            self._costs.meter[f"kv_{when}"] += sum(held)
            self._costs.meter[f"depths_{when}"] += 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time what is neither model: solver, clustering, votes. It stays in the latency."""
        began = perf_counter()
        try:
            yield
        finally:
            took = perf_counter() - began
            with self._account.counting():
                self._costs.meter["aux_s"] += took  # type: ignore[assignment]

    @contextmanager
    def estimating(self) -> Iterator[None]:
        """Count the FLOPs of what runs within as `difficulty_flops` too; they stay in the bill."""
        before = self._costs.meter["flops"]
        try:
            yield
        finally:
            with self._account.counting():
                self._costs.meter["difficulty_flops"] += self._costs.meter["flops"] - before

    def _engine(self, role: str) -> RecordedEngine:
        if role not in self._engines:
            raise CapabilityMissing(
                f"A policy called {role!r}: this task has none.", nearest(role, self._engines)
            )
        return self._engines[role]

    def _engine_of(self, seqs: Sequence[Seq]) -> RecordedEngine:
        """Return the engine of some sequences; whether it is that of all of them it checks itself."""
        return self._engines[self._account.role_of(seqs[0])]

    @property
    def _shows_held(self) -> bool:
        return all("held" in engine.caps for engine in self._engines.values())

    def _hold(self) -> None:
        """Note what several policies hold at once; each notes its own."""
        engines = self._engines.values()
        if len(engines) > 1 and self._shows_held:
            sizes = [engine.held() for engine in engines]
            with self._account.counting():
                self._costs.peak("kv_peak", sum(size.tokens for size in sizes))
                self._costs.peak("kv_peak_bytes", sum(size.memory_bytes for size in sizes))

    def _settle(self) -> None:
        """Write the costs into the task's meter."""
        with self._account.counting():
            counted = totals(self._costs) | {"spent": float(self.spent)}
        if (discarded := self._account.discarded(self.best)) is not None:
            counted["discarded"] = counted.get("discarded", 0) + discarded
        counted |= self._account.shares(self.best)
        if self._in_modes and self._domain.shares is not None:
            counted |= self._domain.shares(self.prompt, self.best)
        self._account.settle(counted)
