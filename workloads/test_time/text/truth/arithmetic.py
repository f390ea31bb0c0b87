"""Generated sums: a chain of small steps in words, its worked solution, and its answer.

    Problem: 7 + 4 + 3
    Step 1: 7 + 4 = 11
    Step 2: 11 + 3 = 14
    Answer: 14

A level is a kind and a number of steps, `small-3`. Several are written with a range, `small-2..5`, or a
plus, `plus-1+digit-2`; questions take them in turn.

    small    one digit, then + 2..5        digit    one digit, then + one digit
    plus     two digits, then + one        tens     two digits, then + or - one digit
    wide     two digits, then + or - two   mixed    one digit, then +, - or * one digit

**Splits** are disjoint by a hash of the problem: `worked` examples stand in prompts, from `train` a
judge learns, `test` is asked. A question is drawn once a run's seed, as long as there are others.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow

DEFAULT_LEVEL = "digit-2"
MOST_STEPS = 9
TRIES = 200
"""Draws without anything new after which a question is asked again."""
Split = Literal["worked", "train", "test"]
_SHARES: dict[Split, tuple[int, int]] = {"worked": (0, 15), "train": (15, 50), "test": (50, 100)}
"""Hash range, in percent, of each split."""


@dataclass(frozen=True)
class Kind:
    """Which numbers and signs a kind of sum is made of; ranges include both ends."""

    first: tuple[int, int]
    later: tuple[int, int]
    signs: str


KINDS = {
    "small": Kind((1, 9), (2, 5), "+"),
    "digit": Kind((1, 9), (1, 9), "+"),
    "plus": Kind((10, 99), (1, 9), "+"),
    "tens": Kind((10, 99), (1, 9), "+-"),
    "wide": Kind((10, 99), (10, 99), "+-"),
    "mixed": Kind((1, 9), (1, 9), "+-*"),
}
_LEVEL = re.compile(r"(?P<kind>[a-z]+)-(?P<low>\d+)(?:\.\.(?P<high>\d+))?")


@dataclass(frozen=True)
class Level:
    """A kind of sum with a number of steps."""

    kind: str
    steps: int

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.kind}-{self.steps}"


@dataclass(frozen=True)
class Sum:
    """A first number, and what is done to it step by step."""

    first: int
    operations: tuple[tuple[str, int], ...]

    @property
    def problem(self) -> str:
        """Return the problem in words."""
        return " ".join(
            [str(self.first), *(f"{sign} {number}" for sign, number in self.operations)]
        )

    @property
    def values(self) -> list[int]:
        """Return the first number and the result of each step."""
        found = [self.first]
        for sign, number in self.operations:
            found.append(_applied(found[-1], sign, number))
        return found

    @property
    def solution(self) -> str:
        """Return the worked solution, up to its answer."""
        values = self.values
        lines = [
            f"Step {i}: {values[i - 1]} {sign} {number} = {values[i]}"
            for i, (sign, number) in enumerate(self.operations, 1)
        ]
        return "\n".join([*lines, f"Answer: {values[-1]}"])


def read_levels(text: str) -> tuple[Level, ...]:
    """Read levels; the default ones for none.

    Raises:
        SelectionError: if it is none.
    """
    found = [level for part in (text or DEFAULT_LEVEL).split("+") for level in _levels(part)]
    return tuple(dict.fromkeys(found))


def _levels(text: str) -> list[Level]:
    found = _LEVEL.fullmatch(text)
    if found is None or found["kind"] not in KINDS:
        raise SelectionError(
            f"{text!r} is no level of arithmetic: write a kind and its steps, such as small-2..5.",
            nearest(text.partition("-")[0], KINDS),
        )
    low, high = int(found["low"]), int(found["high"] or found["low"])
    if not 1 <= low <= high <= MOST_STEPS:
        raise SelectionError(
            f"{text!r} is no level of arithmetic: sums have 1 to {MOST_STEPS} steps.",
            f"For example: {found['kind']}-2..5.",
        )
    return [Level(found["kind"], steps) for steps in range(low, high + 1)]


def rows(
    levels: Sequence[Level], seed: int, count: int, split: Split = "test"
) -> tuple[QuestionRow, ...]:
    """Draw questions with their answers, levels in turn."""
    streams = {level: _stream(level, split, seed) for level in levels}
    asked = [levels[i % len(levels)] for i in range(count)]
    drawn = [(level, next(streams[level])) for level in asked]
    return tuple(QuestionRow(s.problem, str(s.values[-1]), str(level)) for level, s in drawn)


def worked_examples(level: Level, count: int) -> tuple[tuple[str, str], ...]:
    """Return problems with their solutions, always the same ones."""
    return tuple((s.problem, s.solution) for s in islice(_stream(level, "worked", 0), count))


def _stream(level: Level, split: Split, seed: int) -> Iterator[Sum]:
    """Yield sums of a split for ever; none twice as long as others are found."""
    key = (seed, list(KINDS).index(level.kind), level.steps, list(_SHARES).index(split))
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
    seen: set[Sum] = set()
    tries = 0
    while True:
        drawn = _draw(KINDS[level.kind], level.steps, generator)
        if split_of(drawn) != split:
            continue
        tries += 1
        if drawn in seen and tries < TRIES:
            continue
        seen.add(drawn)
        tries = 0
        yield drawn


def _draw(kind: Kind, steps: int, generator: np.random.Generator) -> Sum:
    """Draw a sum that is never negative on its way."""
    value = first = int(generator.integers(kind.first[0], kind.first[1] + 1))
    operations = []
    for _ in range(steps):
        sign = kind.signs[int(generator.integers(len(kind.signs)))]
        number = int(generator.integers(kind.later[0], kind.later[1] + 1))
        if sign == "-" and number > value:
            sign = "+"
        operations.append((sign, number))
        value = _applied(value, sign, number)
    return Sum(first, tuple(operations))


def split_of(drawn: Sum) -> Split:
    """Return the one split that a sum belongs to."""
    digest = hashlib.blake2b(drawn.problem.encode(), digest_size=4).digest()
    percent = int.from_bytes(digest, "big") % 100
    return next(name for name, (low, high) in _SHARES.items() if low <= percent < high)


def _applied(value: int, sign: str, number: int) -> int:
    if sign == "+":
        return value + number
    return value - number if sign == "-" else value * number
