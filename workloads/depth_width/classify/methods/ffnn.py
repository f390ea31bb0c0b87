"""A single feed-forward net: every query is answered from the mean of its tokens.

The cheap static: a bag of words holds which phrase is most frequent, and hardly what a value has come to.
It sees the mean under either `input`, so both are one model.

**What to expect.** Written before it was trained: 95 % where order does not matter, a third where it does:
the states of one layer of attention know a little of their places.

**Ways to fake it.** States of an encoder that was itself taught the answers.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.classify_task import ClassifyTask
from adabench.workloads.depth_width.classify.substrate.reading import GatedReader

CARD = Card(
    title="A single feed-forward net",
    paper="the single-expert baseline of Hecto, arXiv 2506.22919",
    adapts="nothing: every query goes to the feed-forward net",
    role="static",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore the model."""
    return GatedReader(task.reader("ffnn"))


solve = GatedReader.answer
