"""Informed routing: a position runs a unit, or takes a cheap forecast of what it would have added.

Every attention block and every MLP of a frozen model is a unit f. Beside it stand a forecaster q,
two linear maps d -> r -> d, and a router that sees the forecast as well as the state:

    m = [ w . (x ; q(x)) + b > 0 ]          h <- h + m f(x) + (1 - m) q(x)

A greedy router asks "does this position need the unit?" and skips it otherwise; an informed one
asks "how well could it be approximated?". One budget holds for all units together (`routers_and_forecasters.py`
has losses, data and the closed-form start of the forecasters; `unit_forward.py` runs fewer rows). q is
linear, so w . (x ; q(x)) is one map of x: the router sees the forecast before it is made, and it is
made for those that skip alone. At most 4 d r operations against 16 d^2 of an MLP, 3 % at d = 64 and
r = 8, and counted.

Keys and values are written for every position (a design choice; the paper does not say).

`sparsity` is the share of unit executions that training aims at; one router is shipped for each.
`shift` is added to every logit afterwards: more of it runs more.

**What is simplified.** No released code was found, so what the paper leaves open is ours: rank 8,
ridge and truncation, one budget, concatenation, the divergence to the full model in the loss.
200 steps of 32 sequences; no LoRA stage.

**What to expect.** Written before measuring: fillers and `=` are nearly linear in the state, so
0.6 of the units can go without a lost answer, and greedy skipping loses answers at 0.75. Random
decisions at the same rates lose most. The forecast's own cost, and keys and values for all, make
the saving in operations smaller than in units; realised speedup around 0.5 in prefill, below 0 in decode.

**On `pretrained` it is a variant, prepared from unlabelled text**: no router is trained by a loss, and
all claims there are our own. Forecasters (of rank 32 for SmolLM2) come in closed form (`closed_form_fit.py`), routers are
fitted to what skipping really costs (`skip_damage.py`), and forty steps train the forecasters with
the routers held (`refine.py`). Aimed at 0.15; other shares are the same routers at another price.

**Ways to fake it.** A greedy twin with fewer steps; sparsity of the MLPs alone; a forecast of
attention made from the executed attention; a soft mixture at evaluation; leaving the forecaster
out of the count.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Informed routing",
    tasks=("ledger", "pretrained"),
    on_task={
        "pretrained": OnTask(
            sweep={"sparsity": (0.15,)}, title="Informed routing, prepared from unlabelled text"
        )
    },
    paper="Informed Routing in LLMs, arXiv 2510.13831, October 2025",
    slug="informed-routing",
    adapts="which attention blocks and MLPs a position runs, on how well each can be forecast",
    signal=("depth_width.substrate.units.routers_and_forecasters:run_logits",),
    fidelity="reconstructed",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
        Knob("shift", (0.0, 2.0, 4.0), 0.0, open=True, low=-20.0, high=20.0),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the routers and forecasters that were trained for this sparsity."""
    name = f"informed-{round(100 * float(point['sparsity']))}"
    train_if_asked(task, name, point)
    return task.unit_reader(name)


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts, float(point["shift"])))
