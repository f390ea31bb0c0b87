"""What every method of `draw` must obey, ours or a plug-in's.

    source      it imports nothing that knows the pictures, nor what trains
    alone       what it says of a prompt does not change with the prompts beside it

`check` and `alone` yield a sentence for each broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from adabench.harness.contract.card import Card
from adabench.workloads.depth_width.draw.substrate.draw_bench import DrawBench, DrawCase, Drawn
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules(
    task="adabench.workloads.depth_width.draw",
    off_limits=frozenset(("meter", "known", "account", "noises", "_ledger", "_given")),
    who="method",
)
TOLERANCE = 1e-4
"""Other batches are summed in another order."""


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method by its source."""
    yield from source_problems(RULES, method, card)


def alone(bench: DrawBench, case: DrawCase, method: Any, card: Card) -> Iterator[str]:
    """Yield whether what is said of the first prompt depends on the others."""
    own = [0, *range(len(case.prompts) - 1, len(case.prompts) // 2, -1)]
    fewer = DrawCase(
        case.index,
        tuple(case.prompts[i] for i in own),
        case.noisy[own],
        case.times[own],
        case.start[own],
    )
    one, two = (_answer(bench, which, method, card).velocity[0] for which in (case, fewer))
    if float((one - two).abs().max()) > TOLERANCE:
        yield "What it says of a prompt changes with the prompts beside it."


def _answer(bench: DrawBench, case: DrawCase, method: Any, card: Card) -> Drawn:
    own = DrawBench(bench.source, bench.seed, bench.steps)
    point = {**card.fixed, **card.defaults}
    answer: Drawn = method.solve(prepared_state(method, own, point), case, point)
    return answer
