"""A homogeneous mixture: two GRUs, of which Hecto's gate chooses one for a query.

The rival that Hecto is held against: the same gate on the same summary, the same loss, entropy and
balance included, the same queries and steps; its experts alone do not differ.

**What to expect.** Written before it was trained: within a point of Hecto on sequences, at nearly twice the work of its
experts; its gate may part the kinds of questions too, 0.2 to 0.9 bit, for a division of labour helps
experts that are alike as well.

**Ways to fake it.** Another gate than Hecto's, no balance, or a single expert in place of two.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.experts import top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="Two GRUs under Hecto's gate",
    paper="a homogeneous baseline of Hecto, arXiv 2506.22919",
    adapts="which of two GRUs answers a query, on the encoder's summary of it",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore gate and experts."""
    reader = task.reader("gru_gru")
    return GatedReader(reader, top_1_gate(reader.mixture))


solve = GatedReader.answer
