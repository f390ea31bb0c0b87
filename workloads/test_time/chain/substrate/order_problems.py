"""The format `orders`: a value times several factors modulo 97, one factor a step, in any order.

A first value in 1..96 and n different factors in 2..19; every number is one word:

    prompt       <bos> 69 : 9 17 15 11 >
    completion   69 * 15 = 65 : 9 17 ? 11 ; 65 * 17 = 38 : 9 ? ? 11 ; 38 * 9 = 51 : ? ? ? 11 ; ... ; <eos>

A step takes any factor that is left, states one product, and writes the slots anew with `?` where a factor
is used. A question has n! orders whose values between differ, so solutions do not meet before the answer;
what is to be done next stands in the step, so that nothing but a product can be missed. 97 is a prime: no
later factor undoes an error, and a guess is right once in 96 times.

**Two kinds of factors.** Products of the SMALL ones (2..9) are known to every policy, of the LARGE ones
(10..19) each policy misremembers a share (`truth/order_solutions.py`). How many of a question's factors are
large is how hard it is, and each number of them is a group of questions.

**Form.** A completion of n steps must have n slots, and k of them used after step k; it is closed by
`<eos>`, and its answer is the last product. Everything else is malformed, and wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, IDS, encode, steps
from adabench.workloads.test_time.chain.substrate.problems import Split, generator_of, split_of_text

MODULUS = 97
SMALL, LARGE = range(2, 10), range(10, 20)
"""Factors whose products every policy knows, and those of which it misremembers some."""
FACTORS = (*SMALL, *LARGE)
LONGEST = 7
"""The factors of a question; a training's problems have fewer, too."""
ANY_LARGE = range(LONGEST + 1)
"""How many factors of a question may be large."""
FRAME_WORDS = 7
"""Words of a step beside its slots: `v * b = z :` and `;`."""
STEP_WORDS = FRAME_WORDS + LONGEST
RESULT = 4
"""Where the product stands in a step."""
TEMPERATURE = 0.4
"""What words are drawn at: factors that are left are equally likely at any; at 1 a policy takes one that is not
left in three steps of a hundred."""
TIMES, EQUAL, SLOTS, USED, STEP_END = (IDS[word] for word in ("*", "=", ":", "?", ";"))
ZERO = IDS["0"]
NUMBERS = frozenset(range(ZERO, ZERO + MODULUS))
"""The words of numbers."""


@dataclass(frozen=True)
class Product:
    """A first value and different factors; nothing here tells the answer."""

    first: int
    factors: tuple[int, ...]

    @property
    def prompt(self) -> tuple[int, ...]:
        """Return the ids of the prompt."""
        return (BOS, *encode(f"{self.first} : {' '.join(map(str, self.factors))} >"))

    @property
    def large(self) -> int:
        """Return how many of the factors are large."""
        return sum(factor in LARGE for factor in self.factors)


@dataclass(frozen=True)
class Step:
    """A well-formed step: value * factor = result, and its slots, None where one is used."""

    value: int
    factor: int
    result: int
    slots: tuple[int | None, ...]


def stream(
    split: Split, seed: int, lengths: Sequence[int] = (LONGEST,), large: int | None = None
) -> Iterator[Product]:
    """Yield problems of a split for ever; `lengths` are drawn with equal probability.

    `large` of the factors are large; None: all factors are equally likely.
    """
    generator = generator_of(split, seed)
    while True:
        problem = draw(generator, int(generator.choice(lengths)), large)
        if split_of_text(f"{problem.first} {problem.factors}") == split:
            yield problem


def questions(
    split: Split, seed: int, count: int, large: Sequence[int] = ANY_LARGE
) -> list[Product]:
    """Return problems of all factors, the numbers of large ones among them in turn."""
    streams = [stream(split, mix(seed, k), large=k) for k in large]
    return [next(streams[i % len(streams)]) for i in range(count)]


def draw(generator: np.random.Generator, length: int, large: int | None = None) -> Product:
    """Draw a problem of different factors, `large` of them large; None: as it comes."""
    first = int(generator.integers(1, MODULUS))
    if large is None:
        factors = generator.choice(FACTORS, length, replace=False)
    else:
        parts = ((SMALL, length - large), (LARGE, large))
        drawn = [generator.choice(kind, count, replace=False) for kind, count in parts]
        factors = generator.permutation(np.concatenate(drawn))
    return Product(first, tuple(int(factor) for factor in factors))


def problem_of(prompt: Sequence[int]) -> Product:
    """Return the problem that a prompt states."""
    first, _, *factors = prompt[1:-1]
    return Product(first - ZERO, tuple(word - ZERO for word in factors))


def step_text(step: Step) -> str:
    """Return a step in words."""
    slots = " ".join("?" if slot is None else str(slot) for slot in step.slots)
    return f"{step.value} * {step.factor} = {step.result} : {slots} ;"


def read_steps(completion: Sequence[int]) -> tuple[Step, ...]:
    """Return the steps of a completion of the right form; of a malformed one none."""
    if not completion or completion[-1] != EOS:
        return ()
    found = tuple(map(read_step, steps(completion[:-1])))
    read = tuple(step for step in found if step is not None)
    wanted = [(len(found), number) for number in range(1, len(found) + 1)]
    shapes = [(len(step.slots), step.slots.count(None)) for step in read]
    return read if shapes == wanted else ()


def read_step(words: Sequence[int]) -> Step | None:
    """Return the step that ids state; None if they are none."""
    value, factor, result = words[0:5:2] if len(words) > FRAME_WORDS else (0, 0, 0)
    signs = (*words[1:4:2], *words[5:6], *words[-1:])
    slots = words[6:-1]
    if signs != (TIMES, EQUAL, SLOTS, STEP_END) or not NUMBERS.issuperset((value, factor, result)):
        return None
    if not NUMBERS.issuperset(set(slots) - {USED}):
        return None
    left = (None if word == USED else word - ZERO for word in slots)
    return Step(value - ZERO, factor - ZERO, result - ZERO, tuple(left))


def answer(completion: Sequence[int]) -> int | None:
    """Return the answer that a completion states, or None if it is malformed."""
    found = read_steps(completion)
    return found[-1].result if found else None


def slips(problem: Product, found: Sequence[Step]) -> bool:
    """Return whether steps copy something wrongly: a value, a factor or a slot that is not the question's."""
    start = Step(0, 0, problem.first, problem.factors)
    return any(not _follows(before, after) for before, after in pairwise((start, *found)))


def _follows(before: Step, after: Step) -> bool:
    """Return whether a step takes the last result and one factor that is left, and leaves the others."""
    places = [at for at, slot in enumerate(before.slots) if slot == after.factor]
    left = [(*before.slots[:at], None, *before.slots[at + 1 :]) for at in places]
    return after.value == before.result and after.slots in left


def room(prompt: Sequence[int]) -> int:
    """Return the length of a completion of a prompt, `<eos>` included."""
    count = len(prompt) - 4
    return count * (FRAME_WORDS + count) + 1
