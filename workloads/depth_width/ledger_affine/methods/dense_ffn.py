"""Dense MLPs: every token runs the SwiGLU MLP of each layer once.

The equal-memory rival of VersatileFFN: four layers, trained on the same data for as many steps as
everything there; its optimiser is renewed where the looped models' is (`train_ffns.py`).

**What to expect.** Seed 0 was seen when the data was chosen (`task.py`): 1.000, 0.858, 0.494,
0.227 at k = 1..4 after 800 steps. The other seeds much the same.

**Ways to fake it.** A dense rival with fewer steps, or one that keeps its optimiser's state while
the method's is reset.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Run
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch

CARD = Card(
    title="Dense MLPs",
    moved_from="ledger/dense_ffn",
    paper="the dense baseline of VersatileFFN, arXiv 2512.14531",
    adapts="nothing: every token runs every MLP once",
    role="static",
    conditions={"mode": "prefill"},
)


def prepare(task: AffineTask, point: Point, seed: int) -> FfnReader:
    """Restore the model."""
    return task.ffn_reader("dense-ffn-4")


def solve(reader: FfnReader, batch: Batch, point: Point) -> Run:
    """Read the batch, everyone through every MLP."""
    return reader.read(batch, tile=DENSE_TILE)
