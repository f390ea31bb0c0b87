"""Configurations to choose among: a model and how many samples of it vote. And what they answered.

    table = task.responses()                              calibration questions, really answered
    with task.session(question, pooled=True) as session:
        root = session.open()
        state = prompt_state(session.hidden(root, 0))     what a router may look at
        answer(session, table.configurations[i], root)    the chosen one really runs
    return session.best

One vote is a greedy completion. Whoever looks at the prompt's state has read the prompt with the
smallest policy, and has paid for that; if that policy answers, it goes on from there.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.session_account import POLICY
from adabench.workloads.test_time.substrate.voting import vote

Floats = NDArray[np.float64]
FIFTHS = 5
"""Parts of the calibration questions: a run's seed leaves one of them out."""


@dataclass(frozen=True)
class Configuration:
    """One way to answer a question."""

    name: str
    role: str
    """Of the session's policies."""
    votes: int


@dataclass(frozen=True)
class ResponseTable:
    """What every configuration answered to questions for calibration; no question of a test is there."""

    configurations: tuple[Configuration, ...]
    states: Floats
    """[n, D], `prompt_state` of each question."""
    lengths: Floats
    """[n], words of each prompt."""
    right: Floats
    """[n, configurations], 1 where the answer was right."""
    generated: Floats
    """[n, configurations], words."""
    flops: Floats
    """[n, configurations], as the sessions counted them, the prompt's reading included."""

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "ResponseTable":
        """Return some of the questions."""
        return replace(
            self, states=self.states[chosen], lengths=self.lengths[chosen],
            right=self.right[chosen], generated=self.generated[chosen], flops=self.flops[chosen],
        )  # fmt: skip

    def without_fifth(self, fifth: int) -> "ResponseTable":
        """Return four fifths of the questions: one split of five."""
        return self.rows(np.arange(len(self.right)) % FIFTHS != fifth % FIFTHS)

    @property
    def prices(self) -> Floats:
        """Return the mean FLOPs of each configuration over those of the dearest."""
        means = self.flops.mean(axis=0)
        return np.asarray(means / means.max(), np.float64)

    def place(self, name: str) -> int:
        """Return where a configuration stands in the list."""
        return [one.name for one in self.configurations].index(name)


def prompt_state(states: NDArray[np.float32]) -> Floats:
    """Return the embedding [D] of a prompt: the mean of its final states [n, D]."""
    return np.asarray(states.mean(axis=0, dtype=np.float64), np.float64)


def answer(session: Session, configuration: Configuration, begun: Seq | None = None) -> None:
    """Answer the question with a configuration; `begun` is the prompt as the first policy read it."""
    is_first = configuration.role == POLICY and begun is not None
    root = begun if is_first and begun else session.open(policy=configuration.role)
    if configuration.votes == 1:
        session.decode([root], temperature=0.0)
        session.offer(root.completion)
        return
    leaves = session.fork(root, configuration.votes)
    session.decode(leaves)
    with session.aside():
        ballots = [leaf.completion for leaf in leaves]
        session.offer(vote(ballots, [1.0] * len(ballots), session.answer))
