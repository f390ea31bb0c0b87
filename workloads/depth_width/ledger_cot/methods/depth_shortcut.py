"""The depth shortcut alone: a latent step leaves early, the next one starts at layer 1 again.

The prepared System-1.5 (`prepared_shortcuts.py`) without handing over: routers and adapters are trained for it, with the
same labels and steps. The adapter's state is normed and fed back like that of a finished step.

**What to expect.** Written before measuring, for the first recipe: every trivial step costs its
first layer or two again, so a tenth more latent layers than with both; the answers are the same.

**Ways to fake it.** Shortcuts that were trained with handing over and are run without.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask

CARD = Card(
    title="Depth shortcut alone",
    moved_from="ledger/depth_shortcut",
    paper="ours, an ablation of `prepared_shortcuts`",
    adapts="after how many layers each latent step leaves through an adapter",
    fidelity="reconstructed",
    skips_from="latent_cot",
    knobs=(Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with shortcuts that do not hand over."""
    return task.shortened("depth")


solve = ShortenedSolver.think_at
