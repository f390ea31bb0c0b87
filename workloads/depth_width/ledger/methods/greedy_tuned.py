"""Greedy skipping with fine-tuning: LoRA on every matrix, twice the steps.

The rival of informed routing's second claim: the backbone itself learns to live with its holes
(`routers_and_forecasters.py`, kind `tuned`: rank 8 on all weights, 400 steps, 49,152 trained weights more).

**What to expect.** Written before measuring: most of what greedy skipping loses comes back.

**Ways to fake it.** Fewer steps than it needs; fine-tuning with the routers of another budget.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Greedy skipping with LoRA",
    paper="Raposo et al., Mixture-of-Depths, arXiv 2404.02258, as a retrofit with fine-tuning",
    adapts="which attention blocks and MLPs a position runs, on a linear score of its state",
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.75,), 0.75, at="prepare"),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the fine-tuned backbone and its routers."""
    train_if_asked(task, "tuned-75", point)
    return task.unit_reader("tuned-75")


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts))
