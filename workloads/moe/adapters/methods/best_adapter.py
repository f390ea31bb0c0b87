"""Best adapter in hindsight: for each new task the pre-trained adapter that turns out to answer most.

The oracle. Shared LoRA of rank 32, Polytropon and MHR each adapt to the case; the one whose adapter then answers
most tests is taken, ties to the first. It knows the answers of the tests, so it is a bound on what a choice
among these three can do. What is measured is the adaptation of the chosen one.

**Is it luck?** The best of three looks good on 25 tests by chance alone. `luck` gives the same search random
answers that are all wrong, and compares what it gains over the best single adapter by truth and by chance.

**What to expect.** Written before measuring: a few points, and a good part of them luck.

**Ways to fake it.** Hiding what the search tries, or that it knows the answers.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate import inventory
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Adapted
from adabench.workloads.moe.adapters.truth.hindsight_choice import Candidates
from adabench.workloads.moe.adapters.truth.oracle_bench import OracleBench

CARD = Card(
    title="The best adapter of each task in hindsight",
    adapts="which pre-trained adapter a new task starts from, with the answers in hand",
    role="oracle",
    oracle="bound",
)
KINDS = ("lora-32", "poly", "mhr")


def prepare(bench: OracleBench, point: Point, seed: int) -> Candidates:
    """Read the three."""
    return Candidates(bench, tuple(_candidates(bench)))


def _candidates(bench: OracleBench) -> Iterator[tuple[Adapter, float]]:
    for kind in KINDS:
        build = lora if kind.startswith("lora") else _with_row(bench)
        yield bench.start(kind, build), few_shot_rate(kind)


def _with_row(bench: OracleBench) -> Callable[[dict[str, Tensor]], Adapter]:
    rows = bench.generator("rows")
    return lambda weights: inventory.for_new_task(weights, rows)


def luck(task: Any, point: Point, *, wrong: int) -> dict[str, float]:
    """Return what the search gains over its best single adapter, by truth and by chance."""
    return prepare(task.oracle_substrate(), point, 0).luck(task, wrong)


def solve(candidates: Candidates, case: AdaptationCase, point: Point) -> Adapted:
    """Adapt the one that turns out best."""
    return candidates.adapt_best(case)
