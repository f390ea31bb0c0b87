"""The instances: how long each of n workers takes in each round, before the work itself.

A worker is in one of two states, good or bad, by a chain of its own (Gilbert-Elliott). A round
takes base = 1 + U(-0.05, 0.05) in the good state and that times 3 + Exp(1) in the bad one; what
it is given to do comes on top, `alpha` times its load (the share of the data set it goes
through). So 1 is the time of a round without work. A straggler's work is not slowed beyond its
base: that is the model the parameters are fitted by (delay = base + alpha load).

| family      | good to bad, bad to good | here for |
|-------------|---|---|
| short       | 0.01, 0.9  | friendly: bursts of one round |
| long        | 0.01, 0.35 | hostile: bursts of three rounds and more |
| independent | 0.03, 0.97 | hostile: whom to expect is hardly to be learnt |
| none        | never bad  | control: nothing to be saved |

Pure functions of (family, n, jobs, probe, seed, number). The *probe*, on which parameters are
chosen, and the rounds that are scored are drawn from two streams of their own (`TUNE`, `TEST`). A
seed has several instances of a family, each with a probe and rounds of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TUNE, TEST, COINS = 0, 1, 2
EXTRA = 40
"""Rounds that are kept ready past the last job: no scheme may be later than that."""
SPREAD = 0.05
SLOW = 3.0


@dataclass(frozen=True)
class Chain:
    """The two-state chain of a worker."""

    to_bad: float
    to_good: float

    @property
    def bad(self) -> float:
        """Return the share of rounds in the bad state."""
        return self.to_bad / (self.to_bad + self.to_good)


FAMILIES: Mapping[str, Chain] = {
    "short": Chain(0.01, 0.9),
    "long": Chain(0.01, 0.35),
    "independent": Chain(0.03, 0.97),
    "none": Chain(0.0, 1.0),
}
KINDS: Mapping[str, str] = {
    "short": "friendly", "long": "hostile", "independent": "hostile", "none": "control",
}  # fmt: skip


def instances(family: str, draws: int) -> int:
    """Return how many instances a seed has where the friendly family has `draws`.

    Hostile ones have a third: effects are 2 % there and 30 % in long bursts. Without
    stragglers nothing varies, and one is enough.
    """
    return {"friendly": draws, "hostile": -(-draws // 3), "control": 1}[KINDS[family]]


@dataclass(frozen=True)
class Case(FrozenArrays):
    """What a method knows before the first round: the probe, and nothing of what is scored."""

    group: str
    """The family, or the file name of a user's profile."""
    n: int
    jobs: int
    alpha: float
    """Time a load of 1 takes, in rounds without work."""
    mu: float
    """Whoever takes longer than (1 + mu) times the fastest is late."""
    seed: int
    coins: int
    """The seed of a method's own random draws."""
    instance: float
    """The first 52 bits of a SHA-256 over the arrays: equal delays, equal numbers."""
    probe: Floats
    """(rounds, n) delays of another run, to choose parameters on; read-only."""


@dataclass(frozen=True)
class Profile(FrozenArrays):
    """One instance with the delays that are scored; the task keeps it to itself."""

    case: Case
    base: Floats
    """(rounds, n) read-only."""
    open_future: bool = True
    """Whether a scheme may be told a round's delays beforehand."""


def walk(rng: np.random.Generator, chain: Chain, rounds: int, n: int) -> Floats:
    """Draw delays (rounds, n); the chain starts in its stationary state."""
    bad = np.empty((rounds, n), np.bool_)
    bad[0] = rng.random(n) < chain.bad
    coins = rng.random((rounds, n))
    for r in range(1, rounds):
        bad[r] = np.where(bad[r - 1], coins[r] >= chain.to_good, coins[r] < chain.to_bad)
    slow = np.where(bad, SLOW + rng.exponential(1.0, (rounds, n)), 1.0)
    return (1 + rng.uniform(-SPREAD, SPREAD, (rounds, n))) * slow


def make_profile(
    group: str, probe: Floats, base: Floats, jobs: int, alpha: float, mu: float, seed: int,
    number: int = 0,
) -> Profile:  # fmt: skip
    """Freeze the arrays and give the instance its content hash."""
    probe, base = (read_only(np.asarray(array, np.float64)) for array in (probe, base))
    conditions = repr((probe.shape, base.shape, jobs, alpha, mu))
    instance = content_number(conditions.encode(), probe, base)
    coins = int(child(seed, COINS, group, *_later(number)).generate_state(1, np.uint32)[0])
    case = Case(group, base.shape[1], jobs, alpha, mu, seed, coins, instance, probe)
    return Profile(case, base)


def generate(
    family: str, n: int, jobs: int, probe: int, alpha: float, mu: float, seed: int, number: int = 0
) -> Profile:
    """Return an instance of a family. Pure."""
    chain = FAMILIES[family]
    tuned, scored = (
        walk(
            np.random.default_rng(child(seed, purpose, family, n, *_later(number))),
            chain,
            rounds,
            n,
        )
        for purpose, rounds in ((TUNE, probe), (TEST, jobs + EXTRA))
    )
    return make_profile(family, tuned, scored, jobs, alpha, mu, seed, number)


def _later(number: int) -> tuple[int, ...]:
    """Return what tells an instance's streams from those of the first."""
    return (number,) if number else ()
