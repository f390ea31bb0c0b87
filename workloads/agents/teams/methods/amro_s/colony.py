"""Pheromones over the edges of three layers, one matrix a class: paths are drawn by them, and deposits lie on them.

    P(v | u) ~ tau_uv ^ a  eta_v ^ b          tau = sum_t w_t T_t,  w: the odds of the classes
    eta_v = (ability + ease + speed) / 3      each between 0 and 1 over the nodes of a layer
    T_t <- (1 - rho) T_t + w_t Q / (f + eps)  on the edges of a path that was judged good;  f: its words over `USUAL`

Clipped to [LEAST, MOST], as in a max-min ant system. Serving reads; `flush` writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.workloads.agents.teams.substrate.paths import LAYERS, PATHS, POLICIES, Path, machine
from adabench.workloads.agents.teams.substrate.routers import CLASSES, Router

LEAST, MOST, START = 0.1, 10.0, 1.0
USUAL = 60.0
"""Words of a usual episode."""
FLOOR = 0.02
"""Of a heuristic: no node is out of reach."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Habits:
    """What the paper leaves open."""

    a: float
    b: float
    rho: float
    heuristic: str
    """`sum` of ability, load and response time; `ratio`: ability over load; `ability` alone."""
    matrices: int
    """One for each class, or one for all."""


class Trace(NamedTuple):
    """A request that was logged."""

    path: Path
    odds: tuple[float, ...]
    is_good: bool
    words: float


@dataclass
class Colony:
    """The pheromones of one stream."""

    habits: Habits
    abilities: tuple[Numbers, ...]
    """By layer: the share of right answers by class and node, [classes, nodes]."""
    tau: list[Numbers] = field(default_factory=list)
    """By layer: [matrices, nodes before, nodes]."""
    waits: tuple[Numbers, ...] = ()
    """By layer: how long requests took lately that went through each node."""

    def __post_init__(self) -> None:
        """Lay the same on every edge."""
        sizes = [1, *map(len, LAYERS)]
        shape = self.habits.matrices
        self.tau = [np.full((shape, a, b), START) for a, b in pairwise(sizes)]
        self.waits = tuple(np.full(len(layer), USUAL) for layer in LAYERS)

    def draw(
        self, odds: Sequence[float], held: Mapping[str, int], uniforms: Sequence[float]
    ) -> Path:
        """Draw a path by a number in [0, 1) for each layer."""
        shares, before, nodes = self._shares(odds), 0, []
        for layer, (names, uniform) in enumerate(zip(LAYERS, uniforms, strict=True)):
            eta = self._heuristic(layer, odds, held)
            trail = np.tensordot(shares, self.tau[layer][:, before], 1)
            odd = trail**self.habits.a * eta**self.habits.b
            before = int(np.searchsorted(np.cumsum(odd) / odd.sum(), uniform, side="right"))
            before = min(before, len(names) - 1)
            nodes.append(names[before])
        return Path(*nodes)

    def note_wait(self, path: Path, waited: float) -> None:
        """Note how long a request took: what serving knows by itself."""
        for waits, place in zip(self.waits, path.places, strict=True):
            waits[place] += 0.1 * (waited - waits[place])

    def flush(self, traces: Sequence[Trace]) -> None:
        """Let what was there evaporate and lay down what was logged, all at once."""
        fresh = [one.copy() for one in self.tau]
        for trace in traces:
            shares = self._shares(trace.odds)
            laid = trace.is_good / (trace.words / USUAL + 0.1)
            edges = zip(fresh, (0, *trace.path.places[:-1]), trace.path.places, strict=True)
            for matrix, before, place in edges:
                matrix *= (1 - self.habits.rho * shares)[:, None, None]
                matrix[:, before, place] += self.habits.rho * shares * laid
        self.tau = [np.clip(one, LEAST, MOST) for one in fresh]

    def _shares(self, odds: Sequence[float]) -> Numbers:
        return np.array(odds if self.habits.matrices > 1 else [1.0])

    def _heuristic(self, layer: int, odds: Sequence[float], held: Mapping[str, int]) -> Numbers:
        shares = odds if self.habits.matrices > 1 else [1 / len(CLASSES)] * len(CLASSES)
        ability: Numbers = np.array(shares) @ self.abilities[layer]
        is_machine = LAYERS[layer] is POLICIES
        loads = [held.get(machine(name), 0) if is_machine else 0 for name in LAYERS[layer]]
        if self.habits.heuristic == "ability":
            return np.maximum(_scaled(ability), FLOOR)
        if self.habits.heuristic == "ratio":
            ratio: Numbers = ability / (1 + np.array(loads))
            return np.maximum(ratio, FLOOR)
        ease, speed = _scaled(1 / (np.array(loads) + 1.0)), _scaled(1 / (self.waits[layer] + 1.0))
        mean: Numbers = (_scaled(ability) + ease + speed) / 3
        return np.maximum(mean, FLOOR)


def _scaled(values: Numbers) -> Numbers:
    """Return values between 0 and 1, by their least and their most; ones where they are equal."""
    span = values.max() - values.min()
    return (values - values.min()) / span if span > 0 else np.ones_like(values)


def abilities(known: Router) -> tuple[Numbers, ...]:
    """Return the share of right answers on labelled requests by class and node, for each layer."""
    by_class = known.of_class(known.by_kind)
    return tuple(
        np.stack([by_class[:, [p.places[layer] == n for p in PATHS]].mean(axis=1) for n in range(len(names))], 1)
        for layer, names in enumerate(LAYERS)
    )  # fmt: skip


def warmed_up(habits: Habits, known: Router, rounds: int, draws: np.random.Generator) -> Colony:
    """Return a colony that went through labelled requests so many times, with what was right in a judge's place."""
    colony = Colony(habits, abilities(known))
    for question in draws.permutation(np.repeat(np.arange(len(known.kinds)), rounds)):
        kind = known.kinds[question]
        odds = tuple(float(k) for k in known.class_of(kind))
        path = colony.draw(odds, {}, draws.random(len(LAYERS)).tolist())
        place = PATHS.index(path)
        is_right = bool(known.right[question, place])
        colony.flush([Trace(path, odds, is_right, float(known.words[kind, place]))])
    return colony
