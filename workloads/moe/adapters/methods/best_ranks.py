"""Best ranks in hindsight: for each new task the allocation of ranks that turns out to answer most.

The oracle of rank allocation. Three adapters of the same training have the same budget, 48 ranks over twelve weights:
dealt by AdaLoRA's sensitivity, by lot, and four to each weight (LoRA of rank 4). Each adapts to the case; the one whose adapter
then answers most tests is taken, ties to the first. It knows the answers, so it is a bound on what a choice among
these three can do. No bound on all allocations: there are more than can be trained.

**Is it luck?** As in `best_adapter`: `luck` gives the same search answers that are all wrong.

**What to expect.** Written before measuring: two or three points above AdaLoRA and above LoRA, since the three differ by
the luck of their trainings as much as by their ranks.

**Ways to fake it.** Candidates of other budgets; hiding that it knows the answers.
"""

from typing import Any

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate import survey_rates, tuned_rates
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.rank_allocation import triplets
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Adapted
from adabench.workloads.moe.adapters.truth.hindsight_choice import Candidates
from adabench.workloads.moe.adapters.truth.oracle_bench import OracleBench

CARD = Card(
    title="The best of three allocations of ranks in hindsight",
    adapts="which weights have how much rank, with the answers in hand",
    role="oracle",
    oracle="bound",
)
UNIFORM = "lora-4"


def prepare(bench: OracleBench, point: Point, seed: int) -> Candidates:
    """Read the three."""
    dealt = [
        (bench.start(kind, triplets), survey_rates.few_shot_rate(kind))
        for kind in ("adalora", "random-ranks")
    ]
    uniform = bench.start(UNIFORM, lora), tuned_rates.few_shot_rate(UNIFORM)
    return Candidates(bench, (*dealt, uniform))


def luck(task: Any, point: Point, *, wrong: int) -> dict[str, float]:
    """Return what the search gains over its best single allocation, by truth and by chance."""
    return prepare(task.oracle_substrate(), point, 0).luck(task, wrong)


def solve(candidates: Candidates, case: AdaptationCase, point: Point) -> Adapted:
    """Adapt the one that turns out best."""
    return candidates.adapt_best(case)
