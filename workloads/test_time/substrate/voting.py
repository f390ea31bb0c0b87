"""From weighted completions to one: votes, and what a row of step scores is worth.

    vote:  argmax over answers a of    sum of w_i over completions i that state a

Returned is the earliest completion that states the winning answer; ties go to the answer that was
stated first. A malformed completion states nothing: its weight helps nobody, and it is returned
only where no completion states anything. Sums are exact (`math.fsum`), so the order of the ballots
decides ties and nothing else.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from adabench.workloads.shared.language_model.domain import Stated

Completion = tuple[int, ...]
Answer = Callable[[Sequence[int]], Stated]
"""What a completion states: a session's `answer`."""


def vote(completions: Sequence[Completion], weights: Sequence[float], answer: Answer) -> Completion:
    """Return the earliest completion that states the answer with the largest weight.

    Raises:
        ValueError: without a completion, or when weights and completions differ in number.
    """
    if not completions:
        raise ValueError("A vote needs a completion; decode at least one sequence first.")
    ballots: dict[Stated, list[float]] = {}
    first: dict[Stated, Completion] = {}
    for completion, weight in zip(completions, weights, strict=True):
        stated = answer(completion)
        if stated is not None:
            ballots.setdefault(stated, []).append(weight)
            first.setdefault(stated, completion)
    if not ballots:
        return completions[0]
    return first[max(ballots, key=lambda stated: math.fsum(ballots[stated]))]


def two_largest(counts: Counter[object]) -> tuple[int, int]:
    """Return how often the two most frequent answers were stated; 0 for one that is not there."""
    first, second = [*(count for _, count in counts.most_common(2)), 0, 0][:2]
    return first, second


def best(completions: Sequence[Completion], weights: Sequence[float], answer: Answer) -> Completion:
    """Return the heaviest completion, the earliest of equals; malformed ones come last.

    Raises:
        ValueError: without a completion.
    """
    if not completions:
        raise ValueError("There is nothing to choose from; decode at least one sequence first.")
    order = range(len(completions))
    chosen = max(order, key=lambda i: (answer(completions[i]) is not None, weights[i], -i))
    return completions[chosen]


def aggregate(scores: Sequence[float], how: str) -> float:
    """Return what a completion is worth by its steps' scores; 0 without a step.

    Raises:
        ValueError: for another way than last, min, mean or product.
    """
    if how not in ("last", "min", "mean", "product"):
        raise ValueError(f"No aggregate is called {how!r}; use last, min, mean or product.")
    if not scores:
        return 0.0
    if how == "last":
        return scores[-1]
    if how == "min":
        return min(scores)
    return math.fsum(scores) / len(scores) if how == "mean" else math.prod(scores)
