"""Notes the sequences of one session as its engines left them, and what each of its models cost.

A **role** is the name of a policy within its session. Words that were not drawn are `forced` (the method's), `tool` (calls of the tool
budget), `draft` (drawn by a model of this session for this question in this place; other words are refused) or `child`: what a child context
returned to the sequence that spawned it. A context of a method's own is nobody's answer; a further attempt reads earlier ones and then the
question, and what is drawn there is an answer like any other, as is what is drawn behind several paths of the question.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import BudgetSpent, Costs, Seq, mix
from adabench.workloads.shared.language_model.written_sequence import POLICY, Words, Written

BY_ROLE = ("generated", "prefilled", "flops")
"""Costs that are told apart by role where there are several."""
_RESUMED, _CHILD = 0x2E5D, 0xC417D
"""Key the random numbers of a further attempt, and of child contexts, apart from those of forks."""
Reads = Callable[[Words, Sequence[Words]], tuple[Words, Words]]
"""From a prompt and attempts to what of these a further one reads, and the question behind it."""
Settle = Callable[[Mapping[str, float]], None]
Injection = Literal["forced", "tool", "draft", "child"]


class SessionAccount:
    """The sequences of one session, and its costs."""

    def __init__(
        self,
        prompt: Sequence[int],
        key: int,
        completions: dict[Words, Words],
        settle: Settle,
        bare: Sequence[int] = (),
        unforced: frozenset[int] = frozenset(),
    ) -> None:
        self._prompt, self._key = tuple(prompt), key
        self._prompts = {self._prompt, tuple(bare)} - {()}
        self._unforced = unforced
        """Words that a model has to draw itself."""
        self._completions = completions
        """All that was left by the engine, with the words of each that were forced."""
        self._authors: dict[Words, tuple[str, ...]] = {}
        self._redrawn = 0
        """Words that a further role drew where the first had drawn the very same step."""
        self._written: dict[Seq, Written] = {}
        self._spawned: dict[Seq, list[Seq]] = {}
        """Children that have returned nothing yet, by the sequence that spawned them."""
        self._contexts = 0
        self._costs: Costs | None = None
        self._counted: dict[str, float] = {}
        self._limits: tuple[int | None, int | None] = (None, None)
        self._by_role: dict[str, Counter[str]] = {}
        self._apart = False
        """Whether something was done that a session of one model and one prompt does not."""
        self._ended = False
        self._settle = settle

    def begin(self, costs: Costs, role: str) -> None:
        """Take the costs that the session's engines count into; each engine begins once.

        Raises:
            MethodContractError: if the engine has begun before, or with other costs.
        """
        if role in self._by_role or self._costs not in (None, costs):
            raise MethodContractError(
                "The engine of a session was reset.", "Open another session to begin anew."
            )
        self._by_role[role] = Counter()
        if self._costs is None:
            self._costs, self._limits = costs, (costs.budget, costs.tool_budget)
            self._counted = dict(costs.meter)

    def key_of(self, role: str) -> int:
        """Return the key of the random numbers with which a role's completions begin."""
        if role == POLICY:
            return self._key
        digest = hashlib.blake2b(role.encode("utf-8"), digest_size=8).digest()
        return mix(self._key, int.from_bytes(digest, "big"))

    def child_key(self, role: str) -> int:
        """Return the key of the random numbers of a role's next child context."""
        self._contexts += 1
        return mix(self.key_of(role), _CHILD, self._contexts)

    def settle(self, counted: Mapping[str, float]) -> None:
        """Hand in what the session came to; after that it runs nothing more."""
        self._settle({**counted, **self._apart_costs()})
        self._ended = True

    def _apart_costs(self) -> dict[str, float]:
        """Return costs by role, where a session has several."""
        if len(self._by_role) < 2:
            return {}
        return {
            f"{'flops_counted' if name == 'flops' else name}_{role}": float(costs[name])
            for role, costs in self._by_role.items()
            for name in BY_ROLE
        }

    def discarded(self, answer: Words) -> int | None:
        """Return the words that were generated and are not in an answer; None: nobody can say which.

        A session of one model and one prompt discards all that it did not answer, and needs no name
        for it.
        """
        if self._costs is None or not (self._apart or len(self._by_role) > 1):
            return None
        forced = self._completions.get(answer)
        used = 0 if forced is None else len(answer) - len(forced)
        return max(0, int(self._costs.meter["generated"]) - used)

    def shares(self, answer: Words) -> dict[str, float]:
        """Return which share of an answer's words each further role wrote; nothing for one role.

        `redrawn_share`: words that they drew as the first role had, over those of the answer.
        """
        authors, length = self._authors.get(answer, ()), max(1, len(answer))
        others = [role for role in self._by_role if role != POLICY]
        found = {f"{role}_share": authors.count(role) / length for role in others}
        return {**found, "redrawn_share": self._redrawn / length} if others else {}

    @contextmanager
    def counting(self, role: str = "") -> Iterator[None]:
        """Let what runs within count costs, and nothing else; they are those of `role`.

        Raises:
            MethodContractError: if something was counted since the last time.
        """
        costs = self._costs
        if (
            costs is None
            or (costs.budget, costs.tool_budget) != self._limits
            or dict(costs.meter) != self._counted
        ):
            raise MethodContractError(
                "Something other than the session wrote into its costs.",
                "Only engines and judges count, when a session runs them.",
            )
        try:
            yield
        finally:
            now: dict[str, float] = dict(costs.meter)
            if role:
                for name in BY_ROLE:
                    self._by_role[role][name] += int(now.get(name, 0) - self._counted.get(name, 0))
            self._counted = now

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

    def check(self, seqs: Sequence[Seq], role: str = "") -> None:
        """Make sure that sequences are as the engine left them, and of one role if it is named.

        Raises:
            MethodContractError: if one is not of this session, is another model's or was written on.
        """
        for seq in seqs:
            known = self._written.get(seq)
            if known is None or len(seq.ids) != len(known.ids) or seq.key != known.key:
                raise MethodContractError(
                    "A sequence is not as the engine of this session left it.",
                    "Methods read sequences; words are added by the engine alone.",
                )
            if role and known.role != role:
                raise MethodContractError(
                    f"A sequence of {known.role!r} was handed to {role!r}.",
                    "Hand each call sequences of one model; open a sequence of the other one and "
                    "append the words to it.",
                )

    def role_of(self, seq: Seq) -> str:
        """Return whose sequence this is.

        Raises:
            MethodContractError: if it is nobody's here.
        """
        self.check([seq])
        return self._written[seq].role

    def is_own(self, seq: Seq) -> bool:
        """Tell whether a sequence began on the case's prompt."""
        return seq in self._written and self._written[seq].own

    def note_opened(self, seq: Seq, prompt: Sequence[int], key: int, role: str) -> None:
        """Write down a new sequence."""
        ids = tuple(prompt)
        own = ids in self._prompts and key == self.key_of(role)
        self._apart = self._apart or not own
        self._written[seq] = Written(ids, len(ids), key, (), own, role)

    def check_spawned(self, parent: Seq, prompts: Sequence[Sequence[int]]) -> None:
        """Make sure that children of a sequence read the question and what it drew: else a method could tell them what to return.

        Raises:
            MethodContractError: if the parent is no completion of the question, or a prompt has words of the method's own
                that a model has to draw.
        """
        if not self.is_own(parent):
            raise MethodContractError(
                "Only a completion of the question spawns children; this sequence is none.",
                "Open it without a prompt of your own, or fork one that was.",
            )
        drew = self._to_draw(self._written[parent].completion)
        for prompt in map(tuple, prompts):
            shared = max((len(p) for p in self._prompts if prompt[: len(p)] == p), default=0)
            message = self._to_draw(prompt[shared:])
            if not any(drew[at : at + len(message)] == message for at in range(len(drew) + 1)):
                raise MethodContractError(
                    "A child's prompt has words that its parent did not draw, and a method may not force.",
                    "Hand over the question, signs, and one piece of what the parent wrote.",
                )

    def _to_draw(self, words: Words) -> Words:
        return tuple(word for word in words if word in self._unforced)

    def note_spawned(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Write down children of a sequence, which may take what each returns, once."""
        with self.counting():
            if self._costs is not None:
                self._costs.meter["children"] += len(children)
        self._spawned.setdefault(parent, []).extend(children)

    def read_again(self, attempts: Sequence[Seq], read: Reads) -> tuple[Words, Words, int]:
        """Return what a further attempt reads: earlier ones, the question; and its key.

        Raises:
            MethodContractError: if an attempt is none that a model of this session drew for the case.
        """
        self.check(attempts)
        known = [self._written[seq] for seq in attempts]
        if not known or any(one.forced or not one.own for one in known):
            raise MethodContractError(
                "Only attempts can be revised: completions of the question that a model drew.",
                "Hand over at least one sequence that was opened on the question and decoded.",
            )
        last = attempts[-1]
        ends = [seq.ids[-1:] == [seq.eos] for seq in attempts]
        words = [
            one.completion[:-1] if ended else one.completion
            for one, ended in zip(known, ends, strict=True)
        ]
        return *read(self._prompt, words), mix(last.key, len(last.ids), _RESUMED)

    def note_resumed(self, seq: Seq, ids: Words, key: int, role: str) -> None:
        """Write down a sequence for a further attempt, which begins behind the earlier ones."""
        self._written[seq] = Written(ids, len(ids), key, (), True, role)

    def check_merged(self, seqs: Sequence[Seq], role: str) -> None:
        """Make sure that sequences are paths of the case: what is read of them is the model's own.

        Raises:
            MethodContractError: if there are none, they are of another prompt, or hold forced words that are the model's to draw.
        """
        self.check(seqs, role)
        known = [self._written[seq] for seq in seqs]
        if (
            not known
            or any(not one.own or one.read != known[0].read for one in known)
            or any(self._unforced & set(one.forced_words) for one in known)
        ):
            raise MethodContractError(
                "Only paths of this question can be merged: completions of its prompt that a model drew.",
                "Hand over at least one sequence that was opened on the question; force signs in it, no numbers.",
            )

    def note_merged(self, seq: Seq, paths: Sequence[Seq]) -> None:
        """Write down a sequence behind several paths: it begins where they end."""
        ids, role = tuple(seq.ids), self._written[paths[0]].role
        self._written[seq] = Written(ids, seq.start, seq.key, (), True, role)
        self._apart = True

    def note_forked(self, seq: Seq, children: Sequence[Seq]) -> None:
        """Write down copies of a sequence, each with a key of its own."""
        for child in children:
            self._written[child] = self._written[seq]._replace(key=child.key)

    def note_grown(self, seq: Seq, ids: Words, *, forced: bool) -> None:
        """Write down more words of a sequence: its own model's, or forced ones."""
        role = "" if forced else self._written[seq].role
        if role not in ("", POLICY) and POLICY in (self._authors_of(seq, ids) or ()):
            self._redrawn += len(ids)
        self._grow(seq, ids, (role,) * len(ids))

    def _grow(self, seq: Seq, ids: Words, authors: tuple[str, ...]) -> None:
        grown = self._written.pop(seq).longer(ids, authors)
        self._written[seq] = grown  # now the last one: of equal words the latest count
        if grown.own:
            words = grown.forced_words
            before = self._completions.get(grown.completion, words)
            self._completions[grown.completion] = min(before, words, key=len)
            self._authors[grown.completion] = grown.authors

    def check_injected(self, seqs: Sequence[Seq], parts: Sequence[Words], how: Injection) -> None:
        """Make sure that words may be put onto sequences in this way.

        Raises:
            BudgetSpent: if the calls of tools are gone.
            MethodContractError: if words that are called a draft or a child's were not drawn.
        """
        if how == "tool" and self._costs is not None:
            left = self._costs.tools_left
            if left is not None and left < len(seqs):
                raise BudgetSpent
        for seq, part in zip(seqs, parts, strict=True):
            if how == "draft" and self._authors_of(seq, part) is None:
                raise MethodContractError(
                    "These words are no draft: no model of this session drew them in this place.",
                    "Let a model draw them on a sequence with the same words so far, or append "
                    "them as forced.",
                )
            if how == "child" and self._child_of(seq, part) is None:
                raise MethodContractError(
                    "These words are no child's: none that this sequence spawned returned them.",
                    "Put on the last words of a child that ended by itself, its end aside, once.",
                )

    def note_injected(self, seqs: Sequence[Seq], parts: Sequence[Words], how: Injection) -> None:
        """Write down, and count, words that were put onto sequences; within `counting`."""
        costs = self._costs
        assert costs is not None
        costs.meter[f"injected_{how}"] += sum(len(part) for part in parts)
        if how == "tool":
            costs.meter["tool_calls"] += len(seqs)
        self._apart = True
        for seq, part in zip(seqs, parts, strict=True):
            drawn = self._authors_of(seq, part) if how == "draft" else None
            if how == "child" and (child := self._child_of(seq, part)) is not None:
                self._spawned[seq].remove(child)
                drawn = (self._written[child].role,) * len(part)
            self._grow(seq, part, ("",) * len(part) if drawn is None else drawn)

    def _child_of(self, seq: Seq, part: Words) -> Seq | None:
        """Return the child of a sequence whose last words before its end these are; None: it has none."""
        for child in self._spawned.get(seq, ()):
            known, end = self._written[child], len(child.ids) - 1
            begin = end - len(part)
            drawn = not known.forced and child.finished and begin >= known.start
            if part and drawn and known.ids[begin:end] == part:
                return child
        return None

    def _authors_of(self, seq: Seq, part: Words) -> tuple[str, ...] | None:
        """Return whose words these are, drawn after the same words of an answer; None: nobody's."""
        known = self._written[seq]
        begin, completion = len(known.completion), known.completion + part
        if not known.own:
            return None
        for other in reversed(self._written.values()):
            if other.own and other.has_drawn(completion, begin) and other.read == known.read:
                return other.authors[begin : len(completion)]
        return None

    def grown(self, seq: Seq) -> Words:
        """Return the words that the engine has put on a sequence since it was last written down."""
        return tuple(seq.ids[len(self._written[seq].ids) :])
