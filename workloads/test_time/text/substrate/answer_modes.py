"""The two modes of a question in words: a bare answer, or a worked one, each behind examples of its kind.

    System 1    Answer: 14
    System 2    Step 1: 7 + 4 = 11
                Step 2: 11 + 3 = 14
                Answer: 14                     greedily, or `effort` of them drawn and voted on

`answer` writes one of them, as a method chooses. A question is one sub-problem: nothing in its words says
which parts it has. The modes have prompts of their own, and a prompt is read when its mode is
written: one whose bare answer was in doubt has read both, and pays for both.

**Difficulty** is 1 - exp(-H), H being the largest entropy, in nats, before a word of the model's own bare
answer: a rule that was fitted to nothing. To know it the bare answer has to be written.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Words
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.voting import vote


@dataclass
class BareAnswer:
    """The bare answer to a session's question, written once it is asked for."""

    session: Session
    seq: Seq | None = field(default=None, init=False)
    entropy: float = field(default=0.0, init=False)

    def write(self, *, watched: bool = False) -> Seq:
        """Return the bare answer: a line, greedily; with how unsure the policy was, if it is watched.

        Raises:
            CapabilityMissing: if the question has no prompt that asks for one.
        """
        if self.seq is None:
            if not self.session.bare:
                raise CapabilityMissing(
                    "Bare answers: this question has no prompt that asks for one.",
                    "Ask questions of the task's own data, or choose sys2, which needs none.",
                )
            if watched:
                self.session.require("watch")
            self.seq = self.session.open(self.session.bare)
            (chunk,) = self.session.step([self.seq], temperature=0.0, watch=int(watched))
            self.entropy = max(chunk.entropies, default=0.0)
        return self.seq

    def difficulty(self) -> float:
        """Return how unsure the policy is of it, from 0 to 1; it is written for that, and paid for."""
        self.write(watched=True)
        return 1.0 - math.exp(-self.entropy)


Choice = Callable[[BareAnswer], bool]
"""Whether a question gets a worked answer."""


def answer(session: Session, choose: Choice, *, effort: int) -> None:
    """Answer in the mode that is chosen, and offer that; a bare answer that was written may be lost."""
    session.work_in_modes()
    bare = BareAnswer(session)
    if not choose(bare):
        session.offer(bare.write().completion)
        return
    if bare.seq is not None:
        session.close([bare.seq])
    _work_out(session, effort)


def always(bare: BareAnswer) -> bool:
    """Choose System 2."""
    return True


def never(bare: BareAnswer) -> bool:
    """Choose System 1."""
    return False


def _work_out(session: Session, effort: int) -> None:
    """Write a worked answer, greedily; of several that are drawn, one that the vote chose."""
    root = session.open()
    ways = [root] if effort == 1 else session.fork(root, effort)
    session.decode(ways, temperature=0.0 if effort == 1 else None)
    completions = [way.completion for way in ways]
    session.offer(vote(completions, [1.0] * effort, session.answer))


@dataclass(frozen=True)
class ModeShares:
    """Reads off a completion in which mode it was written."""

    marks: frozenset[int]
    """Words that end a line."""

    def __call__(self, prompt: Words, completion: Words) -> Mapping[str, float]:
        """Return the share of System 2: all of a completion that has more than a line."""
        lines = sum(word in self.marks for word in completion[:-1])
        return {"sys2_share": float(lines > 0)}
