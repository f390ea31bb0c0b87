"""Two ways in which one policy works out a sub-problem, and a solution that chooses between them.

    System 1   writes the result at once
    System 2   works it out in smaller parts, `effort` times in different ways, and takes a vote

A domain that has them (`DualDomain`) says which sub-problems a question has, in order, and how each
mode is written. `work` goes through them: what was found so far is context of what comes next, and
a method says of each sub-problem that has two modes which one it gets (`Choice`).

    with task.session(question) as session:
        work(session, modes, modes.goals(session.prompt), choose, effort=5)
    return session.best

Nothing here is free: what is begun in one mode and left for the other was drawn, and is paid for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq, mix
from adabench.workloads.shared.language_model.domain import Domain, Words
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.question_task import QuestionTask

_COIN, _SIDES = 0x5CA1E, 1 << 32


@dataclass(frozen=True)
class Goal:
    """A sub-problem: what is to be worked out next."""

    words: tuple[int, ...]
    """In the words of its task."""
    has_modes: bool
    """Whether there is a System 2 for it."""


class Modes(Protocol):
    """The two modes of a policy on the questions of one domain."""

    def goals(self, prompt: Words) -> tuple[Goal, ...]:
        """Return the sub-problems that a prompt states, in order."""
        ...

    def outline(self, session: Session, root: Seq, count: int) -> tuple[Goal, ...]:
        """Write outlines of a question and return the sub-problems of the likeliest."""
        ...

    def begin(self, session: Session, seq: Seq, goal: Goal) -> None:
        """Write what both modes begin with: the value so far and the sign."""
        ...

    def attempt(self, session: Session, seq: Seq, goal: Goal) -> float:
        """Write a direct answer up to its first word; return how unsure the policy was of it, in nats."""
        ...

    def complete(self, session: Session, seq: Seq) -> None:
        """Write the rest of a direct answer."""
        ...

    def divide(self, session: Session, seq: Seq, goal: Goal, effort: int) -> Seq:
        """Work a sub-problem out in up to `effort` different ways; return one that the vote chose."""
        ...

    def close(self, session: Session, seq: Seq) -> None:
        """End a solution."""
        ...

    def difficulty(self, entropy: float) -> float:
        """Return how probably System 1 errs, by how unsure it was."""
        ...

    def rule_difficulty(self, goal: Goal) -> float:
        """Return how probably System 1 errs, by what the sub-problem says."""
        ...


@dataclass(frozen=True)
class DualDomain(Domain):
    """A domain whose sub-problems can be worked out in two modes."""

    modes: Modes | None = None


@runtime_checkable
class StepGrader(Protocol):
    """A grader that also knows whether a single step is right. For oracles alone."""

    def is_right_step(self, completion: Sequence[int]) -> bool:
        """Return whether the last step of a completion is right by itself."""
        ...


def modes_of(task: QuestionTask) -> Modes:
    """Return the modes of a task.

    Raises:
        CapabilityMissing: if it has none.
    """
    modes: Modes | None = getattr(task.domain, "modes", None)
    if modes is None:
        raise CapabilityMissing(
            "Two modes: nothing says how sub-problems of this task are worked out in two ways.",
            "Choose a task that has them (chain with format=splits), or another method.",
        )
    return modes


@dataclass
class SubProblem:
    """A sub-problem that is about to be worked out."""

    session: Session
    modes: Modes
    number: int
    """Which one it is, from 0."""
    goal: Goal
    is_last: bool
    base: Seq
    """The solution so far, and what both modes begin with."""
    direct: Seq | None = field(default=None, init=False)
    """A direct answer up to its first word, once it was begun."""
    entropy: float = field(default=0.0, init=False)

    def uncertainty(self) -> float:
        """Begin a direct answer and return how unsure the policy is of its first word, in nats."""
        if self.direct is None:
            (self.direct,) = self.session.fork(self.base, 1)
            self.entropy = self.modes.attempt(self.session, self.direct, self.goal)
        return self.entropy

    def difficulty(self) -> float:
        """Return how probably System 1 errs, as the policy itself gives it away; paid for."""
        return self.modes.difficulty(self.uncertainty())

    def answer_aside(self) -> tuple[int, ...]:
        """Return the solution with the answer of System 1, and leave this one where it is."""
        (copy,) = self.session.fork(self.base, 1)
        self.modes.attempt(self.session, copy, self.goal)
        self.modes.complete(self.session, copy)
        self.session.close([copy])
        return copy.completion

    def answer_directly(self) -> Seq:
        """Return the solution with the answer of System 1."""
        self.uncertainty()
        assert self.direct is not None
        self.modes.complete(self.session, self.direct)
        return self.direct

    def answer_in_parts(self, effort: int) -> Seq:
        """Return the solution with the answer of System 2; a direct one that was begun is lost."""
        if self.direct is not None:
            self.session.close([self.direct])
        return self.modes.divide(self.session, self.base, self.goal, effort)


Choice = Callable[[SubProblem], bool]
"""Whether a sub-problem that has two modes gets System 2."""


def work(
    session: Session,
    modes: Modes,
    choose: Choice,
    *,
    effort: int,
    outlines: int = 0,
) -> None:
    """Work out the sub-problems in order, each in the mode that is chosen, and offer the solution.

    With `outlines` the policy first writes so many lists of sub-problems, and the likeliest is
    followed; without, the prompt's own.
    """
    session.work_in_modes()
    seq = session.open()
    goals = modes.outline(session, seq, outlines) if outlines else modes.goals(session.prompt)
    for number, goal in enumerate(goals):
        modes.begin(session, seq, goal)
        problem = SubProblem(session, modes, number, goal, number == len(goals) - 1, seq)
        in_parts = goal.has_modes and choose(problem)
        found = problem.answer_in_parts(effort) if in_parts else problem.answer_directly()
        session.close([seq])
        seq = found
    modes.close(session, seq)
    session.offer(seq.completion)


def always(problem: SubProblem) -> bool:
    """Choose System 2."""
    return True


def never(problem: SubProblem) -> bool:
    """Choose System 1."""
    return False


def thrown(seed: int, index: int, number: int) -> float:
    """Return a coin's number in [0, 1) for a sub-problem of a question; all are equally likely."""
    return mix(_COIN, seed, index, number) % _SIDES / _SIDES
