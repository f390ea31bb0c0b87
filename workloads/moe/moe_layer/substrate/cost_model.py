"""A model of how long an iteration takes, fitted to iterations that were timed: for more ranks than a machine has.

    seconds = a + b messages + c bytes sent + d rows multiplied + e products of dense dispatch

Its numbers were fitted by `benchmarks/exchange_costs.py` on one machine, and its file says how far it is off at 2 and 4
ranks. It knows of no overlap and of no network: what comes of it is a model's, and no claim is judged on it.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.moe_layer.substrate.expert_shards import BYTES, LayerShape, Setting
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import Dispatch

PACKAGE, FILE = "adabench.workloads.moe.moe_layer.data", "exchange_costs.json"


@dataclass(frozen=True)
class IterationWork:
    """What one rank does in an iteration."""

    messages: int
    sent_bytes: int
    rows: int
    products: int
    """Multiply-adds of dense dispatch."""


def iteration_work(
    shape: LayerShape, setting: Setting, capacity: int, tokens: int, dispatch: Dispatch = "sparse"
) -> IterationWork:
    """Return what a rank sends and multiplies."""
    W, E, S, r = shape.ranks, shape.experts, shape.shards, setting.parallelism
    shard = 2 * shape.width * shape.hidden * shape.own // S
    if r == 0:
        messages, sent = 2 * (W - 1), shard * (W - 1)
    else:
        exchanged = E * capacity * r * shape.width * (W - 1) // W
        gathers = S // r - 1
        messages = 2 * setting.degree * (W - 1) + 2 * gathers
        sent = 2 * exchanged + shard * gathers
    products = 2 * tokens * E * capacity * shape.width if dispatch == "dense" else 0
    return IterationWork(messages, BYTES * sent, E * capacity, products)


@dataclass(frozen=True)
class CostModel:
    """Seconds of each kind of work."""

    start_s: float
    message_s: float
    byte_s: float
    row_s: float
    product_s: float

    def seconds(self, work: IterationWork) -> float:
        """Return how long an iteration takes."""
        return (
            self.start_s
            + self.message_s * work.messages
            + self.byte_s * work.sent_bytes
            + self.row_s * work.rows
            + self.product_s * work.products
        )


@cache
def fitted_costs() -> CostModel:
    """Return the model as it was fitted.

    Raises:
        EnvironmentProblem: if its file is broken.
    """
    try:
        said = json.loads(files(PACKAGE).joinpath(FILE).read_text(encoding="utf-8"))
        return CostModel(**{name: float(said["costs"][name]) for name in CostModel.__annotations__})
    except (OSError, KeyError, ValueError) as broken:
        raise EnvironmentProblem(
            f"The costs of exchanges cannot be read: {broken}.",
            "Fit them again: python benchmarks/exchange_costs.py --write.",
        ) from broken
