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

**What was seen.** Seeds 0, 1, 2: 4.3 layers as expected, but the answers at k = 4 fall to 0.57,
0.66, 0.62 at confidence 0.9. Not foreseen: after four operands the next token is surely `=`
or a filler, so the last operand is confident and leaves (after 3.5 layers) before its running
value is there. Confidence in the next token says nothing of the state that later tokens
need. At 0.99 they stay: 4.38 layers, accuracy 1.000, 1.000, 0.977. The default is the one
chosen before measuring and was left.

`adabench run 'ledger/*'` (seeds 0..2, 6 batches each), at 0.9: accuracy 0.903 at 4.32 layers, H
-1.8 [-3.3, -1.0]. EE-1 direction only, EE-2 not reproduced, and the same at seeds 100..102.

*Conversion.* `--defaults --sweep mode=prefill,decode1,decode16 --set batches=3 --repeats 5` on a
quiet machine, seeds 0..2, one thread, at 0.72 of vanilla-6's layers and 0.1 less accuracy: K of
latency 0.06 [-0.09, 0.26] in prefill, -0.34 [-0.46, -0.27] one at a time, -1.10 [-1.13, -1.08]
sixteen together. The saved layers are paid for in exits. With today's engine, one call for a
batch, Xeon with AMX, 2 batches, 2 repeats: -0.10 [-0.37, 0.17], -0.50 [-1.08, -0.14], -1.30 [-1.49,
-1.20].

**Where the time goes.** `benchmarks/ledger_profile.py`, seed 0, one thread of an Intel Xeon that
other processes used too, quickest of 20 readings, ms against vanilla-6's. *Exit* is norm,
unembedding and the largest probability, before each of five layers.

*Prefill*, 62.7 against 63.0. Layers 37.0 / 47.2; given back to exits 5.2, layout 2.7, putting
back 1.3, attention 1.1 (mask and padding), gathering rows 0.9.

*One at a time*, 397 against 349 per four sequences: exits 75, 46,000 of 200,000 operations.
Layers 158 / 203 and attention 29 / 37 do save; storing keys does not (95 / 92, since those who
left write theirs), and writing those of layers that nobody runs takes 15 more. Layout 7.

*Sixteen together*, 213 against 145. Someone is always unsure, so every layer is called. Layers
86 / 73: fewer rows hardly help (`mor.py`), and queries apart from keys and values are two products
instead of one. Exits 29, layout 14, the cache of those who stay copied 10, bookkeeping 4,
storing 3, putting back 2, rows 1.

**Scale real.** Four exits of SmolLM2's thirty layers, each with a low-rank lens (`early_exits.py`).
Expected, before any training: next to nothing is saved within 1 % of the nats. On Brown text few
positions are sure, the last exit is at 27, and one look of the head costs as much as eight layers.
Seen, at 0.9, seeds 0..2, 3 batches each, lenses of forty steps: 1.0122 of the nats (by seed
1.0111, 1.0117, 1.0138) at 0.983 of the executions and 1.76 of the operations. The lenses are poor
stand-ins (2.6, 2.2, 1.6 and 1.1 nats from the whole model after 18, 21, 24 and 27 layers), so few
leave, and four looks of the head cost many times what these save. EE-1 and EE-2 ask for scale
embedded.

**Ways to fake it.** Leaving keys and values of deeper layers to positions that did run them;
an exit rule for free; comparing with a model whose head reads one layer only.
"""

from adabench.harness.contract.card import Card, Claim, Frontier, Knob, Point, Ratio
from adabench.workloads.depth_width.substrate.confidence import unsure
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Answer,
)
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.stream_task import StreamTask

CARD = Card(
    title="Early exit on confidence",
    tasks=("ledger", "pretrained"),
    paper="Schuster et al., Confident adaptive language modeling, arXiv 2207.07061",
    adapts="how many layers a token runs, on the head's confidence in the next token",
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(Knob("confidence", (0.3, 0.5, 0.7, 0.9, 0.99), 0.9, open=True, low=0.0, high=1.0),),
    claims=(
        Claim(
            id="EE-1",
            says="Exits save a fifth of the layers and keep the quality of the full model.",
            paper="up to 3x faster at equal quality",
            expect=Ratio("executions", against="vanilla", high=0.8, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="EE-2",
            says="Its front lies above that of uniform depth.",
            paper="",
            expect=Frontier("executions", "accuracy", against="vanilla"),
        ),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> Reader:
    """Restore the model whose head reads every layer."""
    return task.reader("early-exit")


def solve(reader: Reader, batch: Batch, point: Point) -> Answer:
    """Read the batch; the confident leave."""
    policy = unsure(reader.model, float(point["confidence"]))
    return reader.read(batch, policy, fill=True, tile=GATHERED_TILE)
