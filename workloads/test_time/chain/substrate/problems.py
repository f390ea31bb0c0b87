"""Chain arithmetic: problems, traces, splits and the grader.

A first value in 0..99 and d operations, `+ a`, `- a` (a in 1..99) or `* b` (b in 2..FACTOR),
everything modulo 100, every number two digit words:

    prompt       <bos> 4 7 + 3 8 * 1 2 - 0 9 >
    completion   4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ; 2 0 - 0 9 = 1 1 ; <eos>

**Several paths to one answer.** In the traces of layout `several` a product is written
directly with probability 0.3 and otherwise split at a random place,

    8 5 * 0 5 = 2 5 ; 8 5 * 0 7 = 9 5 ; 2 5 + 9 5 = 2 0 ;

so that sampled solutions use different facts and their errors are nearly independent.
Layout `single` always writes it directly: there errors are systematic, and voting has nothing
to gain (the negative control of every method that votes).

**Splits** are disjoint twice: by the stream's seed and by a hash of the problem. A problem
belongs to exactly one split, whoever draws it.

**Grading** is strict. A completion must be steps `a op b = c ;` closed by `<eos>`; its
answer is the last result. Everything else is malformed, and wrong.
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
DIRECT = 0.3
LONGEST = 8
STEP_WORDS = 9

Layout = Literal["several", "single"]
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


def apply(value: int, sign: str, number: int) -> int:
    """Return `value sign number` modulo 100."""
    if sign == "+":
        return (value + number) % MODULUS
    if sign == "-":
        return (value - number) % MODULUS
    return value * number % MODULUS


def truth(problem: Problem) -> int:
    """Return the right answer. For the scorer and for tests alone."""
    value = problem.first
    for sign, number in problem.operations:
        value = apply(value, sign, number)
    return value


def split_of(problem: Problem) -> Split:
    """Return the one split that a problem belongs to."""
    text = f"{problem.first} {problem.operations}".encode()
    percent = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") % 100
    for name, (low, high) in _SHARES.items():
        if low <= percent < high:
            return name  # type: ignore[return-value]
    raise AssertionError("the shares cover 0..99")


def stream(split: Split, seed: int, lengths: Sequence[int]) -> Iterator[Problem]:
    """Yield problems of a split for ever; `lengths` are drawn with equal probability."""
    names = list(_SHARES)
    generator = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence((seed, names.index(split))))
    )
    while True:
        problem = draw(generator, int(generator.choice(lengths)))
        if split_of(problem) == split:
            yield problem


def draw(generator: np.random.Generator, length: int) -> Problem:
    """Draw a problem of `length` operations."""
    signs = generator.integers(0, 3, length)
    terms = generator.integers(1, MODULUS, length)
    factors = generator.integers(2, FACTOR + 1, length)
    operations = tuple(
        (_OPERATORS[sign], int(factor if sign == 2 else term))
        for sign, term, factor in zip(signs, terms, factors, strict=True)
    )
    return Problem(int(generator.integers(0, MODULUS)), operations)


def trace(problem: Problem, generator: np.random.Generator, layout: Layout) -> tuple[int, ...]:
    """Return the ids of one worked solution, `<eos>` included."""
    value, text = problem.first, list[str]()
    for sign, number in problem.operations:
        if sign == "*" and layout == "several" and generator.random() >= DIRECT:
            part = int(generator.integers(1, number))
            left, right = value * part % MODULUS, value * (number - part) % MODULUS
            text += [
                _step(value, "*", part, left),
                _step(value, "*", number - part, right),
                _step(left, "+", right, (left + right) % MODULUS),
            ]
        else:
            text.append(_step(value, sign, number, apply(value, sign, number)))
        value = apply(value, sign, number)
    return (*encode(" ".join(text)), EOS)


def _step(left: int, sign: str, right: int, result: int) -> str:
    return f"{digits(left)} {sign} {digits(right)} = {digits(result)} ;"


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
