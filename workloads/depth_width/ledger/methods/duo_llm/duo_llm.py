"""Duo-LLM: each position takes a big MLP, a small one or none in every layer.

    h <- h + attention(norm1(h))                                   everybody
    h <- h + F_c(norm2(h)),   c = argmax W_l norm2(h) + b_l        c of {big, small, skip}

Big is an MLP of width 4 d, small one of d / 2, an eighth of its operations. The model is trained
from nothing with c drawn at random for every position and layer (stage 1), then frozen; one
linear router a layer is trained under a budget of big modules (stage 3, `train_modules.py`). Rows
that take a module are gathered, run and added back; who skips is in no product
(`duo_modules.py`).

`budget` is the number of big modules, of six, that training aims at; a small one counts an
eighth. What is reported is what was run. Stage 2, the oracles, is in `duo_oracle.py`,
`duo_segments.py` and `duo_best_of_n.py`: they choose by the label and are no methods.

**What is simplified.** No code was published; widths, data and the routers' loss are not in the
abstract. Six layers of width 64, 3000 steps where other from-scratch methods here have 1000 (at
1000 the model answers 0.67 of k = 3 and 0.37 of k = 4 with big modules everywhere, seed 0), and
600 steps a router. Routers are straight-through Gumbel with a squared price on the mean cost.
Runs are in prefill; `--set mode=decode1` works for this method, constant patterns and `random_duo`.

**What to expect.** Written when a prototype of 1000 steps had been seen, and no trained router:
small everywhere answered nearly what big everywhere did (k = 4: 0.35 against 0.37), since a
table lookup modulo 7 hardly needs 256 hidden units. So routers should keep the answers of big
everywhere at a third of its big modules and beat chance, but not constant patterns at their cost.
Time falls by less than operations do.

**Ways to fake it.** The oracle called a method; stage 1 without skips and then skipping; a control
that may not skip where routers do; a soft mixture at evaluation; routers left out of the count.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import routed
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, DuoTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Duo-LLM: big module, small module or none",
    paper="Duo-LLM, arXiv 2410.10846, October 2024",
    slug="duo-llm",
    adapts="which MLP a position runs in each layer (big, an eighth of it, none), on its state",
    signal=("depth_width.ledger.substrate.duo.duo_modules:option_logits",),
    fidelity="reconstructed",
    skips_from="static_duo",
    conditions={"mode": "prefill"},
    knobs=(Knob("budget", (1, 2), 2, at="prepare"),),
)


def prepare(task: DuoTask, point: Point, seed: int) -> DuoReader:
    """Restore the model and the routers that were trained for this budget."""
    return task.duo_reader(int(point["budget"]))


def solve(reader: DuoReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each layer's router decides from a position's own state."""
    assert reader.routers is not None
    return reader.read(batch, routed(reader.routers))
