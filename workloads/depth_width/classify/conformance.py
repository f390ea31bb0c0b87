"""What every method of `classify` must obey, tried on a small set of queries.

source    it names no keys, draws, labels or meter, and no tokens of a query, which name its kind
order     the same queries in another order get the same answers from the same experts (coins and oracles
          excepted): a gate reads a summary, not where a query stands, nor what was asked before
luck      an oracle's card says whether its search wins by luck
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch

from adabench.harness.contract.card import Card
from adabench.workloads.depth_width.classify.substrate.reading import QuerySet, tally
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.truth.drawn_tasks import luck_problems
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "keys", "kind", "answers", "sets", "tokens", "ASKS", "draw", "draw_seeded", "ask", "sibling",
    "credit", "credit_of_both", "labels", "labels_of", "labelled_texts", "training_set", "validation",
    "judge", "score", "meter", "account", "cases", "truth", "seed_of",
))  # fmt: skip
"""Attributes, imported names and strings that no honest method needs."""
RULES = Rules(
    "adabench.workloads.depth_width.classify",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    who="method",
)


def problems(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks on the first set of a loaded task."""
    broken = list(source_problems(RULES, method, card))
    yield from broken
    if broken:
        return
    yield from luck_problems(task, method, card)
    if card.role in ("static", "adaptive"):
        yield from _order(task, method, card)


def _order(task: Any, method: ModuleType, card: Card) -> Iterator[str]:
    """Solve a set forwards and backwards."""
    state, case = prepared_state(method, task, card.defaults), next(iter(task.cases()))
    tokens, lengths = case.questions.tokens, case.questions.lengths
    turned = QuerySet(case.index, Questions(tokens[::-1].copy(), lengths[::-1].copy()))
    one, other = (tally(method.solve(state, each, card.defaults)) for each in (case, turned))
    if not torch.equal(one.runs, other.runs.flip(0)):
        yield "It runs other experts when the queries stand in another order."
    elif not np.array_equal(one.answers.numpy(), other.answers.flip(0).numpy()):
        yield "It answers otherwise when the queries stand in another order."
