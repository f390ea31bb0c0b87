"""Static Duo-LLM: one pattern of modules for every position.

What routers have to beat, on the same weights: big in every layer (the default), small in every
layer, and `best-b`, of all 729 patterns that cost at most b big modules the one that loses least
on 64 calibration sequences (answers and filler words that follow, weighed alike). It is found
once, when the model is trained, and shipped with it. There is no router to run or to count.

**What to expect.** Written when a prototype of 1000 steps had been seen: small loses little, and
the best pattern at two big modules nothing against big everywhere.

**Ways to fake it.** A rival of other weights; choosing the pattern on the test batches.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import named, pattern
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, DuoTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="One pattern of big and small modules",
    paper="the static rivals of Duo-LLM, arXiv 2410.10846",
    adapts="nothing: every position runs the same modules",
    role="static",
    conditions={"mode": "prefill"},
    knobs=(Knob("pattern", ("big", "small", "best-1", "best-2"), "big"),),
)


def prepare(task: DuoTask, point: Point, seed: int) -> DuoReader:
    """Restore the model; there are no routers."""
    return task.duo_reader()


def solve(reader: DuoReader, batch: Batch, point: Point) -> Answer:
    """Read the batch, everyone along the pattern."""
    return reader.read(batch, pattern(named(reader.duo, str(point["pattern"]))))
