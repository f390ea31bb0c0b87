"""Dense MLPs: every token runs the SwiGLU MLP of each layer once.

The equal-memory rival of VersatileFFN: four layers, trained on layout `c2` for as many steps as
everything there; its optimiser is renewed where the looped models' is (`train_ffns.py`).

**What to expect.** Seed 0 was seen when the data was chosen (`task.py`): 1.000, 0.858, 0.494,
0.227 at k = 1..4 after 800 steps. The other seeds much the same.

**What was seen.** Seeds 0, 1, 2, six batches of 64, after 1600 steps: accuracy 0.744, 0.872, 0.916;
k = 2 at 0.998, 0.999, 1.000, k = 3 at 0.632, 0.941, 0.987, k = 4 at 0.347, 0.548, 0.676. Seed 0, on
which the data was chosen, is the weakest by far, as it was after 800 steps (0.642, 0.776, 0.777).

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
