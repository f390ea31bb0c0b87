"""The two modes of the chain: a product written at once, or split into smaller ones and voted on.

    System 1    7 3 * 1 7 = 4 1 ;
    System 2    7 3 * 0 6 = 3 8 ; 7 3 * 1 1 = 0 3 ; 3 8 + 0 3 = 4 1 ;      in up to `effort` ways

The policy learned both and mixes them as it likes. A mode holds its draws to some words
(`decode(allow=...)`): it is told *what* to work out and works it out itself.

    held        what stands already in the prompt or further up: the value so far, a sign, a factor,
                the two halves that are added; `=`, `;` and the end; and the second part of a split,
                since parts that do not add up to the factor are no split of it
    its own     every result, and the first part of a split (among smaller factors)

Held words are drawn like all others and cost as much. Results are greedy. The ways of a split are
as many ranges of first parts, all apart, and within its range a part is drawn at temperature 1.
Second parts are held for another reason too: after a direct product the policy loses count of what
is left of a factor, so that System 2 would be a worse one wherever System 1 went before.

**Difficulty.** sigmoid(a + b log(H + 0.0001)), H being the entropy of the policy, in nats, before the
first word of its own direct answer; fitted to whether these answers were wrong on questions of the
`calibration` split (`training/train_scale_score.py`). `rule_difficulty` is its cheap rival, with the
factor in place of the logarithm. Sums have one mode.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Words
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS, STEP_END
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.chain.recipes import BASES, SCORE, recipes
from adabench.workloads.test_time.chain.substrate.held_words import mask_of, write
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    TrainingMissing,
    in_turn,
)
from adabench.workloads.test_time.substrate.dual_modes import Goal

ZERO, EQUAL, PLUS, TIMES = (IDS[word] for word in ("0", "=", "+", "*"))
DIGITS = frozenset(range(ZERO, ZERO + 10))
LEAST_ENTROPY = 1e-4
"""In nats: what keeps the logarithm of none finite."""
RESULT = slice(-3, -1)
"""Where the result of the latest step stands, once it is closed."""


ANY_DIGIT = mask_of(DIGITS)


@dataclass(frozen=True)
class StepModes:
    """The modes of a policy, and how it was found to err."""

    policy: str
    """The name of its checkpoint."""
    fitted: str
    """The name of the score that was fitted to it."""

    def goals(self, prompt: Words) -> tuple[Goal, ...]:
        """Return the operations of a prompt, in order."""
        return tuple(
            Goal(tuple(prompt[place : place + 3]), prompt[place] == TIMES)
            for place in range(3, len(prompt) - 1, 3)
        )

    def outline(self, session: Session, root: Seq, count: int) -> tuple[Goal, ...]:
        """Write the list of operations `count` times and return that of the likeliest outline.

        The policy never learned to write one, so its draws are held to copying the prompt's.
        """
        goals = self.goals(session.prompt)
        outlines = session.fork(root, count)
        for goal in goals:
            write(session, outlines, [(*goal.words, STEP_END)] * count)
        likeliest = max(outlines, key=lambda outline: outline.logprob)
        session.close(outlines)
        return self.goals((*likeliest.ids[:3], *_operations(likeliest.completion), STEP_END))

    def begin(self, session: Session, seq: Seq, goal: Goal) -> None:
        """Write the value so far and the sign."""
        value = seq.ids[RESULT] if seq.completion else seq.ids[1:3]
        write(session, [seq], [(*value, goal.words[0])])

    def attempt(self, session: Session, seq: Seq, goal: Goal) -> float:
        """Write the operand and the first digit of the result; return the entropy before that digit."""
        write(session, [seq], [(*goal.words[1:], EQUAL)])
        (chunk,) = session.decode([seq], max_new=1, temperature=0.0, allow=ANY_DIGIT, watch=1)
        return chunk.entropies[0]

    def complete(self, session: Session, seq: Seq) -> None:
        """Write the second digit of the result, and close the step."""
        session.decode([seq], max_new=1, temperature=0.0, allow=ANY_DIGIT)
        write(session, [seq], [(STEP_END,)])

    def divide(self, session: Session, seq: Seq, goal: Goal, effort: int) -> Seq:
        """Split a product in up to `effort` different ways; return the first with the winning sum."""
        value, factor = tuple(seq.ids[-3:-1]), _number(goal.words[1:])
        ranges = _ranges(factor, effort)
        ways = session.fork(seq, len(ranges))
        _draw_parts(session, ways, ranges)
        rests = [_digits(factor - _number(way.ids[-2:])) for way in ways]
        halves = [self._result(session, ways)]
        write(session, ways, [(*value, TIMES, *rest) for rest in rests])
        halves.append(self._result(session, ways))
        sums = [(*one, PLUS, *other) for one, other in zip(*halves, strict=True)]
        write(session, ways, sums)
        results = self._result(session, ways)
        winner = ways[results.index(max(results, key=results.count))]
        session.close([way for way in ways if way is not winner])
        return winner

    def close(self, session: Session, seq: Seq) -> None:
        """End a solution."""
        write(session, [seq], [(EOS,)])

    def difficulty(self, entropy: float) -> float:
        """Return how probably System 1 errs, by how unsure it was."""
        return _sigmoid(self._score()["score"], log_entropy(entropy))

    def rule_difficulty(self, goal: Goal) -> float:
        """Return how probably System 1 errs, by the factor alone; sums have no second mode."""
        return _sigmoid(self._score()["rule"], _number(goal.words[1:]))

    def _result(self, session: Session, seqs: Sequence[Seq]) -> list[tuple[int, ...]]:
        """Let the policy write the result of a step and close it; return the results' digits."""
        write(session, seqs, [(EQUAL,)] * len(seqs))
        chunks = session.decode(seqs, max_new=2, temperature=0.0, allow=ANY_DIGIT)
        write(session, seqs, [(STEP_END,)] * len(seqs))
        return [chunk.ids for chunk in chunks]

    def _score(self) -> dict[str, tuple[float, float]]:
        """Return what was fitted to this policy, and note that it is used."""
        name = self.fitted
        if name not in recipes():
            raise CapabilityMissing(
                f"A difficulty: no score is fitted to {self.policy}.",
                "Choose policy=lm-s and layout=several, or sys1 or sys2, which need none.",
            )
        if not checkpoints.is_there(name, FOLDER):
            raise TrainingMissing(
                f"A difficulty: the score {name} is not here; a run trains nothing.",
                f"Make it first, in about {recipes()[name].forecast_s} s of one core: "
                f"adabench train chain/{name}",
            )
        checkpoints.note(name, FOLDER)
        return restore_score(name)


def score_name(policy: str, seed: int) -> str:
    """Return the name of the score of a run seed that is fitted to a policy's checkpoint.

    To a policy that is shipped several are fitted, and run seeds take those that are there in turn.
    """
    base, _, number = policy.rpartition("-s")
    if base != "lm-s":
        return f"{SCORE}-{policy}"
    if int(number) >= BASES:
        return f"{SCORE}-x-s{number}"
    return in_turn(SCORE, seed)


@lru_cache(maxsize=8)
def restore_score(name: str) -> dict[str, tuple[float, float]]:
    """Return intercept and slope of a score and of its rival.

    Raises:
        EnvironmentProblem: if it was not fitted yet.
    """
    forecast_s = recipes()[name].forecast_s
    found = checkpoints.weights(name, checkpoints.home(name, FOLDER), forecast_s)
    return {key: (float(value[0]), float(value[1])) for key, value in found.items()}


def log_entropy(entropy: float) -> float:
    """Return the number that a difficulty is a line of."""
    return math.log(entropy + LEAST_ENTROPY)


def shares(prompt: Words, completion: Words) -> Mapping[str, float]:
    """Return the share of a prompt's operations that a solution worked out in System 2.

    A product that is written with its whole factor was System 1's; any other takes three steps.
    """
    place, split = 0, 0
    operations = range(3, len(prompt) - 1, 3)
    for start in operations:
        sign, *factor = prompt[start : start + 3]
        step = completion[place : place + STEP_WORDS]
        in_parts = sign == TIMES and len(step) == STEP_WORDS and list(step[3:5]) != factor
        split += in_parts
        place += STEP_WORDS * (3 if in_parts else 1)
    return {"sys2_share": split / max(1, len(operations))}


def _draw_parts(session: Session, ways: Sequence[Seq], ranges: Sequence[range]) -> None:
    """Draw a first part for each way, digit by digit, within its range."""
    tens = [mask_of(iter(ZERO + part // 10 for part in span)) for span in ranges]
    session.decode(ways, max_new=1, temperature=1.0, allow=np.stack(tens))
    ones = [
        mask_of(iter(ZERO + part % 10 for part in span if ZERO + part // 10 == way.ids[-1]))
        for way, span in zip(ways, ranges, strict=True)
    ]
    session.decode(ways, max_new=1, temperature=1.0, allow=np.stack(ones))


def _ranges(factor: int, count: int) -> list[range]:
    """Cut 1..factor-1 into as many ranges as there are to be ways, all of nearly the same size."""
    parts = factor - 1
    count = max(1, min(count, parts))
    cuts = [1 + parts * i // count for i in range(count + 1)]
    return [range(low, high) for low, high in pairwise(cuts)]


def _operations(outline: Words) -> Iterator[int]:
    """Yield the words of an outline without its marks."""
    yield from (word for word in outline if word != STEP_END)


def _number(digits: Words) -> int:
    return 10 * (digits[0] - ZERO) + digits[1] - ZERO


def _digits(number: int) -> tuple[int, int]:
    return ZERO + number // 10, ZERO + number % 10


def _sigmoid(line: tuple[float, float], value: float) -> float:
    return 1.0 / (1.0 + math.exp(-(line[0] + line[1] * value)))
