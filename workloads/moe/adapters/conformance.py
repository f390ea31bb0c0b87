"""What every adapter method must obey, ours or a plug-in's.

    source      it imports nothing that tells the answers of tests (oracles excepted), nor what trains
    counted     what an adaptation changes is what is counted as trained: no weight that is said to stand still
                moves, and with its weights as they were an adapter says what it said before

`check` and `uncounted` yield a sentence per broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from adabench.harness.contract.card import Card
from adabench.workloads.moe.adapters.substrate.adapter import Adapter, forward
from adabench.workloads.moe.adapters.substrate.few_shot import NEW_TASK
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Adapted, Workbench
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules(
    task="adabench.workloads.moe.adapters",
    off_limits=frozenset(("meter", "tests", "clock", "account", "enter", "_ledger")),
    who="method",
)
STEPS = 4
"""Of the adaptation that is looked at."""


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method by its source."""
    yield from source_problems(RULES, method, card)


def uncounted(bench: Workbench, case: AdaptationCase, method: Any, card: Card) -> Iterator[str]:
    """Yield what an adaptation changes and does not count as trained."""
    said = _logits(bench, case, _adapted(bench, 0, case, method, card).before)
    answer = _adapted(bench, STEPS, case, method, card)
    own, first = answer.after.weights, answer.before.weights
    moved = {name for name in own if name not in first or not torch.equal(own[name], first[name])}
    still = sorted(moved - answer.after.trained.keys())
    if still:
        yield f"It changes {', '.join(still[:3])}, and says that they stand still."
    if not torch.equal(said, _logits(bench, case, answer.before)):
        yield "With its weights as they were it says something else: it trains what is not counted."


def _adapted(
    bench: Workbench, steps: int, case: AdaptationCase, method: Any, card: Card
) -> Adapted:
    """Return what a method makes of a case in so many steps, from the beginning."""
    own = Workbench(bench.seed, bench.naming, bench.budget, steps, bench.pretraining)
    answer: Adapted = method.solve(prepared_state(method, own, card.defaults), case, card.defaults)
    return answer


@torch.no_grad()
def _logits(bench: Workbench, case: AdaptationCase, adapter: Adapter) -> Tensor:
    tokens = torch.from_numpy(case.examples.tokens)
    tasks, lots = torch.full((len(tokens),), NEW_TASK), torch.Generator().manual_seed(0)
    return forward(Pass(bench.base(), tokens, tasks, Work(), generator=lots), adapter)
