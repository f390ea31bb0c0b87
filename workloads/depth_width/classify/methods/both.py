"""Both experts on every query, mixed by a soft gate: the dense mixture.

    answer = p_0 GRU(tokens) + p_1 net(mean),    p = softmax(W s / 1.5)

What Hecto leaves out: nothing is chosen, so nothing is saved. It was trained as a dense mixture, without
entropy or balance, and is the ceiling that conditional computation is held against.

**What to expect.** Written before it was trained: as good as two GRUs, or a little better.

**Ways to fake it.** Hecto's weights, trained to be used one at a time, mixed afterwards.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.experts import soft_gate
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="Dense mixture of both experts",
    paper="the dense mixture beside Hecto, arXiv 2506.22919",
    adapts="nothing: both experts run on every query",
    role="static",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore the mixture."""
    reader = task.reader("both")
    return GatedReader(reader, soft_gate(reader.mixture))


solve = GatedReader.answer
