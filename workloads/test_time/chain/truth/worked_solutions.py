"""What is right: the answer of a problem, its worked solutions, and the grader.

**Several paths to one answer.** In traces a product is written directly with probability 0.3 and otherwise split
at a random place,

    8 5 * 0 5 = 2 5 ; 8 5 * 0 7 = 9 5 ; 2 5 + 9 5 = 2 0 ;

so that sampled solutions use different facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adabench.workloads.shared.language_model.vocabulary import EOS, decode, encode
from adabench.workloads.test_time.chain.substrate.problems import (
    MODULUS,
    STEP_WORDS,
    Problem,
    answer,
    digits,
    result,
    well_formed,
)

DIRECT = 0.3
"""How often a product is written directly where both ways are open."""


@dataclass(frozen=True)
class Answers:
    """The grader: it knows the problems that a run's questions were made from."""

    problems: tuple[Problem, ...]

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        return answer(completion) == truth(self.problems[index])

    def kind(self, index: int, completion: Sequence[int]) -> str:
        """Return of which kind an answer is: `arithmetic` where a step is wrong by itself, else `slip` or `malformed`.

        One that is right is `luck` where a step is wrong, and else of none.
        """
        if answer(completion) is None:
            return "malformed"
        ends = range(STEP_WORDS, len(completion), STEP_WORDS)
        holds_error = not all(self.is_right_step(completion[:end]) for end in ends)
        if self.is_right(index, completion):
            return "luck" if holds_error else ""
        return "arithmetic" if holds_error else "slip"

    def is_right_step(self, completion: Sequence[int]) -> bool:
        """Return whether the last step of a completion is right by itself. For oracles alone."""
        step = completion[-STEP_WORDS:]
        if not well_formed(step):
            return False
        left, sign, right = decode(step[:2]), decode(step[2:3]), decode(step[3:5])
        return apply(_number(left), sign, _number(right)) == result(step)


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


def trace(problem: Problem, generator: np.random.Generator) -> tuple[int, ...]:
    """Return the ids of one worked solution, `<eos>` included."""
    value, text = problem.first, list[str]()
    for sign, number in problem.operations:
        if sign == "*" and generator.random() >= DIRECT:
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


def _number(words: str) -> int:
    return int(words.replace(" ", ""))
