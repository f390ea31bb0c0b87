"""Static units: a fixed set of attention blocks and MLPs is replaced by forecasts, for everyone.

The rival that informed routing has to beat: the same frozen model, forecasters of the same rank,
the same training steps; only who decides differs. Here it is decided once and for all.

    h <- h + f(x)  for a unit that stays,    h <- h + q(x)  for one that is gone

`sparsity` is the share that goes, rounded to whole units. At scale embedded `order` is `fitted`:
units go one by one, each time the one that moves the predictions least (`static_thinning.py`). At scale
real `fitted` are those that do the least harm when twice as many are skipped by everyone
(`skip_damage.py`), `uniform` whole layers spread evenly, `late` the last ones (`closed_form_fit.py`), the
truncated model; at 0.15 all three are shipped, `adabench train` fits the others.

On `pretrained` a unit that nobody runs needs no keys and values, which a router's skipped unit does:
so at equal executions less is done here, and that is counted. At scale embedded keys are written as
for all.

**What to expect.** Written before the short training, when the closed form had been seen (scale
real, 8 windows: 1.053 of the whole model's nats a token at 0.15): the training helps it more than
routers, and it stays behind.

**Ways to fake it.** Fewer steps or smaller forecasters than the routed arm; only `late` or
`uniform` as the rival; keys and values counted for units that nobody runs.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import constant
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Static units with forecasts",
    tasks=("ledger", "pretrained"),
    on_task={
        "pretrained": OnTask(sweep={"sparsity": (0.15,), "order": ("fitted", "uniform", "late")})
    },
    paper="Informed Routing in LLMs, arXiv 2510.13831, its baseline of a fixed choice",
    adapts="nothing: the same units are replaced for everyone",
    role="static",
    knobs=(
        Knob("sparsity", (0.6,), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("order", ("fitted",), "fitted", at="prepare", open=True),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the thinned model."""
    return task.unit_reader(f"static-{point['order']}-{round(100 * float(point['sparsity']))}")


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; nobody runs what is gone."""
    return reader.read(batch, constant(reader.fitted.parts))
