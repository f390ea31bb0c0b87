"""No chain of thought: the answer at once, from what the layers make of the question.

Fine-tuned on questions and answers as the model that speaks was on traces. If it solved the task,
every way to save steps would seem to work; so it is the floor that all others are held to.

**What to expect.** Written before measuring: below 60 %.

**Ways to fake it.** A weaker one than the task allows: with the stream's auxiliary head, which is
told every running value, six layers do better; `traces.py` has the figures.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import Solver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="No chain of thought",
    moved_from="ledger/no_cot",
    paper="System-1.5 Reasoning, arXiv 2505.18962, its baseline",
    adapts="nothing: no steps at all",
    role="static",
)


def prepare(task: StepTask, point: Point, seed: int) -> Solver:
    """Restore the model that answers at once."""
    return task.solver("cot-direct")


def solve(solver: Solver, exam: Exam, point: Point) -> Solution:
    """Answer at once."""
    return solver.pause(exam, per_operation=0)
