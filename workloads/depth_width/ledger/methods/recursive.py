"""Recursive transformer: one shared pair of layers, run three times by everybody.

Middle cycle: a unique first and last layer around a shared block. It unrolls to the same
eight layers that Mixture-of-Recursions unrolls to and has the same weights but no router, so
the two differ in routing alone.

`recursions` runs the trained model with fewer turns of the block, for every token alike: the
static settings of this very network.

**What to expect.** Written before measuring: three recursions solve everything (six layers
suffice, there are eight); fewer ruin the answers, since the last layer was never trained to
read an earlier state.

**Ways to fake it.** Comparing a router with an undertrained recursion.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.recursion_routing import at_most
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked

CARD = Card(
    title="Recursive transformer",
    paper="Bae et al., Mixture-of-Recursions, arXiv 2507.10524 (its baseline)",
    adapts="nothing: every token takes every recursion",
    role="static",
    knobs=(
        Knob("recursions", (1, 2, 3), 3),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> Reader:
    """Restore the model."""
    train_if_asked(task, "recursive", point)
    return task.reader("recursive")


def solve(reader: Reader, batch: Batch, point: Point) -> Answer:
    """Read the batch with the wanted number of recursions."""
    return reader.read(batch, at_most(int(point["recursions"])), tile=DENSE_TILE)
