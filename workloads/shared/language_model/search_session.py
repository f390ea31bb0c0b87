"""One case being solved: a policy, a judge, what it costs, and the best answer so far.

    with lab.session(problem) as session:
        leaves = session.fork(session.open(), 16)
        session.decode(leaves, max_new=session.room)
        session.offer(vote(leaves))
    return session.best

Methods touch models through a session and through nothing else. When the budget is gone the engine
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

from adabench.workloads.shared.language_model.contract import (
    STEP,
    TO_THE_END,
    BudgetSpent,
    CapabilityMissing,
    Chunk,
    Costs,
    Engine,
    Seq,
)
from adabench.workloads.shared.language_model.decoding_ledger import RecordedEngine, SessionAccount
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
        room: int,
        budget: int | None = None,
    ) -> None:
        self.policy: Engine = RecordedEngine(policy, account)
        self._judge, self._account = judge, account
        self.prompt, self._key, self.room = prompt, key, room
        self._costs = Costs(budget=budget)
        self.best: tuple[int, ...] = ()
        """The completion that was offered last."""
        self.spent = False
        self._latest: Sequence[Seq] = ()

    def __enter__(self) -> Self:
        self._costs.began_s = monotonic()
        self.policy.reset(self._costs)
        if self._judge is not None:
            self._judge.engine.reset(self._costs)
            self._judge.reset()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> bool:
        self.spent = kind is not None and issubclass(kind, BudgetSpent)
        if self.spent and not self.best:
            ended = (seq for seq in self._latest if seq.finished)
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

    def open(self) -> Seq:
        """Return the sequence that holds the prompt."""
        return self.policy.open(self.prompt, self._key)

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children."""
        children = self.policy.fork(seq, n)
        if self._judge is not None:
            self._judge.follow(seq, children)
        return children

    def decode(self, seqs: Sequence[Seq], *, max_new: int, temperature: float = 1.0) -> list[Chunk]:
        """Sample to the end of each completion."""
        self._latest = seqs
        return self.policy.decode(seqs, stop=TO_THE_END, max_new=max_new, temperature=temperature)

    def step(self, seqs: Sequence[Seq], *, max_new: int, temperature: float = 1.0) -> list[Chunk]:
        """Sample one step of each."""
        self._latest = seqs
        return self.policy.decode(seqs, stop=STEP, max_new=max_new, temperature=temperature)

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
