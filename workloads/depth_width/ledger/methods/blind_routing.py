"""Blind routing: forecasts as in informed routing, a router that does not see them.

The ablation of informed routing's idea. Whatever this loses against it, seeing how well a unit can
be forecast is worth; whatever it wins over greedy skipping, the forecast itself is worth
(`routers_and_forecasters.py`, kind `blind`).

**What to expect.** Written before measuring: between the two, nearer to informed routing.

**Ways to fake it.** A smaller router, or other forecasters, than the method's.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Blind routing with forecasts",
    paper="Informed Routing in LLMs, arXiv 2510.13831, its ablation",
    adapts="which attention blocks and MLPs a position runs, on a linear score of its state",
    fidelity="reconstructed",
    skips_from="vanilla",
    knobs=(Knob("sparsity", (0.75,), 0.75, at="prepare"),),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the routers and forecasters."""
    return task.unit_reader("blind-75")


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts))
