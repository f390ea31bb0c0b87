"""What engines really wrote for a case: what a completion is held against when it is handed in.

    ledger = DecodingLedger(meter, unforced)
    account = ledger.open(case, prompt, key)      one for each session of the case
    policy = RecordedEngine(engine, account)      writes down what is opened, forked, forced, drawn
    completion = ledger.confirm(case, answer)     or a refusal

A completion belongs to a case if an engine left a sequence with just these words: opened on the
case's prompt with the case's random numbers since the meter was cleared, forked, drawn, and whole
at the end of some call. Nothing that a method cuts, glues or works out by itself is among them.
Words may be forced (`Engine.append`), at their price, but for those that a task wants to be drawn:
a number that the method wrote is not the model's.

Methods hold sequences and could write on them. So a sequence must be as long as the engine left it
and draw by the same key whenever it is handed over, and what is written down comes from the
engine's results. Costs are counted within a session's own calls and nowhere else.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    CacheSize,
    Chunk,
    Costs,
    Engine,
    Floats,
    Seq,
)

LEVELS = frozenset({"kv_peak", "kv_peak_bytes", "judge_kv_peak", "judge_kv_peak_bytes"})
"""Costs that are the most at once, and no totals."""
RETURN = (
    "`solve` returns `session.best`: a completion that was decoded for this very question, as the "
    "engine left it."
)
Words = tuple[int, ...]
Settle = Callable[[Mapping[str, float]], None]


class Written(NamedTuple):
    """A sequence as the engine left it."""

    ids: Words
    """Prompt and completion."""
    start: int
    """Where the completion begins."""
    key: int
    forced: Words
    """Words of the completion that were not drawn."""
    own: bool
    """Whether it began on the case's prompt with the case's random numbers."""

    def longer(self, ids: Words, *, forced: bool) -> "Written":
        """Return it with more words."""
        more = ids if forced else ()
        return self._replace(ids=self.ids + ids, forced=self.forced + more)


class SessionAccount:
    """The sequences of one session, and its costs."""

    def __init__(
        self, prompt: Sequence[int], key: int, completions: dict[Words, Words], settle: Settle
    ) -> None:
        self._prompt, self._key = tuple(prompt), key
        self._completions = completions
        """All that was left by the engine, with the words of each that were forced."""
        self._written: dict[Seq, Written] = {}
        self._costs: Costs | None = None
        self._counted: dict[str, float] = {}
        self._budget: int | None = None
        self._ended = False
        self._settle = settle

    def begin(self, costs: Costs) -> None:
        """Take the costs that the session's engines count into.

        Raises:
            MethodContractError: if the session has begun before.
        """
        if self._costs is not None:
            raise MethodContractError(
                "The engine of a session was reset.", "Open another session to begin anew."
            )
        self._costs, self._budget = costs, costs.budget
        self._counted = dict(costs.meter)

    def settle(self, counted: Mapping[str, float]) -> None:
        """Hand in what the session came to; after that it runs nothing more."""
        self._settle(counted)
        self._ended = True

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Let what runs within count costs, and nothing else.

        Raises:
            MethodContractError: if something was counted since the last time.
        """
        costs = self._costs
        if costs is None or costs.budget != self._budget or dict(costs.meter) != self._counted:
            raise MethodContractError(
                "Something other than the session wrote into its costs.",
                "Only engines and judges count, when a session runs them.",
            )
        try:
            yield
        finally:
            self._counted = dict(costs.meter)

    def check_engine(self, costs: Costs) -> None:
        """Make sure that the engine still counts for this session.

        Raises:
            MethodContractError: if the session is over, or another one has taken the engine.
        """
        if costs is not self._costs or self._ended:
            raise MethodContractError(
                "An engine was run outside its session.",
                "Run it within `with task.session(question)`, one session after the other.",
            )

    def check(self, seqs: Sequence[Seq]) -> None:
        """Make sure that sequences are as the engine left them.

        Raises:
            MethodContractError: if one is not of this session, or was written on.
        """
        for seq in seqs:
            known = self._written.get(seq)
            if known is None or len(seq.ids) != len(known.ids) or seq.key != known.key:
                raise MethodContractError(
                    "A sequence is not as the engine of this session left it.",
                    "Methods read sequences; words are added by the engine alone.",
                )

    def note_opened(self, seq: Seq, prompt: Sequence[int], key: int) -> None:
        """Write down a new sequence."""
        ids = tuple(prompt)
        self._written[seq] = Written(
            ids, len(ids), key, (), ids == self._prompt and key == self._key
        )

    def note_forked(self, seq: Seq, children: Sequence[Seq]) -> None:
        """Write down copies of a sequence, each with a key of its own."""
        for child in children:
            self._written[child] = self._written[seq]._replace(key=child.key)

    def note_grown(self, seq: Seq, ids: Words, *, forced: bool) -> None:
        """Write down more words of a sequence."""
        self._written[seq] = grown = self._written[seq].longer(ids, forced=forced)
        if grown.own:
            completion = grown.ids[grown.start :]
            before = self._completions.get(completion, grown.forced)
            self._completions[completion] = min(before, grown.forced, key=len)

    def grown(self, seq: Seq) -> Words:
        """Return the words that the engine has put on a sequence since it was last written down."""
        return tuple(seq.ids[len(self._written[seq].ids) :])


class RecordedEngine:
    """An engine whose sequences are written down; in all else it is the engine."""

    def __init__(self, engine: Engine, account: SessionAccount) -> None:
        self.name, self.caps, self.costs = engine.name, engine.caps, engine.costs
        self.vocabulary = engine.vocabulary
        self._engine, self._account = engine, account

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs`; once, when the session begins."""
        self._account.begin(costs)
        self._engine.reset(costs)
        self.costs = costs

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a prompt."""
        with self._call():
            seq = self._engine.open(prompt, key)
        self._account.note_opened(seq, prompt, key)
        return seq

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children that share everything up to here."""
        self._account.check([seq])
        children = self._engine.fork(seq, n)
        self._account.note_forked(seq, children)
        return children

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Add forced words to each sequence."""
        words = [tuple(part) for part in parts]
        with self._call(seqs):
            self._engine.append(seqs, words)
        for seq, part in zip(seqs, words, strict=True):
            self._account.note_grown(seq, part, forced=True)

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> list[Chunk]:
        """Sample on from each sequence; see `Engine.decode`."""
        try:
            with self._call(seqs):
                chunks = self._engine.decode(
                    seqs, stop=stop, max_new=max_new, temperature=temperature, top_p=top_p
                )
        except BudgetSpent:
            for seq in seqs:
                self._account.note_grown(seq, self._account.grown(seq), forced=False)
            raise
        for seq, chunk in zip(seqs, chunks, strict=True):
            self._account.note_grown(seq, chunk.ids, forced=False)
        return chunks

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
        self._account.check(seqs)
        if len(set(seqs)) < len(seqs):
            raise MethodContractError(
                "A sequence was handed to the engine twice in one call.",
                "Fork it: each child draws words of its own.",
            )
        with self._account.counting():
            yield


class DecodingLedger:
    """The completions of a task's cases, and what the meter must say, since it was cleared."""

    def __init__(self, meter: Meter, unforced: frozenset[int] = frozenset()) -> None:
        self._meter, self._unforced = meter, unforced
        self._clears = meter.clears
        self._metered: dict[str, float] = {}
        self._completions: dict[Hashable, dict[Words, Words]] = {}

    def open(self, case: Hashable, prompt: Sequence[int], key: int) -> SessionAccount:
        """Return the account of a session on a case.

        Raises:
            MethodContractError: if somebody else wrote into the meter.
        """
        self._renew()
        self._refuse_other()
        completions = self._completions.setdefault(case, {})
        return SessionAccount(prompt, key, completions, self._settle)

    def confirm(self, case: Hashable, answer: object) -> Words:
        """Return the completion that an answer is; none at all states nothing and is nobody's.

        Raises:
            MethodContractError: if no engine left such a sequence for this case, words of it
                were forced that have to be drawn, or somebody else wrote into the meter.
        """
        self._renew()
        self._refuse_other()
        completion = _words(answer)
        if not completion:
            return completion
        forced = self._completions.get(case, {}).get(completion)
        if forced is None:
            self._refuse(case, completion)
        if self._unforced & set(forced):
            raise MethodContractError(
                "Words of this completion were forced that the model has to draw itself.",
                "What a model states is its own; force signs and ends, no numbers.",
            )
        return completion

    def _settle(self, counted: Mapping[str, float]) -> None:
        """Add what a session came to to the meter."""
        self._renew()
        meter: dict[str, float] = self._meter  # type: ignore[assignment]
        for counts in (meter, self._metered):
            for name, value in counted.items():
                before = counts.get(name, 0)
                counts[name] = max(before, int(value)) if name in LEVELS else before + value

    def _renew(self) -> None:
        """Begin anew when the meter was cleared."""
        if self._meter.clears != self._clears:
            self._clears = self._meter.clears
            self._metered.clear()
            self._completions.clear()

    def _refuse_other(self) -> None:
        if dict(self._meter) != self._metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                "Only sessions count; a method leaves `task.meter` alone.",
            )

    def _refuse(self, case: Hashable, completion: Words) -> NoReturn:
        """Say as well as can be said why a completion is not one of the case."""
        others = (found for name, found in self._completions.items() if name != case)
        if any(completion in found for found in others):
            raise MethodContractError("This is a completion of another question.", RETURN)
        for known in self._completions.get(case, {}):
            if known[: len(completion)] == completion:
                raise MethodContractError("This completion was cut out of a longer one.", RETURN)
        raise MethodContractError(
            "No engine decoded this completion: no sequence holds these words.", RETURN
        )


def _words(answer: object) -> Words:
    """Return an answer's words; only exact types do nothing when they are looked at.

    Raises:
        MethodContractError: if it is no tuple or list of word ids.
    """
    words = tuple(answer) if type(answer) in (tuple, list) else None  # type: ignore[arg-type, var-annotated]
    if words is None or any(type(word) is not int for word in words):
        raise MethodContractError(
            f"The answer is no completion: a {type(answer).__name__}, not a tuple of word ids.",
            RETURN,
        )
    return words
