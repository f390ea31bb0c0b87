"""Chain arithmetic: problems, splits, and what a completion states.

A first value in 0..99 and d operations, `+ a`, `- a` (a in 1..99) or `* b` (b in 2..FACTOR),
everything modulo 100, every number two digit words:

    prompt       <bos> 4 7 + 3 8 * 1 2 - 0 9 >
    completion   4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ; 2 0 - 0 9 = 1 1 ; <eos>

**Splits** are disjoint twice: by the stream's seed and by a hash of the problem. A problem
belongs to exactly one split, whoever draws it.

**Form.** A completion must be steps `a op b = c ;` closed by `<eos>`; its
answer is the last result. Everything else is malformed, and wrong.
What is right is in `truth/worked_solutions.py`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, IDS, STEP_END, encode

MODULUS = 100
FACTOR = 19
"""Largest factor of a product: the knob that sets how many facts there are to learn."""
LONGEST = 8
STEP_WORDS = 9

Split = Literal["train", "prm", "calibration", "dev", "test"]
_SHARES: dict[str, tuple[int, int]] = {
    "train": (0, 70),
    "prm": (70, 80),
    "calibration": (80, 85),
    "dev": (85, 90),
    "test": (90, 100),
}
"""Hash range, in percent, of each split."""
_OPERATORS = "+-*"
_EQUAL = IDS["="]
_SIGNS = {IDS[sign]: sign for sign in _OPERATORS}


@dataclass(frozen=True)
class Problem:
    """A first value and the operations that follow; nothing here tells the answer."""

    first: int
    operations: tuple[tuple[str, int], ...]

    @property
    def prompt(self) -> tuple[int, ...]:
        """Return the ids of the prompt."""
        body = " ".join(f"{sign} {digits(number)}" for sign, number in self.operations)
        return (BOS, *encode(f"{digits(self.first)} {body} >"))


def digits(number: int) -> str:
    """Return a number of 0..99 as two words."""
    return f"{number // 10} {number % 10}"


def split_of(problem: Problem) -> Split:
    """Return the one split that a problem belongs to."""
    return split_of_text(f"{problem.first} {problem.operations}")


def split_of_text(text: str) -> Split:
    """Return the one split that a problem belongs to, by a text that says it whole."""
    percent = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % 100
    for name, (low, high) in _SHARES.items():
        if low <= percent < high:
            return name  # type: ignore[return-value]
    raise AssertionError("the shares cover 0..99")


def stream(
    split: Split, seed: int, lengths: Sequence[int], largest: int = MODULUS - 1
) -> Iterator[Problem]:
    """Yield problems of a split for ever; `lengths` are drawn with equal probability."""
    generator = generator_of(split, seed)
    while True:
        problem = draw(generator, int(generator.choice(lengths)), largest)
        if split_of(problem) == split:
            yield problem


def generator_of(split: Split, seed: int) -> np.random.Generator:
    """Return the random numbers of a split's stream."""
    place = list(_SHARES).index(split)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, place))))


def draw(generator: np.random.Generator, length: int, largest: int = MODULUS - 1) -> Problem:
    """Draw a problem of `length` operations, with numbers of up to `largest` (2 at least)."""
    signs = generator.integers(0, 3, length)
    terms = generator.integers(1, largest + 1, length)
    factors = generator.integers(2, min(FACTOR, largest) + 1, length)
    operations = tuple(
        (_OPERATORS[sign], int(factor if sign == 2 else term))
        for sign, term, factor in zip(signs, terms, factors, strict=True)
    )
    return Problem(int(generator.integers(0, MODULUS)), operations)


def answer(completion: Sequence[int]) -> int | None:
    """Return the answer that a completion states, or None if it is malformed."""
    if len(completion) < STEP_WORDS + 1 or completion[-1] != EOS:
        return None
    body = completion[:-1]
    if len(body) % STEP_WORDS:
        return None
    for start in range(0, len(body), STEP_WORDS):
        if not well_formed(body[start : start + STEP_WORDS]):
            return None
    return result(body[-STEP_WORDS:])


def well_formed(step: Sequence[int]) -> bool:
    """Return whether ids are one step `a op b = c ;`."""
    return (
        len(step) == STEP_WORDS
        and all(_is_digit(step[place]) for place in (0, 1, 3, 4, 6, 7))
        and step[2] in _SIGNS
        and step[5] == _EQUAL
        and step[8] == STEP_END
    )


def result(step: Sequence[int]) -> int:
    """Return the number on the right of a well-formed step."""
    return 10 * _digit(step[6]) + _digit(step[7])


def _is_digit(word: int) -> bool:
    return IDS["0"] <= word <= IDS["9"]


def _digit(word: int) -> int:
    return word - IDS["0"]


def room(prompt: Sequence[int]) -> int:
    """Return the longest completion that a prompt can need: three steps an operation, `<eos>`."""
    operations = (len(prompt) - 4) // 3
    return 3 * STEP_WORDS * operations + 1
