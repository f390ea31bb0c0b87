"""Adaptive computation modules: how many of four ordered learners each position runs in each MLP.

Every MLP f of the trained model is replaced by N = 4 small MLPs, the *learners*, whose sum up to n
approximates f better with every n, and a tiny gate that reads the MLP's own input:

    h_n(x) = sum over i <= n of W2_i gelu(W1_i x + b_i)        h <- h + h_n(x),  n = argmax gate(x)

n = 0 leaves the MLP out. Learners are distilled to f, gates are taught by the errors of the prefixes, then
everything is tuned under a budget (`train_learners.py`). `learners.py` runs each learner on the rows that take it
and counts n/4 of half a layer for n learners; gates are in the FLOPs. `budget` is the share of the learners that
training aims at; what is reported is the share that was run.

**What is simplified.** MLPs alone: the paper's q, k, v and o modules are left out, so attention, 42 % of the
operations here, is never saved. Fewer steps at higher rates, with a cosine; the budget's weight is 4 (0.1 was not
tried). Distillation errors are divided by the mean square of each f. Gates are made less sure before they are
tuned. The choice's straight-through value multiplies the output (the released code leaves it out).

**What to expect.** Written when the distilled learners had been seen (all answers at k = 4: 0.30,
0.47, 0.59, 0.65 with 1 to 4 learners for everybody, seed 0, nothing tuned) and before any tuning:
with tuning two learners for everybody answer nearly everything and one does not; gates at 0.40
beat both at their cost, by running one or none at fillers; random gates at their rates lose a third
of the answers at k = 4. The width of an MLP matters less here than depth does, so the margin over
constant width is a few points. Time falls by less than operations.

**On `pretrained` it is a variant, prepared from unlabelled text**; all claims there are our own. Learners are
what is called a fake below, quarters of the trained MLP's own hidden units, made honest by what the paper asks of
learners: every prefix has a fitted forecast of the rest (`width_forward.py`, `width_fit.py`).

**Ways to fake it.** Slices of the trained MLP called learners; masks counted as skipped work; the
budget reported as the cost; constant width without the same tuning; gates left out of the count.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import gated
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.width_reader import WidthReader

CARD = Card(
    title="Adaptive computation modules",
    tasks=("ledger", "pretrained"),
    on_task={
        "pretrained": OnTask(
            sweep={"budget": (0.75,)},
            title="Adaptive computation modules, cut from the MLPs and prepared from unlabelled text",
        )
    },
    paper="Adaptive Computation Modules, arXiv 2312.10193, December 2023",
    slug="acm",
    adapts="how many of four learners a position runs in each MLP, on the MLP's own input",
    signal=("depth_width.substrate.learners:width_logits",),
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(Knob("budget", (0.25, 0.4, 0.75), 0.4, at="prepare", open=True, low=0.01, high=0.99),),
)


def prepare(task: StreamTask, point: Point, seed: int) -> WidthReader:
    """Restore the model that was tuned for this budget."""
    return task.width_reader(f"acm-{round(100 * float(point['budget']))}")


def solve(reader: WidthReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each gate decides from its position's own state."""
    return reader.read(batch, gated(reader.widened.modules))
