"""Entities, numbers and hints in words, and what operations do to numbers."""

from collections.abc import Sequence

from adabench.workloads.agents.substrate.action_words import (
    FIRST_HOP,
    FIRST_NAME,
    FIRST_NUMBER,
    MINUS,
    NAMES,
    NUMBERS,
    PLUS,
    REFLECT,
    ROWS,
    ZERO,
)
from adabench.workloads.agents.substrate.worlds import MODULUS, Entity

Ids = tuple[int, ...]
Hint = tuple[int, int]
"""A hop from 1, and the row to take there, 0 or 1."""


def words_of(entity: Entity) -> Ids:
    """Return an entity as two words."""
    return FIRST_NAME + entity.name, FIRST_NUMBER + entity.number


def entity_of(words: Sequence[int]) -> Entity | None:
    """Return the entity that two words are; None if they are none."""
    if len(words) != 2:
        return None
    name, number = words[0] - FIRST_NAME, words[1] - FIRST_NUMBER
    return Entity(name, number) if 0 <= name < NAMES and 0 <= number < NUMBERS else None


def number_words(number: int) -> Ids:
    """Return a number of 0..9 as its word."""
    return (ZERO + number,)


def number_of(words: Sequence[int]) -> int | None:
    """Return the number that a word is; None if it is none."""
    is_number = len(words) == 1 and 0 <= words[0] - ZERO < MODULUS
    return words[0] - ZERO if is_number else None


def hint_words(hop: int, row: int) -> Ids:
    """Return a hint: at this hop take that row."""
    return REFLECT, FIRST_HOP + hop - 1, ROWS[row]


def apply(value: int, sign: int, number: int) -> int:
    """Return `value sign number`, modulo 10."""
    if sign == PLUS:
        return (value + number) % MODULUS
    if sign == MINUS:
        return (value - number) % MODULUS
    return value * number % MODULUS
