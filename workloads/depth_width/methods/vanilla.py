"""Vanilla: a stack of L layers that every token runs from bottom to top.

The content-blind end of the comparison. Depth is a training-time choice: four models of 2,
3, 4 and 6 layers, trained alike, are the static curve that a router has to beat. Mixing two
of them at random reaches every point between.

**What to expect.** Written before measuring, from a prototype of the recipe: k <= 2 solved by
all; k = 3 at 0.69, 0.80, 1.00, 1.00 for 2, 3, 4, 6 layers and k = 4 at 0.36, 0.43, 0.82,
1.00. A one-layer model was left out:
none was trained by this recipe, so what one layer solves is not known here.

Running its MLPs in blocks of 256 or 512 rows, whose hidden units stay in a core's cache, gained
nothing (Xeon with AMX, median of 12, one call: 48.2 and 47.5 ms against 46.3 without), so it is not
done.

On `pretrained` the stack is the model as it is: `depth=all`.

**Ways to fake it.** Timing the stack with tiles that suit the gathered arms and not this one.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.stream_task import StreamTask

CARD = Card(
    title="Vanilla transformer",
    tasks=("ledger", "pretrained"),
    on_task={"pretrained": OnTask(sweep={"depth": ("all",)})},
    paper="Vaswani et al., Attention is all you need, arXiv 1706.03762",
    adapts="nothing: every token runs every layer",
    role="static",
    knobs=(Knob("depth", (2, 3, 4, 6), 6, at="prepare"),),
)


def prepare(task: StreamTask, point: Point, seed: int) -> Reader:
    """Restore the model of the wanted depth."""
    return task.reader(f"vanilla-{point['depth']}")


def solve(reader: Reader, batch: Batch, point: Point) -> Answer:
    """Read the batch, everyone through every layer."""
    return reader.read(batch, tile=DENSE_TILE)
