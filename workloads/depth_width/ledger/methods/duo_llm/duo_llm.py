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

from adabench.harness.contract.card import (
    Card,
    Claim,
    Frontier,
    Knob,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import routed
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, DuoTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Duo-LLM: big module, small module or none",
    paper="Duo-LLM, arXiv 2410.10846, October 2024",
    slug="duo-llm",
    adapts="which MLP a position runs in each layer (big, an eighth of it, none), on its state",
    fidelity="reconstructed",
    skips_from="static_duo",
    conditions={"mode": "prefill"},
    knobs=(Knob("budget", (1, 2), 2, at="prepare"),),
    claims=(
        Claim(
            id="duo-3-oracle",
            says="Aimed at one big module, trained routers lose more than the oracle with one, and "
            "less than random routers at their rates.",
            source="headline",
            paper="'trained routers operate differently from oracles and often yield suboptimal "
            "solutions', without a number in the abstract",
            effect=None,
            expect=Ratio("loss_answer", against="duo_oracle", low=1.0, where={"budget": 1}),
            requires=("duo-3",),
            apart_from=("random_duo",),
        ),
        Claim(
            id="duo-3",
            says="Trained routers lose less at answers than random routers at their own rates.",
            source="own",
            paper="the control: without it a bad router would be far from the oracle too",
            effect=None,
            expect=Ratio("loss_answer", against="random_duo", high=1.0, where={"budget": 1}),
        ),
        Claim(
            id="duo-3-two",
            says="So they do aimed at two big modules.",
            source="own",
            paper="the control at the larger budget",
            effect=None,
            expect=Ratio("loss_answer", against="random_duo", high=1.0),
        ),
        Claim(
            id="duo-constant",
            says="Its frontier of answers over operations lies above that of constant patterns.",
            source="own",
            paper="what a router has to beat: the best pattern for everybody",
            effect=None,
            expect=Frontier("flops_counted", "accuracy", against="static_duo", low=0.0),
        ),
        Claim(
            id="duo-5",
            says="What routers skip are not plain early exits: fewer than half of the positions "
            "that skip.",
            source="measured",
            paper="skipping patterns are not plain early exits (no number)",
            effect=None,
            expect=Ratio("exit_like", against="static_duo", high=0.5),
        ),
        Claim(
            id="duo-5-layers",
            says="Later layers need a capacity threshold; early positions use big modules more.",
            source="measured",
            paper="an analysis of 12 layers",
            effect=None,
            expect=OutOfReach("counts of layers and the effect of position do not transfer here"),
            scale="paper",
        ),
        Claim(
            id="duo-time",
            says="Reading takes less time than with big modules everywhere.",
            source="own",
            paper="our bar: what is skipped is not to cost time",
            effect=None,
            expect=Ratio("latency_s", against="static_duo", high=1.0),
        ),
        Claim(
            id="duo-time-budget",
            says="Time rises with the budget.",
            source="own",
            paper="our bar: latency falls with the share of small and skip",
            effect=None,
            expect=Monotone("latency_s", over="budget", rising=True, tolerance=1e-3),
        ),
    ),
)


def prepare(task: DuoTask, point: Point, seed: int) -> DuoReader:
    """Restore the model and the routers that were trained for this budget."""
    return task.duo_reader(int(point["budget"]))


def solve(reader: DuoReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each layer's router decides from a position's own state."""
    assert reader.routers is not None
    return reader.read(batch, routed(reader.routers))
