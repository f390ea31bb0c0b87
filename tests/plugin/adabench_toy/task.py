"""Square roots by Newton's iteration: the smallest task with something to adapt.

A case is a number; how many iterations it needs depends on how far it lies from the
starting guess. The substrate makes the iterations and counts them, the score asks for ten
right digits.
"""

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.contract.protocols import Meter

CARD = Card(
    title="square roots by Newton's iteration",
    knobs=(Knob("spread", (2.0, 4.0), 4.0, open=True, low=0.0, high=12.0),),
    metrics=(
        Metric("steps", "iterations", "lower", "work", primary=True),
        Metric("right", "share", "higher", "quality", primary=True),
    ),
)
CHECK_CONDITIONS = {"spread": 3.0}
DIGITS = 1e-10


@dataclass(frozen=True)
class Number:
    """One case: a positive number and the seed of a method's own coins."""

    value: float
    coins: int
    group: str


@dataclass
class Iteration:
    """What methods get: the counted iteration."""

    meter: Meter = field(default_factory=Meter)

    def step(self, case: Number, guess: float) -> float:
        """Return a better guess of the root; counted."""
        self.meter["steps"] += 1
        return 0.5 * (guess + case.value / guess)


def change(better: float, guess: float) -> float:
    """Return how far a guess moved, as a part of it."""
    return abs(better - guess) / better


@dataclass
class Roots(Iteration):
    """Numbers spread over `spread` powers of ten, and whether their roots are right."""

    seed: int = 0
    spread: float = 4.0

    def cases(self) -> Iterator[Number]:
        """Yield twelve numbers, half of them near the starting guess."""
        chance = random.Random(1000 * self.seed + 7)  # numpy would take most of a small run's time
        for index in range(12):
            reach = self.spread * (index % 2) + 0.1
            value = 10.0 ** chance.uniform(-reach, reach)
            yield Number(value, chance.randrange(2**31), "far" if index % 2 else "near")

    def substrate(self) -> Iteration:
        """Return the iteration alone."""
        return Iteration()

    oracle_substrate = substrate

    def score(self, case: Number, answer: float) -> Mapping[str, float]:
        """Is the root right to ten digits."""
        hold()
        return {"right": float(abs(answer * answer - case.value) <= DIGITS * case.value)}


def hold() -> None:
    """Wait to be killed where a test asks for it: once a journal has grown to some size.

    `$ADABENCH_TOY_HOLD` names a file that holds the journal's path and the size. Who comes first
    takes it away and leaves its own process id in a file beside it.
    """
    asked = Path(os.environ.get("ADABENCH_TOY_HOLD") or os.devnull)
    try:
        journal, size = json.loads(asked.read_text())
        if Path(journal).stat().st_size < size:
            return
        asked.rename(asked.with_suffix(".taken"))
    except (OSError, ValueError):
        return
    asked.with_suffix(".new").write_text(str(os.getpid()))
    asked.with_suffix(".new").rename(asked.with_suffix(".held"))
    while True:
        time.sleep(3600)


def load(scale: str, seed: int, *, spread: float) -> Roots:
    """Return the task; there is one scale."""
    del scale
    return Roots(seed=seed, spread=spread)
