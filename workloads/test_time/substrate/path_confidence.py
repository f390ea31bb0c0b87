"""How sure a policy is along a path, and what a pool of paths says as a whole: statistics of draws that were watched.

A word's confidence is the mean of -log p over its likeliest words (DeepConf, arXiv 2508.15260): large where the runners-up are far
behind. It is no probability of being right.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from adabench.workloads.shared.language_model.contract import Chunk, Seq
from adabench.workloads.shared.language_model.vocabulary import IDS, STEP_END

LIKELIEST = 8
"""Words over which a confidence is taken."""
WINDOW = 18
"""Words of a window: two steps of the format `splits`."""
_EQUAL = IDS["="]


@dataclass(eq=False)
class Path:
    """A sequence, and how sure the policy was of each word of it."""

    seq: Seq
    confidences: tuple[float, ...] = ()
    entropies: tuple[float, ...] = field(default=(), repr=False)

    def add(self, chunk: Chunk) -> None:
        """Take in what was drawn last."""
        self.confidences += chunk.confidences
        self.entropies += chunk.entropies

    def of(self, seq: Seq) -> "Path":
        """Return the path of a child."""
        return replace(self, seq=seq)

    @property
    def length(self) -> int:
        """Return its words."""
        return len(self.confidences)

    @property
    def confidence(self) -> float:
        """Return the mean over all words; 0 without one."""
        return float(np.mean(self.confidences)) if self.confidences else 0.0


class PoolState(NamedTuple):
    """What a pool says of its question."""

    doubt: float
    """The mean entropy of the latest words, as a share of what is much; at most 1."""
    disagreement: float
    """1 - the sum of squared shares of the values that paths state last."""


def window_confidence(confidences: Sequence[float]) -> float:
    """Return the mean confidence of the latest window."""
    return float(np.mean(confidences[-WINDOW:])) if confidences else 0.0


def lowest_window(confidences: Sequence[float]) -> float:
    """Return the least mean confidence of any window, or of all words where they are fewer."""
    if len(confidences) <= WINDOW:
        return window_confidence(confidences)
    sums = np.cumsum((0.0, *confidences))
    return float((sums[WINDOW:] - sums[:-WINDOW]).min() / WINDOW)


def pool_state(entropies: Sequence[float], much: float, values: Sequence[object]) -> PoolState:
    """Return the state of a pool from the mean entropies of its paths' latest words and the values they state."""
    doubt = min(1.0, float(np.mean(entropies)) / max(much, 1e-9))
    shares = [count / len(values) for count in Counter(values).values()]
    return PoolState(doubt, 1 - sum(share**2 for share in shares))


def value_stated(completion: Sequence[int]) -> tuple[int, ...]:
    """Return the words between the last `=` and the `;` behind it; none before a step is whole."""
    whole = len(completion) - 1
    while whole >= 0 and completion[whole] != STEP_END:
        whole -= 1
    begin = whole
    while begin >= 0 and completion[begin] != _EQUAL:
        begin -= 1
    return tuple(completion[begin + 1 : whole]) if begin >= 0 else ()


def scaled(values: Sequence[float]) -> list[float]:
    """Return values on a scale from the least, 0, to the greatest, 1; equal ones are 1."""
    least, greatest = min(values), max(values)
    if greatest == least:
        return [1.0] * len(values)
    return [(value - least) / (greatest - least) for value in values]
