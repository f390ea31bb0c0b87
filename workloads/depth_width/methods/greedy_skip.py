"""Greedy skipping: informed routing without the forecast, the rival that it names.

The same frozen model, router, budget, data and steps; a unit that does not run adds nothing
(`routers_and_forecasters.py`, kind `greedy`). This is what mixture-of-depths does to a trained model, with a
threshold in place of a top-k that would look ahead.

**What to expect.** Written before measuring: as good as informed routing down to half of the units;
below that it loses answers, because a skipped unit leaves a hole that nothing fills.

**Ways to fake it.** Fewer steps or another budget than the method it is compared with.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.trained.training_anew import train_if_asked
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Greedy skipping",
    tasks=("ledger", "pretrained"),
    on_task={"pretrained": OnTask(sweep={"sparsity": (0.15,)})},
    paper="Raposo et al., Mixture-of-Depths, arXiv 2404.02258, as a retrofit with a threshold",
    adapts="which attention blocks and MLPs a position runs, on a linear score of its state",
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("training", ("shipped",), "shipped", at="prepare", open=True),
        Knob("shift", (0.0, 2.0, 4.0), 0.0, open=True, low=-20.0, high=20.0),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the routers that were trained for this sparsity."""
    name = f"greedy-{round(100 * float(point['sparsity']))}"
    train_if_asked(task, name, point)
    return task.unit_reader(name)


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts, float(point["shift"])))
