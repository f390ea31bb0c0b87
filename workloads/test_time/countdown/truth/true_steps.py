"""What is right in Countdown: what operations come to, which problems there are, and the grader, which replays."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.workloads.test_time.countdown.substrate.number_problems import (
    COMMUTATIVE,
    HIGHEST,
    LARGEST,
    MINUS,
    PLUS,
    TIMES,
    Problem,
    Step,
    last_attempt,
)

Split = Literal["train", "dev", "test"]
_SHARES: tuple[tuple[Split, int], ...] = (("test", 20), ("dev", 40), ("train", 100))
"""Up to which hundredth of a hash a problem is of a split."""
LEAST_TARGET = 10
MOST_LUCK = 0.15
"""Share of attempts at random that may meet the target of a question."""
Pool = tuple[int, ...]


@dataclass(frozen=True)
class Replays:
    """The grader: it knows the problems that a run's questions were made from."""

    problems: tuple[Problem, ...]

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether the answered attempt of a completion is true and meets the target."""
        problem = self.problems[index]
        return value_of(problem.numbers, last_attempt(completion)) == problem.target

    def kind(self, index: int, completion: Sequence[int]) -> str:
        """Return of which kind an answer is: `search` where it is true and misses the target, `arithmetic` where a step
        is untrue, `malformed` where there is none; of one that is right it is none.
        """
        steps, problem = last_attempt(completion), self.problems[index]
        if not steps:
            return "malformed"
        found = value_of(problem.numbers, steps)
        return "arithmetic" if found is None else "" if found == problem.target else "search"


def result(first: int, sign: str, second: int) -> int | None:
    """Return what an operation comes to; None if that is below 0, above the highest value, or no operation."""
    made = {PLUS: first + second, MINUS: first - second, TIMES: first * second}.get(sign, -1)
    return made if 0 <= made <= HIGHEST else None


def value_of(numbers: Pool, steps: Sequence[Step]) -> int | None:
    """Return what true steps make of all numbers; None if there are none, or one of them is untrue."""
    pool = sorted(numbers)
    for step in steps:
        for value in (step.first, step.second):
            if value not in pool:
                return None
            pool.remove(value)
        if step.result != result(step.first, step.sign, step.second):
            return None
        pool = sorted([*pool, step.result])
        if sorted(step.left) != pool:
            return None
    return pool[0] if steps and len(pool) == 1 else None


def moves(pool: Pool) -> list[Step]:
    """Return every step that a pool allows; of what may be exchanged the first of the two ways alone."""
    found = []
    for i, first in enumerate(pool):
        for j, second in enumerate(pool):
            if i == j:
                continue
            rest = tuple(value for at, value in enumerate(pool) if at not in (i, j))
            for sign in (PLUS, MINUS, TIMES):
                made = result(first, sign, second)
                twin = i > j and (sign in COMMUTATIVE or first == second)
                idle = sign == TIMES and 1 in (first, second)
                if made is not None and not twin and not idle:
                    found.append(Step(first, sign, second, made, (made, *rest)))
    return found


def wander(numbers: Pool, generator: np.random.Generator) -> tuple[Step, ...]:
    """Return an attempt at random; it is empty if it ran into a pool that allows no step."""
    pool, found = numbers, list[Step]()
    while len(pool) > 1:
        possible = moves(pool)
        if not possible:
            return ()
        found.append(possible[int(generator.integers(len(possible)))])
        pool = found[-1].left
    return tuple(found)


def luck(pool: Pool, target: int) -> float:
    """Return the share of attempts at random that make the target of a pool."""
    if len(pool) == 1:
        return float(pool[0] == target)
    possible = moves(pool)
    return sum(luck(step.left, target) for step in possible) / max(1, len(possible))


def stream(
    split: Split, seed: int, sizes: Sequence[int]
) -> Iterator[tuple[Problem, tuple[Step, ...]]]:
    """Yield problems of a split for ever, each with an attempt that meets its target; sizes are drawn with equal probability."""
    generator = np.random.Generator(np.random.PCG64(seed))
    while True:
        numbers = generator.integers(1, LARGEST + 1, int(generator.choice(sizes)))
        drawn = tuple(int(number) for number in numbers)
        solution = wander(drawn, generator)
        if solution and solution[-1].result >= LEAST_TARGET:
            problem = Problem(drawn, solution[-1].result)
            if split_of(problem) == split:
                yield problem, solution


def questions(split: Split, seed: int, count: int, sizes: Sequence[int]) -> tuple[Problem, ...]:
    """Return problems of a split, the sizes in turn; none of them is met by luck."""
    streams = [_hard(split, 10_007 * seed + size, size) for size in sizes]
    return tuple(next(streams[i % len(streams)]) for i in range(count))


def _hard(split: Split, seed: int, size: int) -> Iterator[Problem]:
    """Yield problems of a size whose target few attempts at random meet."""
    for problem, _ in stream(split, seed, (size,)):
        if luck(problem.numbers, problem.target) <= MOST_LUCK:
            yield problem


def split_of(problem: Problem) -> Split:
    """Return the split that a problem belongs to, in whatever order its numbers stand."""
    text = f"{sorted(problem.numbers)} {problem.target}".encode()
    part = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") % 100
    return next(split for split, below in _SHARES if part < below)
