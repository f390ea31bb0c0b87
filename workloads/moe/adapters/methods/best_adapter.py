"""Oracle: for each new task the pre-trained adapter that turns out to answer most.

The oracle. Each of three adapts to the case; the one whose adapter then answers most tests is taken, ties to the
first. It knows the answers of the tests, so it is a bound on what a choice among these three can do. What is
measured is the adaptation of the chosen one.

    among=adapters    shared LoRA of rank 32, Polytropon and MHR
    among=ranks       three allocations of 48 ranks over twelve weights: AdaLoRA's, by lot, and four each (LoRA of
                      rank 4). No bound on all allocations: there are more than can be trained

**Is it luck?** The best of three looks good on some tests by chance alone. `luck` gives the same search random
answers that are all wrong, and compares what it gains over the best single adapter by truth and by chance.

**What to expect.** Written before measuring: a few points, and a good part of them luck; among ranks two or three points
above AdaLoRA and above LoRA, as the three differ by the luck of their trainings as much as by their ranks.

**Ways to fake it.** Hiding what the search tries, or that it knows the answers; allocations of other budgets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate import inventory, tuned_rates
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.rank_allocation import triplets
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Adapted
from adabench.workloads.moe.adapters.truth.oracle_bench import OracleBench

CARD = Card(
    title="Oracle: the best adapter of each task",
    adapts="which pre-trained adapter a new task starts from, with the answers in hand",
    role="oracle",
    oracle="bound",
    knobs=(Knob("among", ("adapters", "ranks"), "adapters", at="prepare"),),
)
KINDS = {"adapters": ("lora-32", "poly", "mhr"), "ranks": ("adalora", "random-ranks", "lora-4")}
ALLOCATED = KINDS["ranks"][:2]


@dataclass(frozen=True)
class Candidates:
    """The bench, and adapters to choose from with their rates."""

    bench: OracleBench
    adapters: tuple[tuple[Adapter, float], ...]

    def credits(self, case: AdaptationCase, *wrong: int) -> list[list[float]]:
        """Return of each how right it would be, `wrong` as in `OracleBench.credits`."""
        return [self.bench.credits(case, one, rate, wrong) for one, rate in self.adapters]


def prepare(bench: OracleBench, point: Point, seed: int) -> Candidates:
    """Read the three."""
    kinds = KINDS[str(point["among"])]
    return Candidates(bench, tuple(_candidate(bench, kind) for kind in kinds))


def _candidate(bench: OracleBench, kind: str) -> tuple[Adapter, float]:
    if kind in ALLOCATED:
        return bench.start(kind, triplets), tuned_rates.few_shot_rate(kind)
    build = lora if kind.startswith("lora") else _with_row(bench)
    return bench.start(kind, build), tuned_rates.few_shot_rate(kind)


def _with_row(bench: OracleBench) -> Callable[[dict[str, Tensor]], Adapter]:
    rows = bench.generator("rows")
    return lambda weights: inventory.for_new_task(weights, rows)


def luck(task: Any, point: Point, *, wrong: int) -> dict[str, float]:
    """Return what the search gains over its best single adapter, by truth and by chance."""
    rows, bench = [], task.oracle_substrate()
    candidates = prepare(bench, point, 0)
    for case in task.cases():
        bench.enter(case, task.oracle_environment(case))
        rows.append(candidates.credits(case, wrong))
    gains = np.max(rows, axis=1).mean(0) - np.mean(rows, axis=0).max(0)
    return dict(zip(("by_truth", "by_chance"), map(float, gains), strict=True))


def solve(candidates: Candidates, case: AdaptationCase, point: Point) -> Adapted:
    """Adapt the one that turns out best."""
    right = [own[0] for own in candidates.credits(case)]
    adapter, rate = candidates.adapters[int(np.argmax(right))]
    return candidates.bench.adapt(case, adapter, rate=rate)
