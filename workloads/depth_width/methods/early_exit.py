"""Early exit on confidence: a token leaves when the head is sure of what comes next.

One head reads every layer (it was trained to, with weights rising with depth). Before layer
l + 1 the candidates' next-token distribution is taken and its largest probability compared
with `confidence`: above it, the token stays in its state. Later layers still need keys and
values of every position; a token that left writes them from the state it left with, and that
is counted. What the exits themselves multiply (an unembedding per layer) is counted too.

    leave before layer l + 1  if  max softmax(head(norm(h_l))) > confidence

**What is simplified.** One global threshold rather than one that decays along the sequence,
and no calibration of the threshold to a guaranteed consistency.

**What to expect.** Written before measuring: two thirds of the targets are random, so those
tokens are never confident and run to the end; among them are the operands, which need it.
The second and third filler words (a quarter of all targets) leave after one or two layers,
`=` when its value is there. 6 - 0.25 x 4.5 - 0.13 x 1 = 4.7 layers a token and no answer
lost.

**On `pretrained`** four exits, at 0.6 to 0.9 of the layers, have a low-rank lens each, fitted to
unlabelled text (`early_exits.py`). Expected of SmolLM2: next to nothing is saved within 1 % of the nats, as few positions are
sure, the last exit is at 27, and one look of the head costs as much as eight layers.

**Ways to fake it.** Leaving keys and values of deeper layers to positions that did run them;
an exit rule for free; comparing with a model whose head reads one layer only.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.confidence import unsure
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.stream_task import StreamTask

CARD = Card(
    title="Early exit on confidence",
    tasks=("ledger", "pretrained"),
    paper="Schuster et al., Confident adaptive language modeling, arXiv 2207.07061",
    adapts="how many layers a token runs, on the head's confidence in the next token",
    signal=("depth_width.substrate.confidence:confidence_of",),
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(Knob("confidence", (0.3, 0.5, 0.7, 0.9, 0.99), 0.9, open=True, low=0.0, high=1.0),),
)


def prepare(task: StreamTask, point: Point, seed: int) -> Reader:
    """Restore the model whose head reads every layer."""
    return task.reader("early-exit")


def solve(reader: Reader, batch: Batch, point: Point) -> Answer:
    """Read the batch; the confident leave."""
    policy = unsure(reader.model, float(point["confidence"]))
    return reader.read(batch, policy, fill=True, tile=GATHERED_TILE)
