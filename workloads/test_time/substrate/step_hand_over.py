"""Step-wise speculation: a draft writes each step, and a rule says which the target writes instead.

    draft's step  ->  escalate?  ->  no: it stands
                                     yes: it is thrown away, and the target writes the step

The rule is all that methods of this kind differ in. Steps are decoded greedily by both models, so two
methods that escalate the same steps write the same completion.

**The target reads late.** It holds a sequence of its own and reads the accepted steps when it has to
write: nothing after its last step, and nothing at all, not even the question, where it is never
called. What it reads is booked as `prefilled_target`, and so is what the draft reads of the target's
steps (`prefilled_policy`). A draft's step that was thrown away is in `generated_policy` and in
`discarded`. The target is run where the rule says so and nowhere else.

`target_share` is the share of the answer's words that the target wrote.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.search_session import Session

TARGET = "target"


@dataclass
class Draft:
    """A step of the draft that a rule is asked about."""

    session: Session
    seq: Seq
    """It, after all the steps before it."""
    before: Seq
    """The same without it."""
    authors: Sequence[bool]
    """Of each step before it: whether the target wrote it."""

    def rewards(self) -> tuple[float, float]:
        """Return the judge's score before this step and after it.

        Before the first step nothing is lost (1); a step without an end is worth nothing.
        """
        (scores,) = self.session.scores([self.seq])
        known = len(self.authors)
        before = scores[known - 1] if 0 < known <= len(scores) else 1.0
        return before, scores[known] if len(scores) > known else 0.0


Rule = Callable[[Draft], bool]
"""Whether the target writes this step instead."""
Reads = Callable[[Seq, Sequence[bool]], object]
"""Reads a sequence and who wrote its steps, before the next trial is forked from it."""


@dataclass
class Target:
    """The target's side of a session."""

    session: Session
    seq: Seq | None = None

    def step(self, before: Seq) -> tuple[int, ...]:
        """Write the step after a sequence of the draft; what is new of that is read first."""
        seq = self._reading(before)
        (chunk,) = self.session.step([seq], temperature=0.0)
        return chunk.ids

    def _reading(self, before: Seq) -> Seq:
        if self.seq is None:
            self.seq = self.session.open(policy=TARGET)
        new = before.ids[len(self.seq.ids) :]
        if new:
            self.session.append([self.seq], [new], as_="draft")
        return self.seq


def speculate(session: Session, escalates: Rule, reads: Reads | None = None) -> None:
    """Write a completion step by step, and offer it.

    `reads` lets whoever informs the rule read the target's steps once; a reader that meets them only
    behind a draft's trial reads them again for each trial that is thrown away.
    """
    target, authors = Target(session), list[bool]()
    seq = session.open()
    while _goes_on(session, seq, authors):
        (trial,) = session.fork(seq, 1)
        session.step([trial], temperature=0.0)
        escalated = escalates(Draft(session, trial, seq, tuple(authors)))
        authors.append(escalated)
        if not escalated:
            session.close([seq])
            seq = trial
            continue
        session.close([trial])
        words = target.step(seq)
        if target.seq is not None and session.ended(target.seq):
            session.offer(target.seq.completion)
            return
        session.append([seq], [words], as_="draft")
        if reads is not None:
            reads(seq, tuple(authors))
    session.offer(seq.completion)


Choice = Callable[[float, float], bool]
"""Whether the target's step is taken, by the judge's scores of the draft's and of the target's."""


def compare(session: Session, takes: Choice) -> None:
    """Let both models write every step and take one of the two; offer what comes of it."""
    seq, written, authors = session.open(), session.open(policy=TARGET), list[bool]()
    while _goes_on(session, seq, authors):
        (trial,) = session.fork(written, 1)
        (chunk,) = session.step([trial], temperature=0.0)
        session.close([trial])
        theirs, ours = session.fork(seq, 2)
        session.append([theirs], [chunk.ids], as_="draft")
        session.step(
            [ours], temperature=0.0
        )  # after it: of equal words the latest are the answer's
        authors.append(takes(*(_reward(session, one, len(authors)) for one in (ours, theirs))))
        chosen, left = (theirs, ours) if authors[-1] else (ours, theirs)
        session.close([seq, left])
        seq = chosen
        if _goes_on(session, seq, authors):
            session.append([written], [seq.ids[len(written.ids) :]], as_="draft")
    session.offer(seq.completion)


def _reward(session: Session, seq: Seq, known: int) -> float:
    """Return the judge's score of the step after `known` others; 0 where it has come to no end."""
    (scores,) = session.scores([seq])
    return scores[known] if len(scores) > known else 0.0


def _goes_on(session: Session, seq: Seq, authors: Sequence[bool]) -> bool:
    full = len(seq.completion) >= session.room
    return not (session.ended(seq) or full or len(authors) >= session.deepest)
