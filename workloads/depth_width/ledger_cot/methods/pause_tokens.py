"""Pause tokens: as many positions as there are operations, with nothing of a state in them.

The same token is put in for every operation before the answer is asked for; the model was trained
with and without. It gets the positions and the layers of latent steps, not their sequence: no
pause sees the last layer of the one before.

**What to expect.** Written before measuring: a few points above no steps, far below latent steps.

**Ways to fake it.** Fewer layers than latent steps have; counting pauses as free.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import Solver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Pause tokens",
    moved_from="ledger/pause_tokens",
    paper="Goyal et al., Think before you speak, arXiv 2310.02226",
    adapts="nothing: one pause for each operation",
    role="static",
)


def prepare(task: StepTask, point: Point, seed: int) -> Solver:
    """Restore the model that was trained with pauses."""
    return task.solver("cot-direct")


def solve(solver: Solver, exam: Exam, point: Point) -> Solution:
    """Pause once for each operation, then answer."""
    return solver.pause(exam, per_operation=1)
