"""One case being solved: a policy, a judge, what it costs, and the best answer so far.

    with task.session(question) as session:
        leaves = session.fork(session.open(), 16)
        session.decode(leaves, max_new=session.room)
        session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))
    return session.best

Methods touch models through a session and through nothing else: it knows where steps and completions
end and what a completion states, whatever the words of its domain are (`domain.py`). When the budget is gone the engine
stops decoding and the `with` ends there; what was offered last is the answer, or else the first
completion that had ended by then. Leaving the `with` writes the costs into the task's meter, and what
the engine wrote stays in the session's account (`decoding_ledger.py`).

**KV before and after pruning**, the definitions of Efficient Tree Search: at every depth, `weigh`
reads the tokens that the policy's cache really holds, once with all candidate leaves and
once with those that will be expanded. `kv_before` and `kv_after` are their means over the depths.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, perf_counter
from types import TracebackType
from typing import Literal, Self

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import (
    BudgetSpent,
    Capability,
    CapabilityMissing,
    Chunk,
    Costs,
    Engine,
    Floats,
    Seq,
    require,
)
from adabench.workloads.shared.language_model.decoding_ledger import RecordedEngine, SessionAccount
from adabench.workloads.shared.language_model.domain import Codec, Domain, Stated
from adabench.workloads.shared.language_model.reward_model import Scorer


class Session:
    """The engines of one case; use it in a `with`."""

    def __init__(
        self,
        policy: Engine,
        judge: Scorer | None,
        prompt: Sequence[int],
        key: int,
        *,
        account: SessionAccount,
        domain: Domain,
        budget: int | None = None,
    ) -> None:
        _check_vocabularies(domain.codec, policy, judge)
        self.policy: Engine = RecordedEngine(policy, account)
        self._judge, self._account, self._domain = judge, account, domain
        self.prompt, self._key = prompt, key
        self.room = domain.room(prompt)
        """The most words that a completion may need."""
        self.step_room, self.deepest = domain.step_room, domain.deepest
        """Words after which a step is cut; steps after which a search ends."""
        self._costs = Costs(budget=budget)
        self.best: tuple[int, ...] = ()
        """The completion that was offered last."""
        self.spent = False
        self._latest: Sequence[Seq] = ()

    def __enter__(self) -> Self:
        self._costs.began_s = monotonic()
        self.policy.reset(self._costs)
        if self._judge is not None:
            self._judge.reset(self._costs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> bool:
        self.spent = kind is not None and issubclass(kind, BudgetSpent)
        if self.spent and not self.best:
            ended = (seq for seq in self._latest if self.ended(seq))
            self.best = next(ended, self._latest[0]).completion
        self._settle()
        return self.spent

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

    def require(self, *wanted: Capability) -> None:
        """Make sure that the policy's backend can do what a method needs.

        Raises:
            CapabilityMissing: naming what is missing.
        """
        require(self.policy, *wanted)

    def open(self) -> Seq:
        """Return the sequence that holds the prompt."""
        return self.policy.open(self.prompt, self._key)

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children."""
        children = self.policy.fork(seq, n)
        if self._judge is not None:
            self._judge.follow(seq, children)
        return children

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words to each sequence; they are paid for, and no answer of the model's."""
        self.policy.append(seqs, parts)

    def decode(
        self, seqs: Sequence[Seq], *, max_new: int | None = None, temperature: float = 1.0
    ) -> list[Chunk]:
        """Sample to the end of each completion, `room` words unless `max_new` says otherwise."""
        return self._sample(seqs, self._domain.end_marks, self.room, max_new, temperature)

    def step(
        self, seqs: Sequence[Seq], *, max_new: int | None = None, temperature: float = 1.0
    ) -> list[Chunk]:
        """Sample one step of each, `step_room` words unless `max_new` says otherwise."""
        stops = self._domain.end_marks | self._domain.step_marks
        return self._sample(seqs, stops, self.step_room, max_new, temperature)

    def _sample(
        self,
        seqs: Sequence[Seq],
        stops: frozenset[int],
        room: int,
        max_new: int | None,
        temperature: float,
    ) -> list[Chunk]:
        self._latest = seqs
        most = room if max_new is None else max_new
        return self.policy.decode(seqs, stop=stops, max_new=most, temperature=temperature)

    def ended(self, seq: Seq) -> bool:
        """Return whether a completion has come to its end: by the model's word or the domain's."""
        completion = seq.completion
        return seq.finished or (bool(completion) and completion[-1] in self._domain.end_marks)

    def answer(self, completion: Sequence[int]) -> Stated:
        """Return what a completion states; None if it is malformed."""
        return self._domain.answer(completion)

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return the policy's log-probabilities of forced continuations; nothing is added.

        Raises:
            CapabilityMissing: without `score`.
        """
        return self.policy.score(seqs, parts)

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the policy's final states [n, width] of positions start and later.

        Raises:
            CapabilityMissing: without `hidden`.
        """
        return self.policy.hidden(seq, start)

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return the judge's score of every step of each sequence."""
        judge = self.judge
        self._account.check(seqs)
        with self._account.counting():
            return judge.scores(seqs)

    def close(self, seqs: Sequence[Seq]) -> None:
        """Let go of sequences, in the policy's cache and in the judge's."""
        for seq in seqs:
            self.policy.close(seq)
            if self._judge is not None:
                self._judge.forget(seq)

    def offer(self, completion: Sequence[int]) -> None:
        """Name the best completion so far."""
        self.best = tuple(completion)

    def weigh(self, when: Literal["before", "after"]) -> None:
        """Read what the policy's cache holds, before or after pruning a depth."""
        with self._account.counting():
            self._costs.meter[f"kv_{when}"] += self.policy.held().tokens
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

    def _settle(self) -> None:
        """Write the costs into the task's meter."""
        with self._account.counting():
            counted: dict[str, float] = {**self._costs.meter, "spent": float(self.spent)}
        for when in ("before", "after"):
            depths = counted.pop(f"depths_{when}", 0)
            if depths:
                counted[f"kv_{when}"] /= depths
        # `flops` is the name of the harness's own, intrusive counter, which sees torch alone.
        counted["flops_counted"] = counted.pop("flops", 0)
        first, last = self._costs.first_s, self._costs.last_s
        if first is not None and last is not None:
            counted["ttft_s"] = first
            steps = counted["serial_steps"] - 1
            if steps > 0:
                counted["itl_s"] = (last - first) / steps
            others = counted["generated"] - 1
            if others > 0:
                counted["tpot_s"] = (last - first) / others
        self._account.settle(counted)


def _check_vocabularies(codec: Codec, policy: Engine, judge: Scorer | None) -> None:
    """Make sure that whoever reads the question's ids reads them as its words.

    Raises:
        SelectionError: if a model has another vocabulary.
    """
    models: dict[str, Engine | Scorer] = {"policy": policy}
    if judge is not None:
        models["judge"] = judge
    for role, model in models.items():
        if model.vocabulary != codec.vocabulary:
            raise SelectionError(
                f"The {role} {model.name} has another vocabulary than the question: the same ids "
                f"are other words to it (digests {model.vocabulary} and {codec.vocabulary}).",
                "Choose a model of the question's vocabulary, or a task that encodes its questions "
                "with the model's own tokenizer, as `text` does.",
            )
