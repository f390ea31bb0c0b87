"""Informed routing: a position runs a unit, or takes a cheap forecast of what it would have added.

Every attention block and every MLP of a frozen model is a unit f. Beside it stand a forecaster q,
two linear maps d -> r -> d, and a router that sees the forecast as well as the state:

    m = [ w . (x ; q(x)) + b > 0 ]          h <- h + m f(x) + (1 - m) q(x)

A greedy router asks "does this position need the unit?" and skips it otherwise; an informed one
asks "how well could it be approximated?". One budget holds for all units together
(`retrofit.py` has losses, data and the closed-form start of the forecasters; `units.py` runs fewer
rows). The forecast is made for every position, since the router reads it: 4 d r operations
against 16 d^2 of an MLP, 3 % at d = 64 and r = 8, and counted.

Keys and values are written for every position (a design choice; the paper does not say).

`sparsity` is the share of unit executions that training aims at; one router is shipped for each.
`shift` is added to every logit afterwards: more of it runs more.

**What is simplified.** No released code was found, so what the paper leaves open is ours: rank 8,
ridge and truncation, one budget, concatenation, the divergence to the full model in the loss.
200 steps of 32 sequences; no LoRA stage.

**What to expect.** Written before measuring: fillers and `=` are nearly linear in the state, so
0.6 of the units can go without a lost answer, and greedy skipping loses answers at 0.75. Random
decisions at the same rates lose most. The forecast's own cost, and keys and values for all, make
the saving in operations smaller than in units; K around 0.5 in prefill, below 0 in decode.

**What was seen.** `adabench run` of the five methods of this family, `vanilla` and `hindsight`, seeds 0..2, 6 batches
each, `--set mode=prefill`. Accuracy
0.999, 0.997, 0.995 at 0.45, 0.6, 0.75 with 3.38, 2.41, 1.53 of 6 layers: more than was expected, since
a quarter of the units still answers four chained maps (k = 4: 0.985). Greedy skipping has 0.981,
0.961, 0.891 and does not reach its budget (3.60, 2.87, 2.30 layers); coins at the same rates have 0.333,
0.199, 0.153. Operands run 6.7 times the units of fillers at 0.6. Operations fall less than units, to 0.56 of
the full model's at 0.6 and 0.43 at 0.75: keys and values for everyone, the forecast and the
unembedding stay. H over mixing vanilla depths 1.27 [0.82, 1.84]: above 1, for the oracle chooses one depth a sequence. In a
run of the whole task, where constant widths are mixed too, that oracle gains no more than noise.

Verdicts: ir-1-work (0.40 [0.38, 0.42]), ir-random (3.99 to 6.06 times the coins' answers) and ir-operands
reproduced. ir-1 undecided: 1.12 [0.94, 1.40], ahead in each seed, but three seeds spread from 1.04 to
1.22. ir-2 reproduced: 1.004 [0.9997, 1.010] of the answers of greedy skipping with LoRA and twice the steps.

*Not reproduced: ir-blind*, 1.002 [0.997, 1.009]. A router that reads the state alone does as well: at
width 64 the forecast is a linear map of what the router reads, so seeing it tells a linear
router nothing new. What helps is that the hole is filled, not that the router knows how well. A
router with a hidden layer might tell them apart; that was not tried. Greedy skipping had the same
budget, data and steps; it pays for every hole at once in the answers, which holds its routers open.

*Conversion.* `--defaults --sweep mode=prefill,decode1,decode16 --set batches=3 --repeats 3` on a quiet
machine, seeds 0..2, all timings valid, against the full model: K of latency 0.02 [-0.02, 0.05] in prefill
(67.0 against 68.4 ms a batch), -0.36 [-0.39, -0.24] one token at a time, -0.68 [-0.69, -0.66] sixteen
together. At width 64 twelve routers, forecasts, gathers and scatters a token cost what the rows save.
Greedy skipping, without forecasts, has 0.23 in prefill. Where the time goes was not profiled.

**Ways to fake it.** A greedy twin with fewer steps; sparsity of the MLPs alone; a forecast of
attention made from the executed attention; a soft mixture at evaluation; leaving the forecaster
out of the count.
"""

from adabench.harness.card import Card, Claim, Knob, OutOfReach, Point, Ratio
from adabench.workloads.ledger.engine import Answer
from adabench.workloads.ledger.readers import Batch, UnitReader
from adabench.workloads.ledger.retrofit import rule
from adabench.workloads.ledger.task import Ledger

CARD = Card(
    title="Informed routing",
    paper="Informed Routing in LLMs, arXiv 2510.13831, October 2025",
    adapts="which attention blocks and MLPs a position runs, on how well each can be forecast",
    fidelity="reconstructed",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare"),
        Knob("shift", (0.0, 2.0, 4.0), 0.0, open=True, low=-20.0, high=20.0),
    ),
    claims=(
        Claim(
            id="ir-1",
            says="At the hardest sparsity it answers more than greedy skipping.",
            paper="best trade-off at several sparsity levels; the card's criterion 1",
            expect=Ratio("accuracy", against="greedy_skip", low=1.0, where={"sparsity": 0.75}),
        ),
        Claim(
            id="ir-1-work",
            says="Two fifths fewer layer executions than the full model, within a point.",
            paper="the card's criterion 1",
            expect=Ratio("executions", against="vanilla", high=0.6, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="ir-2",
            says="Without fine-tuning it answers as much as greedy skipping with LoRA.",
            paper="matches or beats fine-tuned baselines; the card's criterion 2",
            expect=Ratio("accuracy", against="greedy_tuned", low=0.995, where={"sparsity": 0.75}),
        ),
        Claim(
            id="ir-3",
            says="Training takes half the time of a router with fine-tuning.",
            paper="over 50 % less training time",
            expect=OutOfReach("training is paid once per checkpoint and is not a case here"),
            scale="paper",
        ),
        Claim(
            id="ir-random",
            says="Routing beats coins at the same rates, forecasts included, in every batch.",
            paper="the card's baselines",
            expect=Ratio(
                "accuracy", against="random_units", low=1.0, every=True, where={"sparsity": 0.6}
            ),
        ),
        Claim(
            id="ir-blind",
            says="A router that does not see the forecast answers less at equal sparsity.",
            paper="the card's criterion 4",
            expect=Ratio("accuracy", against="blind_routing", low=1.0, where={"sparsity": 0.75}),
        ),
        Claim(
            id="ir-operands",
            says="Operands, where the value is computed, run more units than fillers.",
            paper="our substrate's allocation",
            expect=Ratio("operand_over_filler", against="vanilla", low=1.0),
        ),
    ),
)


def prepare(task: Ledger, point: Point, seed: int) -> UnitReader:
    """Restore the routers and forecasters that were trained for this sparsity."""
    return task.unit_reader(f"informed-{round(100 * float(point['sparsity']))}")


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts, float(point["shift"])))
