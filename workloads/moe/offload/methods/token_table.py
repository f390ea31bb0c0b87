"""The token table: a byte's experts are those that this byte ran most often on calibration texts.

    plan = for each layer, the union over the bytes that are read now of the `width` likeliest experts of each

A forecast that costs a look-up and no training. A predictor must beat it; what the paper compares with is weaker.

**What to expect.** Written before measuring: hits of .65 to .95 where LFU has .3 to .8, and 1.3 to 4 times its bytes.

**Ways to fake it.** A table of the texts of the case.
"""

from dataclasses import dataclass

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.planned_cache import Chances, planned, union
from adabench.workloads.moe.offload.substrate.slots import Moment

CARD = Card(
    title="Token table",
    paper="the free rival of arXiv 2410.17954",
    adapts="which experts are brought ahead, by the byte that is read",
    no_signal="the byte is the case; `permuted_plan` plans for another text",
    knobs=(Knob("width", (2,), 2, also=(1, 3, 4)),),
)


@dataclass(frozen=True)
class Table:
    """By byte, chances of experts, [256, layers, E]."""

    bench: OffloadBench
    chances: Chances


def prepare(bench: OffloadBench, point: Point, seed: int) -> Table:
    """Count by byte; a byte that was never seen has the experts of all bytes."""
    del point, seed
    tokens, paths = bench.calibration_paths()
    uses = np.zeros((256, *paths.shape[2:]), np.float32)
    np.add.at(uses, tokens.ravel(), paths.reshape(-1, *paths.shape[2:]))
    uses += 1e-3 * uses.mean(0) / uses.mean()
    return Table(bench, uses / uses.sum(2, keepdims=True))


def solve(state: Table, case: Batches, point: Point) -> Answer:
    """Decode; a step's plan is made of the bytes that it reads."""

    def forecast(moment: Moment) -> list[int] | None:
        if moment.layer >= 0:
            return None
        tokens = moment.tokens[list(moment.rows)]
        read = tokens if moment.step == 0 else tokens[:, -1:]
        return union(state.chances[read.ravel()], int(point["width"]))

    return state.bench.decode(case, planned(forecast))
