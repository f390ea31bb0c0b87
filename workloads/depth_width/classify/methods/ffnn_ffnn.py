"""A homogeneous mixture: two feed-forward nets, of which Hecto's gate chooses one for a query.

The rival that Hecto is held against: the same gate on the same summary, the same loss, entropy and
balance included, the same queries and steps; its experts alone do not differ.

**What to expect.** Written before it was trained: a third of the answers where order matters; its gate parts the kinds of
questions in some trainings, since each net then has one kind to learn.

**Ways to fake it.** Another gate than Hecto's, no balance, or a single expert in place of two.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.experts import top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="Two feed-forward nets under Hecto's gate",
    paper="a homogeneous baseline of Hecto, arXiv 2506.22919",
    adapts="which of two feed-forward nets answers a query, on the encoder's summary of it",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore gate and experts."""
    reader = task.reader("ffnn_ffnn")
    return GatedReader(reader, top_1_gate(reader.mixture))


solve = GatedReader.answer
