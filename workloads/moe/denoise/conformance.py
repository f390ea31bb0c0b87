"""What every method of `denoise` must obey, ours or a plug-in's.

    source      it imports nothing that tells what is hidden, nor what trains
    alone       what it says of a passage does not change with the passages beside it

`check` and `unread` yield a sentence for each broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.moe.denoise.substrate.mask_bench import Denoised, MaskBench, MaskedCase
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules(
    task="adabench.workloads.moe.denoise",
    off_limits=frozenset(("meter", "known", "account", "_ledger", "_arms")),
    who="method",
)
TOLERANCE = 1e-4
"""In nats: other segments are summed in another order."""


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method by its source."""
    yield from source_problems(RULES, method, card)


def unread(bench: MaskBench, case: MaskedCase, method: Any, card: Card) -> Iterator[str]:
    """Yield whether what is said of the first passage depends on the others."""
    if card.control_of:
        return
    other = np.concatenate((case.shown[:1], case.shown[:0:-1]))
    hidden = int((case.shown[0] == 256).sum())
    one, two = (
        _answer(bench, MaskedCase(case.index, shown), method, card).odds[:hidden]
        for shown in (case.shown, np.ascontiguousarray(other))
    )
    if float((one - two).abs().max()) > TOLERANCE:
        yield "What it says of a passage changes with the passages beside it."


def _answer(bench: MaskBench, case: MaskedCase, method: Any, card: Card) -> Denoised:
    own = MaskBench(bench.seed)
    answer: Denoised = method.solve(prepared_state(method, own, card.defaults), case, card.defaults)
    return answer
