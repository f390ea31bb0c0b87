"""Fixed loops: every token runs each layer's MLP the same number of times.

What VersatileFFN saves from. Two models of four layers, trained with 2 and with 4 loops of every
MLP, from the same dense start, for the same steps. One loop is `dense_ffn`.

**What to expect.** Written before measuring: two loops answer more than dense at k = 2..4, four
more than two; the step from one to two is the larger.

**Ways to fake it.** Running a model with a number of loops that it was not trained for, and
calling that the rival.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Run
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch

CARD = Card(
    title="Fixed loops of MLPs",
    moved_from="ledger/fixed_loops",
    paper="the k-loop baseline of VersatileFFN, arXiv 2512.14531",
    adapts="nothing: every token runs every MLP the same number of times",
    role="static",
    conditions={"mode": "prefill"},
    knobs=(Knob("loops", (2, 4), 4, at="prepare"),),
)


def prepare(task: AffineTask, point: Point, seed: int) -> FfnReader:
    """Restore the model that was trained with so many loops."""
    return task.ffn_reader(f"loop-ffn-{point['loops']}")


def solve(reader: FfnReader, batch: Batch, point: Point) -> Run:
    """Read the batch, everyone through every loop."""
    return reader.read(batch, tile=DENSE_TILE)
