"""Chains of attempts at a question: some side by side, and in each one attempt after the other.

    N attempts = chains x attempts in each          ratio 0: N chains of one      ratio 1: one chain of N

Each further attempt reads the last four of its own chain, as far as they fit (`RecordedEngine.resume`), and is
written to its end. Which answer is given is decided in two rounds, as in the paper: within each chain the
answer with the largest sum of scores, then among the chains by the scores of what each chose; without
scores by the majority of all attempts, since a chain has too few for one of its own.
"""

import math
from collections.abc import Sequence

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.voting import vote

READ = 4
"""The last attempts of a chain that the next one reads."""
Chains = list[list[Seq]]


def sizes(count: int, ratio: float) -> tuple[int, int]:
    """Return how many chains, and how many attempts in each: a power of two, nearest to count^ratio."""
    most = int(math.log2(count))
    length = 2 ** min(most, round(ratio * most))
    return count // length, length


def write_chains(session: Session, chains: int, length: int) -> Chains:
    """Write so many chains of so many attempts, those of a round together.

    Offered is the last one of the first chain, so that a budget that ends cuts off no more than a round.
    """
    found: Chains = [[] for _ in range(chains)]
    fresh = session.fork(session.open(), chains)
    while True:
        session.decode(fresh)
        for chain, seq in zip(found, fresh, strict=True):
            chain.append(seq)
        session.offer(fresh[0].completion)
        if len(found[0]) == length:
            return found
        fresh = [session.policy.resume(chain[-READ:]) for chain in found]


def choose(session: Session, chains: Chains, by: str) -> tuple[int, ...]:
    """Return the attempt that is answered with; by `last`, that in which the first chain ends."""
    if by == "last":
        return chains[0][-1].completion
    attempts = [seq for chain in chains for seq in chain]
    if by == "majority":
        return vote([seq.completion for seq in attempts], [1.0] * len(attempts), session.answer)
    scores = dict(zip(attempts, _last_scores(session, attempts), strict=True))
    winners = [_winner(session, chain, [scores[seq] for seq in chain]) for chain in chains]
    return vote([words for words, _ in winners], [worth for _, worth in winners], session.answer)


def _winner(
    session: Session, chain: Sequence[Seq], scores: Sequence[float]
) -> tuple[tuple[int, ...], float]:
    """Return what a chain answers with, and the best score of an attempt that states it."""
    words = vote([seq.completion for seq in chain], scores, session.answer)
    stated = session.answer(words)
    alike = (
        score
        for seq, score in zip(chain, scores, strict=True)
        if session.answer(seq.completion) == stated
    )
    return words, max(alike)


def _last_scores(session: Session, attempts: Sequence[Seq]) -> list[float]:
    return [row[-1] if row else 0.0 for row in session.scores(attempts)]
