"""An engine whose sequences are written down: what a session hands to methods."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    CacheSize,
    CapabilityMissing,
    Chunk,
    ControlledEngine,
    Costs,
    Engine,
    Floats,
    Masks,
    MergingEngine,
    Refinement,
    RoutedEngine,
    Seq,
    require,
    require_draws,
)
from adabench.workloads.shared.language_model.domain import Revisions
from adabench.workloads.shared.language_model.session_account import Injection, SessionAccount
from adabench.workloads.shared.language_model.written_sequence import POLICY, Words


class RecordedEngine:
    """An engine whose sequences are written down; in all else it is the engine."""

    def __init__(
        self,
        engine: Engine,
        account: SessionAccount,
        role: str = POLICY,
        revisions: Revisions | None = None,
    ) -> None:
        self.name, self.caps, self.costs = engine.name, engine.caps, engine.costs
        self.vocabulary = engine.vocabulary
        self.role = role
        self._engine, self._account, self._revisions = engine, account, revisions
        self._contexts: dict[Words, Seq] = {}
        """By their words: contexts of earlier attempts that are held until the session ends."""

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs`; once, when the session begins."""
        self._account.begin(costs, self.role)
        self._engine.reset(costs)
        self.costs = costs

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt."""
        with self._call():
            seq = self._engine.open(prompt, key)
        self._account.note_opened(seq, prompt, key, self.role)
        return seq

    def resume(self, attempts: Sequence[Seq]) -> Seq:
        """Return a sequence for a further attempt at the case, which reads the last of these.

        As many are read as leave room for another one, and paid for where no cache holds them.

        Raises:
            CapabilityMissing: if nothing says how attempts are read.
            MethodContractError: if these are no attempts at the case of this session.
        """
        if self._revisions is None:
            raise CapabilityMissing(
                "revisions: nothing says how earlier attempts are read here.",
                "Choose a task whose domain says it (chain), or a method of single attempts.",
            )
        self._account.check(attempts, self.role)
        before, question, key = self._account.read_again(attempts, self._revisions.read)
        with self._call():
            (seq,) = self._engine.fork(self._context(before), 1)
            self._engine.append([seq], [question])
        seq.start, seq.key = len(seq.ids), key
        self._account.note_resumed(seq, (*before, *question), key, self.role)
        return seq

    def _context(self, before: Words) -> Seq:
        """Return a sequence that holds earlier attempts; what is held of their beginning is not run again."""
        if before not in self._contexts:
            known = [words for words in self._contexts if before[: len(words)] == words]
            if known:
                longest = max(known, key=len)
                (seq,) = self._engine.fork(self._contexts[longest], 1)
                self._engine.append([seq], [before[len(longest) :]])
            else:
                seq = self._engine.open(before)
            self._contexts[before] = seq
        return self._contexts[before]

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children that share everything up to here."""
        self._account.check([seq], self.role)
        children = self._engine.fork(seq, n)
        self._account.note_forked(seq, children)
        return children

    def merge(self, seqs: Sequence[Seq]) -> Seq:
        """Return a sequence behind all of these paths of one question; nothing is run again.

        Raises:
            CapabilityMissing: if the backend cannot do it.
            MethodContractError: if they are no paths of the case that a model wrote.
        """
        require(self, "merge")
        self._account.check_merged(seqs, self.role)
        with self._call(seqs):
            seq = cast(MergingEngine, self._engine).merge(seqs)
        self._account.note_merged(seq, seqs)
        return seq

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words to each sequence."""
        self.inject(seqs, parts, "forced")

    def inject(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], how: Injection) -> None:
        """Add words to each sequence that it did not draw.

        Raises:
            BudgetSpent: if the calls of tools are gone.
            MethodContractError: if words that are called a draft were not drawn.
        """
        words = [tuple(part) for part in parts]
        self._account.check(seqs, self.role)
        self._account.check_injected(seqs, words, how)
        with self._call(seqs):
            self._engine.append(seqs, words)
            self._account.note_injected(seqs, words, how)

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int | Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        allow: Masks | None = None,
        watch: int = 0,
    ) -> list[Chunk]:
        """Sample on from each sequence; see `Engine.decode`."""
        require_draws(self, max_new, allow, watch)
        how: dict[str, Any] = {"stop": stop, "temperature": temperature, "top_p": top_p}
        if allow is not None:
            how["allow"] = allow
        if watch:
            how["watch"] = watch
        engine = cast(ControlledEngine, self._engine)  # whatever of it was asked for
        try:
            with self._call(seqs):
                chunks = engine.decode(seqs, max_new=max_new, **how)
        except BudgetSpent:
            for seq in seqs:
                self._account.note_grown(seq, self._account.grown(seq), forced=False)
            raise
        for seq, chunk in zip(seqs, chunks, strict=True):
            self._account.note_grown(seq, chunk.ids, forced=False)
        return chunks

    def refining(self, how: Refinement) -> AbstractContextManager[None]:
        """Draw words within from several routed passes.

        Raises:
            CapabilityMissing: if the policy has no experts.
        """
        if "refine" not in self.caps:
            raise CapabilityMissing(
                f"refine: {self.name} is dense, and no word of it can be routed otherwise.",
                "Choose a policy of experts (chain has policy=moe-s with format=splits), or a method that refines nothing.",
            )
        return cast(RoutedEngine, self._engine).refining(how)

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return log-probabilities of forced continuations; the sequences stay as they were."""
        with self._call(seqs):
            return self._engine.score(seqs, parts)

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of positions start and later."""
        return self._engine.hidden(seq, start)

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; what nobody else shares is freed."""
        self._engine.close(seq)

    def held(self) -> CacheSize:
        """Return what the cache holds now."""
        return self._engine.held()

    @contextmanager
    def _call(self, seqs: Sequence[Seq] = ()) -> Iterator[None]:
        """Run the engine on sequences of this session, each once, and let it count."""
        self._account.check_engine(self._engine.costs)
        self._account.check(seqs, self.role)
        if len(set(seqs)) < len(seqs):
            raise MethodContractError(
                "A sequence was handed to the engine twice in one call.",
                "Fork it: each child draws words of its own.",
            )
        with self._account.counting(self.role):
            yield
