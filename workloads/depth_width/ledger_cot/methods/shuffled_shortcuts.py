"""Shuffled shortcuts: the prepared System-1.5 taught with the labels of a question dealt to its steps at random.

The control for criticality: as many steps of every training question count as critical as there
are, but not the right ones. Everything else is the same: adapters, steps of training, thresholds.

**What to expect.** Written before measuring: a router that cannot know gives every step the same w,
about 0.4, so all steps leave at a threshold below it and none above.

**Ways to fake it.** Fewer critical labels than the method has; a router too small to learn.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask

CARD = Card(
    title="Shortcuts taught by shuffled labels",
    moved_from="ledger/shuffled_shortcuts",
    paper="ours, `prepared_shortcuts` with labels that say nothing",
    adapts="which layers each latent step runs, on a reading of nothing",
    role="control",
    knobs=(Knob("lambda_depth", (0.35, 0.4, 0.5), 0.4, open=True, low=0.0, high=1.0),),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with shortcuts that shuffled labels taught."""
    return task.shortened("shuffled")


solve = ShortenedSolver.think_at
