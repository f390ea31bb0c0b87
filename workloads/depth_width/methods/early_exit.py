"""Early exit on confidence: a token leaves when the head is sure of what comes next.

    leave before layer l + 1  if  max softmax(head(norm(h_l))) > confidence

One head reads every layer (it was trained to, with weights rising with depth). A token that left writes keys and
values of later layers from the state it left with; they are counted, and so are the exits' own products.

**What is simplified.** One global threshold rather than one that decays along the sequence,
and no calibration of the threshold to a guaranteed consistency.

**What to expect.** Written before measuring: two thirds of the targets are random, so those
tokens are never confident and run to the end; among them are the operands, which need it.
The second and third filler words (a quarter of all targets) leave after one or two layers,
`=` when its value is there: 4.7 layers a token and no answer lost.

**On `pretrained`** four exits, at 0.6 to 0.9 of the layers, have a low-rank lens each, fitted to
unlabelled text (`early_exits.py`). Expected of SmolLM2: next to nothing is saved within 1 % of the nats.

**Ways to fake it.** Leaving keys and values of deeper layers to positions that did run them;
an exit rule for free; comparing with a model whose head reads one layer only.
"""

from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Answer,
    Policy,
    read_out,
)
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.work_counter import Work

CARD = Card(
    title="Early exit on confidence",
    tasks=("ledger", "pretrained"),
    paper="Schuster et al., Confident adaptive language modeling, arXiv 2207.07061",
    adapts="how many layers a token runs, on the head's confidence in the next token",
    signal=("depth_width.methods.early_exit:confidence_of",),
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


def confidence_of(model: Backbone, rows: Tensor, work: Work) -> Tensor:
    """Return the probability [n] of each position's best next token."""
    logits = read_out(model, rows, work)
    # max softmax = 1 / sum exp(logit - max): no need for the whole distribution.
    return (logits.amax(-1) - logits.logsumexp(-1)).exp()


def unsure(model: Backbone, confidence: float) -> Policy:
    """Keep those whose best next token has at most this probability."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        surest = confidence_of(model, rows, work)
        return Admission((surest <= confidence).nonzero()[:, 0])

    return lambda: admit
