"""Static width: the same learners, as many of them for every position.

What adaptive computation modules have to beat. The learners come from the same distillation, and
the whole model is tuned with n of them for everybody, on the same data, for the same steps at the
same rate as the method's models. There is no gate to run or to count.

**What to expect.** Written before any tuning: one learner loses answers at k = 4, two hardly any,
three none.

**What was seen.** Seeds 0, 1, 2, 16 batches: k = 4 at 0.956, 0.729, 0.878 with one learner, 0.987,
0.901, 0.964 with two; accuracy 0.989, 0.932, 0.969 and 0.997, 0.975, 0.991. Two lose more than
expected on seed 1. Three and four are not shipped.

**At scale real** three learners are fitted, with the closed form, windows and steps of the method
(`real_width_fit.py`): 1.086 +- 0.006 of SmolLM2's nats at 0.875 of its executions, where gates have
1.031. Every MLP has the same width: widths fitted one by one would be a harder rival, not built.

**Ways to fake it.** Leaving out its tuning; counting gates that it does not have.
"""

from adabench.harness.card import Card, Knob, Point
from adabench.workloads.ledger.engine import Answer
from adabench.workloads.ledger.modules import constant
from adabench.workloads.ledger.readers import Batch, WidthReader
from adabench.workloads.ledger.task import Ledger

CARD = Card(
    title="Constant width",
    paper="the static-width rival of Adaptive Computation Modules, arXiv 2312.10193",
    adapts="nothing: every position runs the first n learners of every MLP",
    role="static",
    knobs=(Knob("learners", (1, 2), 2, at="prepare", open=True, low=1, high=3),),
)


def prepare(task: Ledger, point: Point, seed: int) -> WidthReader:
    """Restore the model that was tuned for this width."""
    return task.width_reader(f"static-{point['learners']}")


def solve(reader: WidthReader, batch: Batch, point: Point) -> Answer:
    """Read the batch, everyone through the first n learners."""
    return reader.read(batch, constant(int(point["learners"])))
