"""Entities, numbers and hints in words, and what operations do to numbers."""

from collections.abc import Sequence

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.worlds import MODULUS, Entity

Ids = tuple[int, ...]
Hint = tuple[int, int]
"""A hop from 1, and the row to take there, 0 or 1."""


def words_of(entity: Entity) -> Ids:
    """Return an entity as two words."""
    return tokens.FIRST_NAME + entity.name, tokens.FIRST_NUMBER + entity.number


def entity_of(words: Sequence[int]) -> Entity | None:
    """Return the entity that two words are; None if they are none."""
    if len(words) != 2:
        return None
    name, number = words[0] - tokens.FIRST_NAME, words[1] - tokens.FIRST_NUMBER
    return (
        Entity(name, number) if 0 <= name < tokens.NAMES and 0 <= number < tokens.NUMBERS else None
    )


def number_words(number: int) -> Ids:
    """Return a number of 0..9 as its word."""
    return (tokens.ZERO + number,)


def number_of(words: Sequence[int]) -> int | None:
    """Return the number that a word is; None if it is none."""
    is_number = len(words) == 1 and 0 <= words[0] - tokens.ZERO < MODULUS
    return words[0] - tokens.ZERO if is_number else None


def hint_words(hop: int, row: int) -> Ids:
    """Return a hint: at this hop take that row."""
    return tokens.REFLECT, tokens.FIRST_HOP + hop - 1, tokens.ROWS[row]


def apply(value: int, sign: int, number: int) -> int:
    """Return `value sign number`, modulo 10."""
    if sign == tokens.PLUS:
        return (value + number) % MODULUS
    if sign == tokens.MINUS:
        return (value - number) % MODULUS
    return value * number % MODULUS
