"""Questions with their worlds, and who grades the answers.

    kb      2 to 4 relations from an entity to an entity; size: relations
    mix     1 or 2 relations, an attribute, up to 2 operations on it; size: all of them
    arith   1 to 4 operations on a number, modulo 10; size: operations

Every scored question of several relations has at least one pair of relations that follow each other in no
training. What is right lies in the problem, which only who draws it holds; a method gets a prompt.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.notation import (
    Hint,
    Ids,
    apply,
    hint_words,
    number_words,
    words_of,
)
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.worlds import (
    ENTITIES,
    HELD_OUT_BIGRAMS,
    MODULUS,
    Entity,
    Rows,
    Split,
    World,
    WorldRules,
)

Family = Literal["kb", "mix", "arith"]
SIZES: dict[Family, tuple[int, ...]] = {
    "kb": (2, 3, 4), "mix": (2, 3, 4, 5), "arith": (1, 2, 3, 4),
}  # fmt: skip
"""Sizes that policies are trained on; nothing is scored beyond them."""
QUESTION_KINDS: tuple[tuple[Family, int], ...] = (
    ("arith", 1), ("arith", 2), ("arith", 4), ("kb", 2), ("kb", 3), ("kb", 4), ("mix", 3), ("mix", 4),
)  # fmt: skip
"""Kinds of questions among which modes are chosen."""
_MIXED = {2: ((1, 0),), 3: ((1, 1), (2, 0)), 4: ((1, 2), (2, 1)), 5: ((2, 2),)}
"""By size of a `mix` question: relations and operations, an attribute between them."""


@dataclass(frozen=True)
class Problem:
    """A question with its world and what is right."""

    family: Family
    size: int
    start: Entity | int
    relations: tuple[int, ...]
    attribute: int | None
    operations: tuple[tuple[int, int], ...]
    """Signs, as words, and numbers."""
    world: World = field(repr=False)
    trail: tuple[Entity, ...] = field(repr=False)
    """The entities on the true path, the start first."""
    hints: tuple[Hint, ...] = ()

    @property
    def prompt(self) -> Ids:
        """Return the prompt."""
        hops = [
            word
            for k, part in enumerate(self._parts)
            for one in part
            for word in (tokens.FIRST_HOP + k, one)
        ]
        hints = [word for hop, row in self.hints for word in hint_words(hop, row)]
        start = number_words(self.start) if isinstance(self.start, int) else words_of(self.start)
        return (
            tokens.BOS,
            tokens.QUESTION,
            *start,
            *hops,
            tokens.LAST_HOP,
            self.type_word,
            *hints,
            tokens.END_PROMPT,
        )

    @property
    def _parts(self) -> list[Ids]:
        """Return what stands behind each hop's marker, which every word of it has before itself."""
        own = [(tokens.FIRST_RELATION + relation,) for relation in self.relations]
        if self.attribute is not None:
            own.append((tokens.FIRST_ATTRIBUTE + self.attribute,))
        return [*own, *((sign, *number_words(number)) for sign, number in self.operations)]

    @property
    def type_word(self) -> int:
        """Return the type that the answer has, as a word; numbers have none."""
        asks_entity = self.attribute is None and not isinstance(self.start, int)
        return (
            tokens.FIRST_TYPE + self.world.kind(self.trail[-1]) if asks_entity else tokens.UNTYPED
        )

    @property
    def answer(self) -> Ids:
        """Return the words of the right answer."""
        if self.attribute is None and not isinstance(self.start, int):
            return words_of(self.trail[-1])
        return number_words(self.values[-1])

    @property
    def values(self) -> tuple[int, ...]:
        """Return the true number before each operation, and the last one."""
        found = [self.start] if isinstance(self.start, int) else []
        if self.attribute is not None:
            number = self.world.number(self.trail[-1], self.attribute)
            assert number is not None, "numbers on the true path are known"
            found.append(number)
        for sign, number in self.operations:
            found.append(apply(found[-1], sign, number))
        return tuple(found)

    def hinted(self, hints: Sequence[Hint]) -> "Problem":
        """Return the same question with hints in its prompt."""
        return replace(self, hints=tuple(hints))

    @property
    def ambiguous_hops(self) -> tuple[int, ...]:
        """Return the hops, from 1, at which the true path has two rows."""
        steps = zip(self.trail, self.relations, strict=False)
        return tuple(k for k, key in enumerate(steps, 1) if len(self.world.path[key]) > 1)


@dataclass(frozen=True)
class Answers:
    """The grader: it knows the problems that a run's questions were made from."""

    problems: tuple[Problem, ...]

    def judge(self, index: int, completion: Sequence[int]) -> Mapping[str, float]:
        """Return whether it is right, is an answer, declares failure or is malformed; and in which mode it was written."""
        answer = stated(completion)
        mode = completion[0] if completion else None
        return {
            "accuracy": float(answer == self.problems[index].answer),
            "answered": float(answer not in (None, (tokens.FAIL,))),
            "declared": float(answer == (tokens.FAIL,)),
            "malformed": float(answer is None),
            "size": float(self.problems[index].size),
            **{f"{tokens.WORDS[one]}_share": float(mode == one) for one in tokens.MODES},
        }


def draw_problem(
    family: Family, size: int, seed: int, split: Split, rules: WorldRules | None = None
) -> Problem:
    """Draw a question with its world; the same seed draws the same."""
    draws, rules = Draws(seed), rules or WorldRules()
    if family == "arith":
        world = World(seed, split, rules, {})
        operations = _operations(draws, size)
        return Problem(family, size, draws.below(MODULUS), (), None, operations, world, ())
    hops, sums = (size, 0) if family == "kb" else draws.pick(_MIXED[size])
    relations = _relations(draws, hops, split)
    attribute = draws.below(tokens.ATTRIBUTES) if family == "mix" else None
    trail, path = _path(draws, relations, split, rules)
    measured = frozenset() if attribute is None else frozenset({(trail[-1], attribute)})
    world = World(seed, split, rules, path, measured)
    operations = _operations(draws, sums)
    return Problem(family, size, trail[0], relations, attribute, operations, world, trail)


def _operations(draws: Draws, count: int) -> tuple[tuple[int, int], ...]:
    """Draw operations: plus and minus 1..9, times 2..9."""
    found = []
    for _ in range(count):
        sign = draws.pick((tokens.PLUS, tokens.MINUS, tokens.TIMES))
        low = 2 if sign == tokens.TIMES else 1
        found.append((sign, low + draws.below(MODULUS - low)))
    return tuple(found)


def _relations(draws: Draws, count: int, split: Split) -> tuple[int, ...]:
    """Draw relations: no held-out pair of neighbours in training, at least one where it is scored."""
    while True:
        found = tuple(draws.below(tokens.RELATIONS) for _ in range(count))
        has_held_out = any(pair in HELD_OUT_BIGRAMS for pair in itertools.pairwise(found))
        if count < 2 or has_held_out == (split == "held-out"):
            return found


def _path(
    draws: Draws, relations: Sequence[int], split: Split, rules: WorldRules
) -> tuple[tuple[Entity, ...], dict[tuple[Entity, int], Rows]]:
    """Draw the entities of the true path, all different, and its facts with their wrong rows."""
    drawn = draws.distinct(ENTITIES[split], 2 * len(relations) + 1)
    trail, decoys = tuple(drawn[: len(relations) + 1]), drawn[len(relations) + 1 :]
    path: dict[tuple[Entity, int], Rows] = {}
    for k, relation in enumerate(relations):
        rows: Rows = (trail[k + 1],)
        if draws.chance(rules.ambiguity):
            rows = (*rows, decoys[k]) if draws.chance(0.5) else (decoys[k], *rows)
        path[trail[k], relation] = rows
    return trail, path
