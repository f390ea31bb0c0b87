"""Pause tokens: as many positions as there are operations, with nothing of a state in them.

The same token is put in for every operation before the answer is asked for; the model was trained
with and without. It gets the positions and the layers of latent steps, not their sequence: no
pause sees the last layer of the one before.

**What to expect.** Written before measuring: a few points above no steps, far below latent steps.

**Ways to fake it.** Fewer layers than latent steps have; counting pauses as free.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import Solver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Pause tokens",
    moved_from="ledger/pause_tokens",
    paper="Goyal et al., Think before you speak, arXiv 2310.02226",
    adapts="nothing: one pause for each operation",
    role="static",
    fixed={"per_operation": 1},
    variants=(
        Variant(
            "no_cot",
            "No chain of thought",
            {"per_operation": 0},
            role="static",
            adapts="nothing: no steps at all",
            paper="System-1.5 Reasoning, arXiv 2505.18962, its baseline",
            moved_from="ledger/no_cot",
            essay="""No chain of thought: the answer at once, from what the layers make of the question.

            Fine-tuned on questions and answers as the model that speaks was on traces. If it solved the task,
            every way to save steps would seem to work; so it is the floor that all others are held to.

            **What to expect.** Written before measuring: below 60 %.

            **Ways to fake it.** A weaker one than the task allows: with the stream's auxiliary head, which is
            told every running value, six layers do better; `traces.py` has the figures.
            """,
        ),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> Solver:
    """Restore the model that was trained with pauses."""
    return task.solver("cot-direct")


def solve(solver: Solver, exam: Exam, point: Point) -> Solution:
    """Pause, then answer."""
    return solver.pause(exam, per_operation=int(point["per_operation"]))
