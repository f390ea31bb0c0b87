"""The form of Countdown: numbers and a target, and attempts that use every number once, one after another.

    prompt       <bos> CD 3 7 5 ? 22 >
    completion   3 + 5 = 8 : 8 7 ; 8 + 7 = 15 ; back  3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ; <eos>

A step takes two numbers of the pool and states what an operation makes of them; behind `:` stands the pool that is left, but for
the last step of an attempt, which leaves one number. `back` gives an attempt up, and the next one begins with all numbers;
`ans`, behind a step or a `back`, asks for one last attempt; `spawn` and `join` stand around threads (`thread_trees.py`). What is answered is the attempt that `<eos>` closes: its expression, the
order of what may be exchanged aside, so that equal answers are equal votes. Nothing here calculates: whether a
step is true, and whether the target is met, stands in the task's `truth/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, IDS, encode, steps

LARGEST, HIGHEST = 12, 40
"""The largest number of a question, and the highest value that an operation may come to."""
SIZES = (3, 4)
"""How many numbers questions have."""
ROOM = 160
"""Words of a completion: six attempts at four numbers, ten at three."""
PLUS, MINUS, TIMES = "+", "-", "*"
COMMUTATIVE = frozenset({PLUS, TIMES})
OPERATIONS = {IDS[sign]: sign for sign in (PLUS, MINUS, TIMES)}
EQUAL, POOL, STEP_END, BACK, ANSWER = (IDS[word] for word in ("=", ":", ";", "back", "ans"))
SPAWN, JOIN, CALL = IDS["spawn"], IDS["join"], IDS["call"]
ZERO = IDS["0"]
NUMBERS = frozenset(range(ZERO, ZERO + HIGHEST + 1))
"""The words of numbers."""
LAST_WORDS = 26
"""Words of one attempt at four numbers, `<eos>` included."""
TEMPERATURE = 1.0
_FRAME, _BEFORE_POOL = 6, 5
"""Words of a step without a pool, and those before one."""


@dataclass(frozen=True)
class Problem:
    """Numbers, each to be used once, and a target."""

    numbers: tuple[int, ...]
    target: int

    @property
    def prompt(self) -> tuple[int, ...]:
        """Return the ids of the prompt."""
        return (BOS, *encode(f"CD {' '.join(map(str, self.numbers))} ? {self.target} >"))


@dataclass(frozen=True)
class Step:
    """A step of the right form: `first sign second = result`, and the pool that it leaves."""

    first: int
    sign: str
    second: int
    result: int
    left: tuple[int, ...]


def step_words(step: Step) -> tuple[int, ...]:
    """Return the ids of a step; one that leaves a single number does not repeat it."""
    pool = f": {' '.join(map(str, step.left))} " if len(step.left) > 1 else ""
    return encode(f"{step.first} {step.sign} {step.second} = {step.result} {pool};")


def read_step(words: Sequence[int]) -> Step | None:
    """Return the step that ids state; None if they are none."""
    if len(words) < _FRAME or words[-1] != STEP_END or words[3] != EQUAL:
        return None
    first, sign, second, result = words[0], OPERATIONS.get(words[1]), words[2], words[4]
    left = words[_BEFORE_POOL + 1 : -1]
    marked = words[_BEFORE_POOL] == POOL
    if sign is None or not NUMBERS.issuperset((first, second, result, *left)):
        return None
    if marked != (len(left) > 1):
        return None
    values = tuple(word - ZERO for word in left) if marked else (result - ZERO,)
    return Step(first - ZERO, sign, second - ZERO, result - ZERO, values)


def attempts(completion: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the words of each attempt, in their order; those that end in nothing are empty."""
    found: list[list[int]] = [[]]
    for word in completion:
        if word == EOS:
            break
        if word in (BACK, ANSWER, SPAWN, JOIN):
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(one) for one in found]


def read_attempt(words: Sequence[int]) -> tuple[Step, ...]:
    """Return the steps of an attempt that ends in one number; of a malformed one none."""
    found = [read_step(part) for part in steps(words)]
    read = tuple(step for step in found if step is not None)
    sizes = [len(step.left) for step in read]
    falls = all(before == after + 1 for before, after in pairwise(sizes))
    return read if read and len(read) == len(found) and falls and sizes[-1] == 1 else ()


def last_attempt(completion: Sequence[int]) -> tuple[Step, ...]:
    """Return the steps of the attempt that a completion answers; none if it is not closed, or malformed."""
    if not completion or completion[-1] != EOS:
        return ()
    return read_attempt(attempts(completion)[-1])


def answer(completion: Sequence[int]) -> str | None:
    """Return the expression that a completion answers, or None if it is malformed."""
    made: dict[int, list[str]] = {}
    text = ""
    for step in last_attempt(completion):
        both = [_taken(made, value) for value in (step.first, step.second)]
        if step.sign in COMMUTATIVE:
            both.sort()
        text = f"({both[0]}{step.sign}{both[1]})"
        made.setdefault(step.result, []).append(text)
    return text or None


def room(prompt: Sequence[int]) -> int:
    """Return the length of the longest completion of a prompt, `<eos>` included."""
    del prompt
    return ROOM


def _taken(made: dict[int, list[str]], value: int) -> str:
    """Return how a number was made, and take it away; one that nothing made is the question's own."""
    own = made.get(value)
    return own.pop() if own else str(value)
