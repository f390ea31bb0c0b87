"""What is right in the format `orders`: answers, what teachers believe, worked solutions, and the grader.

**What a teacher believes.** Traces are written by a teacher who misremembers a share of the table of
products, chosen by a hash, and goes on from what it believes. The shares are nested: what a better teacher
misremembers a worse one does too, and in the same way. So how often a policy errs is set by a number and not by
when its training was cut off; it errs with confidence, so that no decoder reads off its surprise which
products to avoid; and orders that pass no such product agree on the answer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adabench.workloads.shared.language_model.vocabulary import EOS, encode, steps
from adabench.workloads.test_time.chain.recipes import Mistaken
from adabench.workloads.test_time.chain.substrate import paths, tries
from adabench.workloads.test_time.chain.substrate.order_problems import (
    MODULUS,
    SMALL,
    Product,
    Step,
    answer,
    read_step,
    read_steps,
    step_text,
)

_PARTS = 10_000
"""In how many parts of the table a share is counted."""


@dataclass(frozen=True)
class TriesAnswers:
    """The grader of the format `tries`."""

    problems: tuple[Product, ...]

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        return tries.answer(completion) == truth(self.problems[index])


@dataclass(frozen=True)
class PathAnswers:
    """The grader of the format `paths`."""

    problems: tuple[Product, ...]

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        return paths.answer(completion) == truth(self.problems[index])


@dataclass(frozen=True)
class OrderAnswers:
    """The grader: it knows the problems that a run's questions were made from."""

    problems: tuple[Product, ...]

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        """Return whether a completion of that question states the right answer."""
        return answer(completion) == truth(self.problems[index])

    def kind(self, index: int, completion: Sequence[int]) -> str:
        """Return of which kind an answer is: `arithmetic` where a product is wrong, else `slip` or `malformed`.

        One that is right is `luck` where a product is wrong, and else of none.
        """
        if answer(completion) is None:
            return "malformed"
        holds_error = holds_wrong_product(completion)
        if self.is_right(index, completion):
            return "luck" if holds_error else ""
        return "arithmetic" if holds_error else "slip"

    def is_right_step(self, completion: Sequence[int]) -> bool:
        """Return whether the last step of a completion is right by itself. For oracles alone."""
        *_, last = steps(completion) or [()]
        step = read_step(last)
        return step is not None and step.result == product(step.value, step.factor)


def product(value: int, factor: int) -> int:
    """Return the product modulo 97."""
    return value * factor % MODULUS


def belief(value: int, factor: int, mistaken: Mistaken) -> int:
    """Return what a teacher takes for a product who misremembers these shares of the table."""
    text = f"{value}*{factor}".encode()
    drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    share = mistaken[0 if factor in SMALL else 1]
    known = product(value, factor)
    if drawn % _PARTS >= share * _PARTS:
        return known
    return product(known, 2 + drawn // _PARTS % (MODULUS - 2))


def truth(problem: Product) -> int:
    """Return the right answer. For the scorer and for tests alone."""
    value = problem.first
    for factor in problem.factors:
        value = product(value, factor)
    return value


def holds_wrong_product(completion: Sequence[int]) -> bool:
    """Return whether a completion holds an arithmetic error: a failure that votes and searches can repair."""
    return any(step.result != product(step.value, step.factor) for step in read_steps(completion))


def tries_trace(
    problem: Product, generator: np.random.Generator, count: int, mistaken: Mistaken
) -> tuple[int, ...]:
    """Return the ids of so many solutions of a teacher one after another, and of the value that came up most, `<eos>` included."""
    each = [trace(problem, generator, mistaken)[:-1] for _ in range(count)]
    found = [
        step.result for step in (read_step(steps(one)[-1]) for one in each) if step is not None
    ]
    most = max(found, key=found.count)
    return (*(word for one in each for word in one), *encode(f"ans {most}"), EOS)


def trace(problem: Product, generator: np.random.Generator, mistaken: Mistaken) -> tuple[int, ...]:
    """Return the ids of one solution of a teacher, all orders being equally likely; `<eos>` included."""
    step, text = Step(0, 0, problem.first, problem.factors), list[str]()
    for place in generator.permutation(len(problem.factors)):
        factor, slots = problem.factors[place], list(step.slots)
        slots[place] = None
        found = belief(step.result, factor, mistaken)
        step = Step(step.result, factor, found, tuple(slots))
        text.append(step_text(step))
    return (*encode(" ".join(text)), EOS)
