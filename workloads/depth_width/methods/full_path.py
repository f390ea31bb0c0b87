"""Full path: the frozen model answers questions with every layer once.

What every path is measured against. Trained on k = 1..4 and asked up to 6.

**What to expect.** Written before measuring: k <= 4 right nearly always; less than half at k = 5
and a quarter at k = 6, as in a prototype with one answer (0.50 and 0.27).

**On `pretrained`** it is the model with all of its layers, scored on the words after a prompt of 64.

**Ways to fake it.** A weaker base than the one the routers were trained on.
"""

from adabench.harness.contract.card import Card, OnTask, Point
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply, default
from adabench.workloads.depth_width.substrate.paths.path_routers import PathReader, PathTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Full path",
    tasks=("ledger_qa", "pretrained"),
    moved_from="ledger/full_path",
    on_task={"pretrained": OnTask(conditions={"prompt": 64})},
    paper="Vaswani et al., Attention is all you need, arXiv 1706.03762",
    adapts="nothing: every question runs every layer once",
    role="static",
)


def prepare(task: PathTask, point: Point, seed: int) -> PathReader:
    """Restore the frozen backbone."""
    return task.path_reader()


def solve(reader: PathReader, exam: Exam, point: Point) -> Reply:
    """Answer the questions, every layer once."""
    return reader.answer(exam, default(len(exam.questions.lengths), reader.model.shape.layers))
