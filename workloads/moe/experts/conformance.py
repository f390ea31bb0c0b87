"""What every method of `experts` must obey, ours or a plug-in's.

    source      it imports nothing that tells what comes after a passage, nor what trains
    causal      what it says of a byte does not change with the bytes that come after it

`check` and `sees_ahead` yield a sentence for each broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch

from adabench.harness.contract.card import Card
from adabench.workloads.moe.experts.substrate.passage_bench import PassageBench, Passages, Reading
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules(
    task="adabench.workloads.moe.experts",
    off_limits=frozenset(("meter", "known", "account", "_ledger")),
    who="method",
)
SHOWN = 16
"""Bytes of a passage that stay as they are."""
TOLERANCE = 1e-4
"""In nats: sums of other segments round differently."""


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method by its source."""
    yield from source_problems(RULES, method, card)


def sees_ahead(bench: PassageBench, case: Passages, method: Any, card: Card) -> Iterator[str]:
    """Yield whether a method's chances of bytes depend on those that come later."""
    other = case.tokens.copy()
    other[:, SHOWN:] = other[:, SHOWN:][:, ::-1]
    first = _answer(bench, case, method, card).odds[:, : SHOWN - 1]
    second = _answer(bench, replace(case, tokens=other), method, card).odds[:, : SHOWN - 1]
    if (first - second).abs().max() > TOLERANCE:
        yield "What it says of a byte changes with the bytes after it: its routing looks ahead."


@torch.no_grad()
def _answer(bench: PassageBench, case: Passages, method: Any, card: Card) -> Reading:
    own = PassageBench(bench.seed)
    answer: Reading = method.solve(prepared_state(method, own, card.defaults), case, card.defaults)
    return answer
