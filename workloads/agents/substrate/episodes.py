"""Episodes in lockstep: each sequence is advanced by one step, then the tools that are due answer.

    loop = EpisodeLoop(decode, inject, answer)
    loop.advance(seqs)     each to the end of its step: a call with its result, a thought, an answer
    loop.finish(seqs)      each to its end
    loop.verdicts(copies)  what the critic says of each, whose episode ends in a forced `V`

A sequence that has ended, or waits for others, gets no word: each has positions of its own in the engine, so
nothing is padded and no sequence depends on which others run with it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from adabench.workloads.agents.substrate.action_steps import (
    Ids,
    attempts_before,
    has_answered,
    is_due,
    last_step,
    unused_row,
)
from adabench.workloads.agents.substrate.action_words import BAD, END_STEP, EQUALS, OK
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.shared.language_model.contract import Chunk, Seq

LONGEST = 150
"""Words of an episode, after which it is cut."""
CRITIC_WORDS = 40
"""The most that a critic adds, look-ups that fail and their results included."""
STEP_ENDS = frozenset((EQUALS, END_STEP))
VERDICTS = frozenset((OK, BAD))


class Decode(Protocol):
    """What draws words: an engine's or a session's `decode`, bound."""

    def __call__(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int],
        max_new: Sequence[int],
        temperature: float,
    ) -> list[Chunk]:
        """Sample on from each sequence until a stop word."""


@dataclass(frozen=True)
class EpisodeLoop:
    """How sequences are advanced."""

    decode: Decode
    inject: Callable[[Sequence[Seq], Sequence[Ids]], object]
    """Puts the words of tools onto sequences."""
    answer: Callable[[Seq], Ids]
    """Calls the tool that is due on a sequence."""

    def advance(self, seqs: Sequence[Seq], temperature: float = 1.0) -> None:
        """Take each sequence that goes on to the end of its step."""
        waiting = [seq for seq in seqs if not is_over(seq)]
        while waiting:
            rooms = [LONGEST - len(seq.completion) for seq in waiting]
            self.decode(waiting, stop=STEP_ENDS, max_new=rooms, temperature=temperature)
            due = [seq for seq in waiting if is_due(seq.completion)]
            if due:
                self.inject(due, [(*self.answer(seq), END_STEP) for seq in due])
            waiting = [seq for seq in waiting if seq.ids[-1] == EQUALS and not is_over(seq)]

    def finish(self, seqs: Sequence[Seq], temperature: float = 1.0) -> None:
        """Take each sequence to its end."""
        waiting = [seq for seq in seqs if not is_over(seq)]
        while waiting:
            self.advance(waiting, temperature)
            waiting = [seq for seq in waiting if not is_over(seq)]

    def verdicts(self, copies: Sequence[Seq]) -> dict[Seq, float]:
        """Return how probably the critic says ok; it may look up a type first.

        One that says neither within its words is not there.
        """
        found: dict[Seq, float] = {}
        ends = {copy: len(copy.ids) + CRITIC_WORDS for copy in copies}
        waiting = list(copies)
        while waiting:
            rooms = [ends[copy] - len(copy.ids) for copy in waiting]
            stop = STEP_ENDS | VERDICTS
            chunks = self.decode(waiting, stop=stop, max_new=rooms, temperature=0.0)
            found |= _verdicts(waiting, chunks)
            due = [copy for copy in waiting if is_due(copy.completion)]
            if due:
                self.inject(due, [(*self.answer(copy), END_STEP) for copy in due])
            waiting = [copy for copy in due if len(copy.ids) < ends[copy]]
        return found


def due_result(server: ToolServer, completion: Sequence[int]) -> tuple[int | None, Ids]:
    """Call the tool that is due behind these words; return which it was, and what it returned.

    A row that was not taken comes from the words themselves, and from no tool.
    """
    last = last_step(completion)
    call = last.call
    if call is None:
        return None, unused_row(completion)
    return call.tool, server.call(call.tool, call.arguments, attempts_before(completion))


def is_over(seq: Seq) -> bool:
    """Tell whether an episode has come to its end: it ended, answered, or is as long as any may be."""
    completion = seq.completion
    if seq.finished or len(completion) >= LONGEST:
        return True
    return bool(completion) and completion[-1] == END_STEP and has_answered(completion)


def _verdicts(seqs: Sequence[Seq], chunks: Sequence[Chunk]) -> dict[Seq, float]:
    """Return the probability of ok for the sequences whose critic has spoken."""
    found: dict[Seq, float] = {}
    for seq, chunk in zip(seqs, chunks, strict=True):
        if chunk.ids and chunk.ids[-1] in VERDICTS:
            sure = math.exp(chunk.logprobs[-1])
            found[seq] = sure if chunk.ids[-1] == OK else 1 - sure
    return found
