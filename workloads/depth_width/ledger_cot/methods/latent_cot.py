"""Latent chain of thought: steps are states that are fed back, and no token is chosen.

    h_0 of step t = norm(h_L of step t - 1),  every step runs all layers

The student of the model that speaks (`train_student.py`): its state after step k was drawn to the
teacher's at the end of spoken step k, its steps were taken over from the trace one by one.
`student` says which: one that is prepared for hand-overs, which run here in full, or the plain one of
stage 1 as published (`train_plain_student.py`). The number of steps is a function of the question's length: one for each operation, or (`per_step` = 2)
for two.

**What is simplified.** One weight for both losses; teacher and student have the same shape.

**What to expect.** Written before measuring: within 3 points of the spoken trace at one language
token a question; with half the steps a few points less, since six layers are more than a step
needs.

**Ways to fake it.** Not counting latent steps as compute; comparing full steps alone, where half as
many would do.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import Solver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Latent chain of thought",
    moved_from="ledger/latent_cot",
    paper="Hao et al., Coconut, arXiv 2412.06769; stage 1 of System-1.5, arXiv 2505.18962",
    adapts="nothing: every latent step runs all layers",
    fidelity="reconstructed",
    role="static",
    knobs=(
        Knob("per_step", (1, 2), 1),
        Knob("student", ("prepared", "plain"), "prepared", at="prepare"),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> Solver:
    """Restore the student."""
    return task.solver("cot-plain" if point["student"] == "plain" else "cot-latent")


def solve(solver: Solver, exam: Exam, point: Point) -> Solution:
    """Think, then answer."""
    return solver.think(exam, per_step=int(point["per_step"]))
