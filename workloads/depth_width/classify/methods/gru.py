"""A single GRU: every query is read token by token, in their order.

The dearer static: it can follow a value, and it can count phrases as well as a bag of words can.
Under `input=isolated` it reads one vector, the mean, as a sequence of one, and is a gated feed-forward net.

**What to expect.** Written before it was trained: 95 % or more of either kind on sequences; isolated as
weak as the feed-forward net where order matters.

**Ways to fake it.** A hidden state that is smaller than that of the mixtures' GRUs, or fewer steps.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="A single GRU",
    paper="the single-expert baseline of Hecto, arXiv 2506.22919",
    adapts="nothing: every query goes to the GRU",
    role="static",
    fixed={"expert": "gru"},
    variants=(
        Variant(
            "ffnn",
            "A single feed-forward net",
            {"expert": "ffnn"},
            role="static",
            adapts="nothing: every query goes to the feed-forward net",
            paper="the single-expert baseline of Hecto, arXiv 2506.22919",
            essay="""A single feed-forward net: every query is answered from the mean of its tokens.

            The cheap static: a bag of words holds which phrase is most frequent, and hardly what a value has come to.
            It sees the mean under either `input`, so both are one model.

            **What to expect.** Written before it was trained: 95 % where order does not matter, a third where it does:
            the states of one layer of attention know a little of their places.

            **Ways to fake it.** States of an encoder that was itself taught the answers.
            """,
        ),
    ),
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore the model."""
    return GatedReader(task.reader(str(point["expert"])))


solve = GatedReader.answer
