"""Mixture of experts: eight separate MLPs a layer, of which a token runs two.

The rival on the memory axis. An expert is as large as a dense MLP and has weights of its own, so a
token computes two dense MLPs and the MLPs take eight times the memory. The same router as
VersatileFFN's slices: linear, top 2, softmax over the two. Balance loss 1e-2. The experts start as
copies of the dense start's MLP, the same start as everybody's. Experts run on the rows that chose
them (`loop_forward.py`), in training too, and the memory counted is that of all of them.

In the paper the rival has eight experts of an eighth of the MLP beside the dense one, half as many
parameters again; this one is larger and computes more.

**What to expect.** Written before it was trained: near dense, a little above at k = 2, since
tables can be kept apart; 400 steps are few for copies to part.

**Ways to fake it.** Experts without a balance loss, of which one does everything; counting the
memory of the active ones alone.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Run
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Mixture of experts",
    moved_from="ledger/moe_ffn",
    paper="Shazeer et al., Outrageously large neural networks, arXiv 1701.06538",
    adapts="which two of eight experts a token runs in each layer, on its state",
    fidelity="special-case",
    skips_from="dense_ffn",
    conditions={"mode": "prefill"},
)


def prepare(task: AffineTask, point: Point, seed: int) -> FfnReader:
    """Restore the model."""
    return task.ffn_reader("moe-ffn")


def solve(reader: FfnReader, batch: Batch, point: Point) -> Run:
    """Read the batch, every token through its two experts."""
    return reader.read(batch)
