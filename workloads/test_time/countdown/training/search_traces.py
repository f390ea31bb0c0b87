"""Traces that a policy learns from: attempts that miss the target, and one that meets it, or none.

How many miss is drawn from `MISSES`. Each is the nearer to the target of two attempts at random, so that what a policy tries is
no worse than chance. Some teachers give up: `GIVEN_UP` of the traces that have missed end at their last miss, which is their answer. So a
policy stops too soon now and then, and whether to go on is its own to learn. A share of the others has `ans` behind its last `back`, or in
the middle of an attempt: the one attempt that follows is what a policy writes that is told to answer now.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np

from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.test_time.countdown.substrate.number_problems import (
    ANSWER,
    BACK,
    Problem,
    Step,
    step_words,
)
from adabench.workloads.test_time.countdown.truth.true_steps import stream, wander

MISSES = (0, 0, 1, 2, 3, 4, 5)
GIVEN_UP = 0.4
TRIED = 2
ANSWERS_NOW = 0.3
"""Share of the traces that hold `ans`."""
Row = tuple[tuple[int, ...], tuple[int, ...]]
"""A prompt and a completion."""


def rows(seed: int, sizes: Sequence[int], count: int) -> list[Row]:
    """Return prompts and completions of so many problems of the `train` split."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(1,))))
    drawn = islice(stream("train", seed, sizes), count)
    return [(problem.prompt, _trace(problem, solution, generator)) for problem, solution in drawn]


def _trace(
    problem: Problem, solution: tuple[Step, ...], generator: np.random.Generator
) -> tuple[int, ...]:
    wanted = int(generator.choice(MISSES))
    missed = list(islice(_misses(problem, generator), wanted))
    if missed and generator.random() < GIVEN_UP:
        solution = missed.pop()
    spent = [(*words_of(one), BACK) for one in missed]
    if spent and generator.random() < ANSWERS_NOW:
        last = missed[-1]
        cut = int(generator.integers(1, len(last) + 1))
        whole = cut == len(last)
        spent[-1] = (*words_of(last[:cut]), *((BACK,) if whole else ()), ANSWER)
    return (*chain.from_iterable(spent), *words_of(solution), EOS)


def words_of(steps: Sequence[Step]) -> tuple[int, ...]:
    """Return the ids of steps."""
    return tuple(chain.from_iterable(map(step_words, steps)))


def _misses(problem: Problem, generator: np.random.Generator) -> Iterator[tuple[Step, ...]]:
    """Yield attempts that miss the target, the nearer of two each."""
    for _ in range(100):
        tried = [wander(problem.numbers, generator) for _ in range(TRIED)]
        far = [one for one in tried if one and one[-1].result != problem.target]
        if far:
            yield min(far, key=lambda one: abs(one[-1].result - problem.target))
