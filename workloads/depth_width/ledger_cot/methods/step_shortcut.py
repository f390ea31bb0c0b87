"""The step shortcut alone: a latent step stops and the next goes on from its very state.

The prepared System-1.5 (`prepared_shortcuts.py`) without adapters: `h_{l, t+1} = h_{l, t}`. Routers are trained for it,
with the same labels and steps.

**What to expect.** Written before measuring, for the first recipe: as few layers as with both, and
some answers lost, since nothing tells a state that its step was counted.

**Ways to fake it.** Routers that were trained with adapters and are run without.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask

CARD = Card(
    title="Step shortcut alone",
    moved_from="ledger/step_shortcut",
    paper="ours, an ablation of `prepared_shortcuts`",
    adapts="at which layer each latent step stops and the next goes on",
    fidelity="reconstructed",
    skips_from="latent_cot",
    knobs=(Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with routers and no adapters in use."""
    return task.shortened("step")


solve = ShortenedSolver.think_at
