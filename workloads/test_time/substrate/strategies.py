"""Strategies of spending a budget on a question, and the table that says which one a question gets.

    table = task.plan("search").predicted
    ease = estimated_ease(session, 16, table.measure)
    STRATEGIES[table.strategy(table.bin_of(ease), budget)](session, budget)

A **mechanism** is a set of strategies among which a table chooses (`MECHANISMS`), and how it measures a
difficulty (`MEASURES`). Tables name strategies by their place in the set: add new ones at its end, and
a mechanism of another kind as a set of its own.

    search   judged_vote   N samples, a vote weighted by the judge (best-of-N weighted)
             beam_sqrt     a beam that keeps ceil(sqrt(N)) leaves
             beam_4        a beam that keeps N / 4 leaves, with 4 children each
             lookahead_1   a beam over leaves' values one greedy step ahead, of N / 2 leaves
             lookahead_3   the same three steps ahead, of N / 4 leaves
    votes    majority      N samples, heads counted
             likelihood    N samples, weighted by how likely the model finds each
    revisions             (in sessions of a policy that revises, with its judge: `REVISING`)
             side_by_side  N first attempts, a vote weighted by the judge
             chains_sqrt   sqrt(N) chains of sqrt(N) attempts, each of which reads those before it
             one_chain     N attempts, one after the other

A **budget** N is counted as the paper does: N samples, or leaves, and a look k steps ahead as k + 1 of
them. What it comes to in FLOPs is the meter's.

**Difficulty** is estimated from samples of a context of their own (`Session.open(prompt)`): their random
numbers are not those of what is answered with, and none of them can be the answer. The question is read
by the judge before, so that this reading is the search's.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adabench.harness.contract.card import Point
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.allocation import allocate_to_best
from adabench.workloads.test_time.substrate.attempt_chains import choose, sizes, write_chains
from adabench.workloads.test_time.substrate.tree_search import Tree, search
from adabench.workloads.test_time.substrate.voting import aggregate, vote

Measure = Literal["judge", "agreement"]
"""Of ease: the mean of the judge's last scores, or the share of samples that state the same answer."""
Strategy = Callable[[Session, int], None]
"""Spends a budget on a session's question, and offers its answer."""
SELECTION: Point = {"select": "vote", "aggregate": "last"}


def judged_vote(session: Session, budget: int) -> None:
    """Vote of samples, each weighted by the judge."""
    leaves = _samples(session, session.open(), budget)
    scores = session.scores(leaves)
    _elect(session, leaves, [aggregate(row, "last") for row in scores])


def majority(session: Session, budget: int) -> None:
    """Vote of samples, heads counted."""
    leaves = _samples(session, session.open(), budget)
    _elect(session, leaves, [equal(leaf) for leaf in leaves])


def likelihood(session: Session, budget: int) -> None:
    """Vote of samples, each weighted by its likelihood, word by word.

    Raises:
        CapabilityMissing: if the policy shows none; weights of nothing would count heads, unsaid.
    """
    session.require("logprobs")
    leaves = _samples(session, session.open(), budget)
    _elect(session, leaves, [likely(leaf) for leaf in leaves])


def equal(leaf: Seq) -> float:
    """Return the weight of any sample."""
    return 1.0


def likely(leaf: Seq) -> float:
    """Return a weight by likelihood, word by word."""
    return math.exp(leaf.logprob / max(1, len(leaf.completion)))


def beam_sqrt(session: Session, budget: int) -> None:
    """Beam that keeps the root of its width."""
    _beam(session, budget, math.ceil(math.sqrt(budget)))


def beam_4(session: Session, budget: int) -> None:
    """Beam whose leaves have four children."""
    _beam(session, budget, max(1, budget // 4))


def lookahead_1(session: Session, budget: int) -> None:
    """Beam that looks one step ahead."""
    lookahead(session, budget, 1)


def lookahead_3(session: Session, budget: int) -> None:
    """Beam that looks three steps ahead."""
    lookahead(session, budget, 3)


def lookahead(session: Session, budget: int, ahead: int, selection: Point = SELECTION) -> None:
    """Beam over values some steps ahead, as wide as a budget allows that counts these steps too."""
    width = max(1, budget // (ahead + 1))
    _beam(session, width, math.ceil(math.sqrt(width)), ahead, selection)


def side_by_side(session: Session, budget: int) -> None:
    """Attempts that read no other."""
    _attempts(session, budget, 0.0)


def chains_sqrt(session: Session, budget: int) -> None:
    """As many chains of attempts as a chain has."""
    _attempts(session, budget, 0.5)


def one_chain(session: Session, budget: int) -> None:
    """Attempts one after the other."""
    _attempts(session, budget, 1.0)


def _attempts(session: Session, budget: int, ratio: float) -> None:
    session.offer(choose(session, write_chains(session, *sizes(budget, ratio)), "judge"))


def _beam(
    session: Session,
    width: int,
    keep: int,
    ahead: int = 0,
    selection: Point = SELECTION,
) -> None:
    def allocate(tree: Tree) -> list[int]:
        return allocate_to_best([leaf.reward for leaf in tree.leaves], tree.width, keep)

    search(session, width, allocate, selection, ahead=ahead)


def _samples(session: Session, root: Seq, count: int) -> list[Seq]:
    leaves = session.fork(root, count)
    session.decode(leaves)
    return leaves


def _elect(session: Session, leaves: Sequence[Seq], weights: Sequence[float]) -> None:
    with session.aside():
        session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))


STRATEGIES: Mapping[str, Strategy] = {
    one.__name__: one
    for one in (
        *(judged_vote, beam_sqrt, beam_4, lookahead_1, lookahead_3, majority, likelihood),
        *(side_by_side, chains_sqrt, one_chain),
    )
}
MECHANISMS: Mapping[str, tuple[str, ...]] = {
    "search": ("judged_vote", "beam_sqrt", "beam_4", "lookahead_1", "lookahead_3"),
    "votes": ("majority", "likelihood"),
    "revisions": ("side_by_side", "chains_sqrt", "one_chain"),
}
"""By mechanism: its strategies, by the numbers of which tables are stored."""
WEIGHTS: Mapping[str, Callable[[Seq], float]] = {"majority": equal, "likelihood": likely}
"""Of votes that need no judge: what a sample weighs."""
MEASURES: Mapping[str, Measure] = {"search": "judge", "votes": "agreement", "revisions": "judge"}
REVISING = frozenset({"revisions"})
"""Mechanisms of a policy that revises: their sessions are its own."""


@dataclass(frozen=True)
class StrategyTable:
    """Which strategy was found best for questions of a difficulty, under each budget."""

    measure: Measure
    cuts: tuple[float, ...]
    """Of ease, falling: the first bin is easier than the first of them."""
    budgets: tuple[int, ...]
    """Rising."""
    choices: tuple[tuple[str, ...], ...]
    """[bins, budgets]"""

    def bin_of(self, ease: float) -> int:
        """Return the bin of an ease; 0 is the easiest."""
        return sum(ease < cut for cut in self.cuts)

    def strategy(self, bin_: int, budget: int) -> str:
        """Return the strategy of a bin under the largest budget of the table that does not exceed one."""
        known = sum(budget >= own for own in self.budgets)
        return self.choices[bin_][max(0, known - 1)]


@dataclass(frozen=True)
class Plan:
    """The tables of one mechanism."""

    predicted: StrategyTable
    """By what can be known of a question that nobody has answered."""
    graded: StrategyTable
    """By the share of right answers among the samples. For oracles alone."""


def estimated_ease(session: Session, count: int, measure: Measure) -> float:
    """Return how easy a question is, by samples that are drawn for this alone, and paid for."""
    if measure == "judge":
        session.scores([session.open()])
    with session.estimating():
        pilot = pilot_samples(session, count)
        found = ease_of(session, pilot, measure)
        session.close(pilot)
    return found


def ease_of(session: Session, pilot: Sequence[Seq], measure: Measure) -> float:
    """Return how easy a question is, by some samples."""
    if measure == "judge":
        lasts = [aggregate(row, "last") for row in session.scores(pilot)]
        return math.fsum(lasts) / len(pilot)
    stated = Counter(session.answer(leaf.completion) for leaf in pilot)
    stated.pop(None, 0)
    return max(stated.values(), default=0) / len(pilot)


def pilot_samples(session: Session, count: int) -> list[Seq]:
    """Return samples of a context of their own: other random numbers, and nobody's answer."""
    return _samples(session, session.open(session.prompt), count)
