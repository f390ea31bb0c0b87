"""Static width: the same learners, as many of them for every position.

What adaptive computation modules have to beat. The learners come from the same distillation, and
the whole model is tuned with n of them for everybody, on the same data, for the same steps at the
same rate as the method's models. There is no gate to run or to count.

**What to expect.** Written before any tuning: one learner loses answers at k = 4, two hardly any,
three none.

**Ways to fake it.** Leaving out its tuning; counting gates that it does not have.
"""

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import constant
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.width_reader import WidthReader

CARD = Card(
    title="Constant width",
    tasks=("ledger", "pretrained"),
    on_task={"pretrained": OnTask(sweep={"learners": (3,)})},
    paper="the static-width rival of Adaptive Computation Modules, arXiv 2312.10193",
    adapts="nothing: every position runs the first n learners of every MLP",
    role="static",
    knobs=(Knob("learners", (1, 2), 2, at="prepare", open=True, low=1, high=3),),
)


def prepare(task: StreamTask, point: Point, seed: int) -> WidthReader:
    """Restore the model that was tuned for this width."""
    return task.width_reader(f"static-{point['learners']}")


def solve(reader: WidthReader, batch: Batch, point: Point) -> Answer:
    """Read the batch, everyone through the first n learners."""
    return reader.read(batch, constant(int(point["learners"])))
