"""Static width: the same learners, as many of them for every position.

What adaptive computation modules have to beat. The learners come from the same distillation, and
the whole model is tuned with n of them for everybody, on the same data, for the same steps at the
same rate as the method's models. There is no gate to run or to count.

**What to expect.** Written before any tuning: one learner loses answers at k = 4, two hardly any,
three none.

**What was seen.** Seeds 0, 1, 2, 16 batches, after the 1000 steps that every arm has: k = 4 at
0.9985, 0.9910, 0.9918 with one learner, 0.9990, 0.9986, 0.9971 with two (the original, not tuned:
0.9995, 0.9954, 0.9892); accuracy 0.9996, 0.9978, 0.9979 and 0.9998, 0.9996, 0.9993. After 300 steps
one learner had 0.956, 0.729, 0.878 at k = 4 and two 0.987, 0.901, 0.964: less than was expected,
and only for want of tuning. A quarter of every MLP does for this stream. Three and four are not
shipped.

**At scale real** three learners are fitted, with the closed form, windows and steps of the method
(`width_fit.py`): 1.086 +- 0.006 of SmolLM2's nats at 0.875 of its executions, where gates have
1.031. Every MLP has the same width: widths fitted one by one would be a harder rival, not built.

**Ways to fake it.** Leaving out its tuning; counting gates that it does not have.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import constant
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.width_reader import WidthReader

CARD = Card(
    title="Constant width",
    tasks=("ledger", "pretrained"),
    variants={"pretrained": Variant(sweep={"learners": (3,)})},
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
