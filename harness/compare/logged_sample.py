"""A sample as another harness logged it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LoggedSample:
    """One sample, asked and scored in one way."""

    place: str
    """The file and the line, or the member, for messages."""
    task: str
    way: str
    """Of reading and scoring an answer: a filter, a scorer."""
    id: int | str
    epoch: int
    """From 1."""
    content: str
    """What was asked, and what is right."""
    values: Mapping[str, float]


def numbers(values: Iterable[tuple[str, Any]]) -> dict[str, float]:
    """Return those values that are finite numbers, or yes and no."""
    return {
        name: float(value)
        for name, value in values
        if isinstance(value, bool | int | float) and math.isfinite(value)
    }
