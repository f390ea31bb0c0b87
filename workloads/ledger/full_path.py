"""Full path: the frozen model answers questions with every layer once.

What every path is measured against at `layout=qa`. Trained on k = 1..4 and asked up to 6.

**What to expect.** Written before measuring: k <= 4 right nearly always; less than half at k = 5
and a quarter at k = 6, as in a prototype with one answer (0.50 and 0.27).

**What was seen.** 0.698, 0.690, 0.702 over all k for seeds 0, 1, 2. k <= 3 right always; the stream's
1000 steps, taken over as they are, leave k = 4 at 0.62, 0.65, 0.70, so the base has not
converged there; k = 5 at 0.34 to 0.38, k = 6 at 0.13 to 0.15 (1200 other questions). Running the
fourth or fifth layer twice repairs a good part of that: see `static_path`.

**Ways to fake it.** A weaker base than the one the routers were trained on.
"""

from adabench.harness.card import Card, Point
from adabench.workloads.ledger.asking import Asking, Exam, PathReader
from adabench.workloads.ledger.paths import Reply, default

CARD = Card(
    title="Full path",
    paper="Vaswani et al., Attention is all you need, arXiv 1706.03762",
    adapts="nothing: every question runs every layer once",
    role="static",
    conditions={"layout": "qa"},
)


def prepare(task: Asking, point: Point, seed: int) -> PathReader:
    """Restore the frozen backbone."""
    return task.path_reader()


def solve(reader: PathReader, exam: Exam, point: Point) -> Reply:
    """Answer the questions, every layer once."""
    return reader.answer(exam, default(len(exam.questions.lengths), reader.model.shape.layers))
