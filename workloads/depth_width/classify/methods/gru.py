"""A single GRU: every query is read token by token, in their order.

The dearer static: it can follow a value, and it can count phrases as well as a bag of words can.
Under `input=isolated` it reads one vector, the mean, as a sequence of one, and is a gated feed-forward net.

**What to expect.** Written before it was trained: 95 % or more of either kind on sequences; isolated as
weak as the feed-forward net where order matters.

**Ways to fake it.** A hidden state that is smaller than that of the mixtures' GRUs, or fewer steps.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.classify_task import ClassifyTask
from adabench.workloads.depth_width.classify.substrate.reading import GatedReader

CARD = Card(
    title="A single GRU",
    paper="the single-expert baseline of Hecto, arXiv 2506.22919",
    adapts="nothing: every query goes to the GRU",
    role="static",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore the model."""
    return GatedReader(task.reader("gru"))


solve = GatedReader.answer
