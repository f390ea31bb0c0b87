"""Which answers turned from right to wrong between two runs, or back, case by case."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.harness.compare.loaded_run import RunPair
from adabench.harness.compare.pairing import MetricPairs


@dataclass(frozen=True)
class Flips:
    """The cases whose yes or no is another one in the second run; each by its id, or as seed/case."""

    improved: tuple[str, ...]
    worsened: tuple[str, ...]
    n: int
    """Of so many pairs."""

    def __str__(self) -> str:
        flipped = len(self.improved) + len(self.worsened)
        return (
            f"{flipped} of {self.n} flipped: {len(self.improved)} for the better, "
            f"{len(self.worsened)} for the worse"
        )


def flips_of(both: RunPair, pairs: MetricPairs, better: Literal["higher", "lower"]) -> Flips | None:
    """Return the flips of a metric; None where a value is neither 0 nor 1."""
    if not (np.isin(pairs.a, (0.0, 1.0)).all() and np.isin(pairs.b, (0.0, 1.0)).all()):
        return None
    gain = pairs.b - pairs.a if better == "higher" else pairs.a - pairs.b
    labels = both.base.labels

    def names(chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> tuple[str, ...]:
        places = zip(pairs.seed[chosen].tolist(), pairs.case[chosen].tolist(), strict=True)
        return tuple(labels.get(case, f"{seed}/{case}") for seed, case in places)

    return Flips(names(gain > 0), names(gain < 0), len(gain))
