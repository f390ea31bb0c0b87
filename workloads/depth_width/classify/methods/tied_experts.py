"""Tied experts: Hecto's gate before one feed-forward net that stands behind both of its outputs.

The control of specialisation. Gate, summary, loss, queries and steps are Hecto's, entropy and balance included;
whichever way the gate goes, the same weights answer. What its choice tells of the kind of a question is then
what the loss makes of any gate, and nothing that experts are good at: a claim on specialisation has to
be more than that.

The net reads the mean of the tokens, so it is one model under either input. It is trained on generated queries
alone, since a text has no kinds of questions.

**What to expect.** Written before it was trained. Sureness and balance ask for two even halves and do not say which. The
kind is the plainest line through the summaries, so halves lean to it: 0.2 to 0.9 bit, far above the random
gate. It answers as a single net does.

**Ways to fake it.** Two copies of the weights, which drift apart; no balance in its loss; a gate that is
drawn and not trained.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.experts import top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="Tied experts under Hecto's gate",
    adapts="nothing: both outputs of the gate lead to one expert",
    role="control",
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore the gate and its one expert."""
    reader = task.reader("tied_experts")
    return GatedReader(reader, top_1_gate(reader.mixture))


solve = GatedReader.answer
