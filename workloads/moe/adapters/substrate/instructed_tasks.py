"""The suite: tasks that four instruction words name, on sequences of whole numbers modulo 7.

    [pre-map] [order] [post-map] [notation]  z_1 z_2 ... z_K

The answer at z_k is g(op(f(z_k), f(z_(k-1)))), with a pre-map f and a post-map g out of four permutations each, the
identity among them, op(a, b) = a + 2 b or b + 2 a, in figures or in letters. The base knows both orders and both
notations by plain words; the instruction words it has never met, nor any map but the identity.

**Split.** Of the 64 combinations 48 are trained on. Three pairs of a pre-map and a post-map never occur together in
training: their twelve tasks are held out. A fourth pair is there to tune rates on. Every word occurs in training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Naming = Literal["named", "hidden"]

MODULUS, MAPS, ORDERS, NOTATIONS = 7, 4, 2, 2
WORDS = 4
"""Of an instruction; they stand before the numbers."""
LENGTH = 6
"""Numbers of a sequence in training."""
CLASSES = NOTATIONS * MODULUS
PLAIN = MODULUS
"""The first of the words that the base knows: silence, two orders, two notations."""
FIRST_WORD = PLAIN + 1 + ORDERS + NOTATIONS
VOCABULARY = FIRST_WORD + MAPS + ORDERS + MAPS + NOTATIONS
_MAPS_SEED = 23
APART = {(1, 2): "held_out", (2, 3): "held_out", (3, 1): "held_out", (2, 1): "dev"}
"""Pairs of a pre-map and a post-map that are not trained on; map 0 is the identity."""


@dataclass(frozen=True)
class Combination:
    """One task: which map, order, map and notation."""

    pre: int
    order: int
    post: int
    notation: int

    @property
    def words(self) -> tuple[int, int, int, int]:
        """Return its instruction, in tokens."""
        order = FIRST_WORD + MAPS
        return (
            FIRST_WORD + self.pre,
            order + self.order,
            order + ORDERS + self.post,
            order + ORDERS + MAPS + self.notation,
        )

    @property
    def table(self) -> Ints:
        """Return the answer's class for each (z_k, z_(k-1)), [7, 7]."""
        pre, post = (permutations()[side][which] for side, which in ((0, self.pre), (1, self.post)))
        now, before = np.meshgrid(pre, pre, indexing="ij")
        first, second = (now, before) if self.order == 0 else (before, now)
        return np.asarray(post[(first + 2 * second) % MODULUS] + MODULUS * self.notation, np.int64)


@dataclass(frozen=True)
class Sequences:
    """Sequences and the classes of their answers."""

    tokens: Ints
    """[n, 4 + numbers]"""
    tasks: Ints
    """[n]: the place of each one's task among those that were drawn from."""
    answers: Ints
    """[n, numbers - 1]: at the second number and all after it."""


@cache
def permutations() -> tuple[Ints, Ints]:
    """Return the pre-maps and the post-maps, [4, 7] each: the identity and three others."""
    generator = np.random.Generator(np.random.PCG64(_MAPS_SEED))
    identity = tuple(range(MODULUS))
    found: list[tuple[int, ...]] = [identity]
    while len(found) < 2 * MAPS - 1:
        one = tuple(int(value) for value in generator.permutation(MODULUS))
        if one not in found:
            found.append(one)
    maps = np.array([*found[:MAPS], identity, *found[MAPS:]], np.int64)
    return maps[:MAPS], maps[MAPS:]


@cache
def _split() -> dict[str, tuple[Combination, ...]]:
    """Return the tasks that are trained on, those that are held out, and those of tuning."""
    found: dict[str, list[Combination]] = {"train": [], "held_out": [], "dev": []}
    for pre, post in product(range(MAPS), repeat=2):
        part = found[APART.get((pre, post), "train")]
        for order, notation in product(range(ORDERS), range(NOTATIONS)):
            part.append(Combination(pre, order, post, notation))
    return {part: tuple(tasks) for part, tasks in found.items()}


def training_tasks() -> tuple[Combination, ...]:
    """Return the 48 tasks that are trained on."""
    return _split()["train"]


def held_out_tasks() -> tuple[Combination, ...]:
    """Return the 12 tasks that are held out."""
    return _split()["held_out"]


def dev_tasks() -> tuple[Combination, ...]:
    """Return the 4 tasks that rates are tuned on."""
    return _split()["dev"]


def draw(
    generator: np.random.Generator,
    tasks: Sequence[Combination],
    chosen: Ints,
    naming: Naming = "named",
    numbers: int = LENGTH,
) -> Sequences:
    """Draw a sequence of each chosen task, [n] places in `tasks`."""
    values = generator.integers(MODULUS, size=(len(chosen), numbers))
    return write(tasks, chosen, values, naming)


def write(
    tasks: Sequence[Combination], chosen: Ints, values: Ints, naming: Naming = "named"
) -> Sequences:
    """Write given numbers, [n, numbers], as sequences of the chosen tasks."""
    words = np.array([task.words for task in tasks], np.int64)
    if naming == "hidden":
        words = np.full_like(words, PLAIN)
    tables = np.stack([task.table for task in tasks])
    answers = tables[chosen[:, None], values[:, 1:], values[:, :-1]]
    return Sequences(np.concatenate([words[chosen], values], axis=1), chosen, answers)


def examples_and_tests(
    generator: np.random.Generator,
    task: Combination,
    shots: int,
    tests: int,
    naming: Naming = "named",
) -> tuple[Sequences, Sequences]:
    """Draw examples of a new task, and other sequences of it to test on."""
    first = draw(generator, [task], np.zeros(shots, np.int64), naming)
    second = draw(generator, [task], np.zeros(tests, np.int64), naming)
    shown = set(map(bytes, first.tokens))
    new = np.array([bytes(row) not in shown for row in second.tokens])
    return first, Sequences(second.tokens[new], second.tasks[new], second.answers[new])


def draw_plain(generator: np.random.Generator, count: int, numbers: int = LENGTH) -> Sequences:
    """Draw what the base is taught: both orders and notations by plain words, without maps."""
    chosen = generator.integers(ORDERS * NOTATIONS, size=count)
    order, notation = np.divmod(chosen, NOTATIONS)
    values = generator.integers(MODULUS, size=(count, numbers))
    silence = np.full(count, PLAIN)
    words = np.stack([silence, PLAIN + 1 + order, silence, PLAIN + 1 + ORDERS + notation], axis=1)
    now, before = values[:, 1:], values[:, :-1]
    swapped = order[:, None] == 1
    first, second = np.where(swapped, before, now), np.where(swapped, now, before)
    answers = (first + 2 * second) % MODULUS + MODULUS * notation[:, None]
    return Sequences(np.concatenate([words, values], axis=1), chosen, answers)
