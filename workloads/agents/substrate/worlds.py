"""Worlds: knowledge that is drawn anew for each question and is read through tools alone.

An entity is a pair, a name part and a number part (`A7 B12`). A quarter of the pairs is held out: worlds of
questions that are scored are made of these alone, and worlds of trainings of the others.

**Facts on the true path** are laid down with the question. **All others** follow from a keyed hash of the
world's seed, the entity and the relation, so that retries and branches see the same world in whatever
order they look:

    with probability `dead_ends`     nothing is known
    else with `ambiguity`            two rows, of which a choice takes one
    else                             one entity

So a wrong row is not known by the look of what follows it. With `delay` 2 the entity of a wrong row itself
is never a dead end; those behind it are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from adabench.workloads.agents.substrate.action_words import NAMES, NUMBERS, RELATIONS, TYPES
from adabench.workloads.shared.language_model.contract import mix

Split = Literal["train", "held-out"]
MODULUS = 10
_PAIR, _BIGRAM, _FACT, _NUMBER, _TYPE = range(0xA61, 0xA66)
"""Keys that tell one kind of hash from another."""
_UNIT = 2.0**-64


class Entity(NamedTuple):
    """A name part and a number part, each from 0."""

    name: int
    number: int


Rows = tuple[Entity, ...]
"""What a look-up finds: nothing, an entity, or two rows."""


def is_held_out(entity: Entity) -> bool:
    """Say whether a pair is of scored questions alone."""
    return mix(_PAIR, *entity) % 4 == 0


def is_held_out_bigram(first: int, second: int) -> bool:
    """Say whether two relations, one after the other, are of scored questions alone."""
    return mix(_BIGRAM, first, second) % 5 == 0


_ALL = tuple(Entity(name, number) for name in range(NAMES) for number in range(NUMBERS))
ENTITIES: Mapping[Split, tuple[Entity, ...]] = {
    "train": tuple(one for one in _ALL if not is_held_out(one)),
    "held-out": tuple(one for one in _ALL if is_held_out(one)),
}
HELD_OUT_BIGRAMS = frozenset(
    (first, second)
    for first in range(RELATIONS)
    for second in range(RELATIONS)
    if is_held_out_bigram(first, second)
)


@dataclass(frozen=True)
class WorldRules:
    """How hard worlds are."""

    ambiguity: float = 0.35
    """Share of look-ups of a relation that return two rows."""
    dead_ends: float = 0.5
    """Chance that nothing is known of an entity off the true path."""
    delay: int = 1
    """Look-ups behind a wrong row after which dead ends begin: at once, or one later."""


CLEAN = WorldRules(ambiguity=0.0)
"""Worlds in which nothing has to be chosen: what a policy does there is skill alone."""


@dataclass(frozen=True)
class World:
    """What is so, for one question."""

    seed: int
    split: Split
    rules: WorldRules
    path: Mapping[tuple[Entity, int], Rows] = field(repr=False)
    """By entity and relation: the facts that lead from the question's start to its answer."""
    measured: frozenset[tuple[Entity, int]] = frozenset()
    """Entities and attributes on the true path, of which a number is known for certain."""

    def relation(self, entity: Entity, relation: int) -> Rows:
        """Return what a relation leads to."""
        found = self.path.get((entity, relation))
        return self._off_path(entity, relation) if found is None else found

    def number(self, entity: Entity, attribute: int) -> int | None:
        """Return an entity's number, if one is known."""
        key = mix(_NUMBER, self.seed, *entity, attribute)
        is_known = (entity, attribute) in self.measured or not self._is_dead(entity, key)
        return mix(key, 1) % MODULUS if is_known else None

    def kind(self, entity: Entity) -> int:
        """Return an entity's type."""
        return mix(_TYPE, self.seed, *entity) % TYPES

    def _off_path(self, entity: Entity, relation: int) -> Rows:
        key = mix(_FACT, self.seed, *entity, relation)
        if self._is_dead(entity, key):
            return ()
        options = ENTITIES[self.split]
        first = options[mix(key, 1) % len(options)]
        if mix(key, 2) * _UNIT >= self.rules.ambiguity:
            return (first,)
        second = options[mix(key, 3) % len(options)]
        return (first, second) if second != first else (first,)

    def _is_dead(self, entity: Entity, key: int) -> bool:
        if self.rules.delay > 1 and any(entity in rows for rows in self.path.values()):
            return False
        return key * _UNIT < self.rules.dead_ends
