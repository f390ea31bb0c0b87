"""Shuffled shortcuts: System-1.5 taught with the labels of a question dealt to its steps at random.

The control for criticality: as many steps of every training question count as critical as there
are, but not the right ones. Everything else is the same: adapters, steps of training, thresholds.

**What to expect.** Written before measuring: a router that cannot know gives every step the same w,
about 0.4, so all steps leave at a threshold below it and none above.

**What was seen.** Seeds 0..2, three trained models, 384 questions each: 0.714, 0.661, 0.708 right
at 0.35, 0.844, 0.820, 0.859 at 0.4, 0.979, 0.945, 0.966 at 0.5, on 0.63 to 0.64, 0.70 to 0.74 and
0.82 to 0.89 of the latent layers. Critical steps run 1.3 to 2.1 times as many layers as trivial
ones even so: the loss of the answer says which may leave, whatever the labels say.

**Ways to fake it.** Fewer critical labels than the method has; a router too small to learn.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Shortcuts taught by shuffled labels",
    moved_from="ledger/shuffled_shortcuts",
    paper="System-1.5 Reasoning, arXiv 2505.18962, with labels that say nothing",
    adapts="which layers each latent step runs, on a reading of nothing",
    role="control",
    knobs=(Knob("lambda_depth", (0.35, 0.4, 0.5), 0.4, open=True, low=0.0, high=1.0),),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with shortcuts that shuffled labels taught."""
    return task.shortened("shuffled")


def solve(solver: ShortenedSolver, exam: Exam, point: Point) -> Solution:
    """Think with these shortcuts."""
    return solver.think(exam, float(point["lambda_depth"]))
