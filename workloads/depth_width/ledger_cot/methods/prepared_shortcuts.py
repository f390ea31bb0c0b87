"""System-1.5, prepared for hand-overs: latent steps that leave early, and hand over once.

A latent step (`latent_cot.py`) is judged before each of the layers 2..L by a small router:

    w = R_l(h_{l-1, t})
    w > lambda_depth:  the step leaves through an adapter g, h = g_l(h_{l-1, t})      depth shortcut
    else:              h_{l, t} = f_l(h_{l-1, t})
    step t + 1 starts at the layer where t left, from the state it left with          step shortcut

The layers below are not run for step t + 1, the layers above not for step t, and neither stores
keys there. A step that ran to its end is followed by one that starts at layer 1. **A step that was
handed over may leave too, but hands nothing on**: its adapter's state ends it, and the next step
starts at layer 1. The answer is asked for with all layers.

**What is not the paper's** (`system_1_5` is what the paper has). Stage 1 (`train_student.py`)
*prepares the student for its shortcuts*: in half of the questions trivial steps are handed over after
layer 2, and a head that is thrown away reads criticality there. Stage 2 (`train_shortcuts.py`) makes
hard choices where a step leaves, and teaches routers to let a trivial step leave after layer 2 if it
started at layer 1, and after layer 3, 4 or 5 if it was handed over. Handing over ends after one.

**What is simplified.** The paper's soft mixture where a step goes on (a chain of six soft adapters
is not what inference runs). Adapter d -> d/4 -> d; thresholds one for all layers.

**What to expect.** Written when the rule had been seen on student 1 with routers of seed 7, and
before those of seeds 0..2 were trained: 0.66 to 0.67 of the latent layers, answers within half a
point of full steps. No rule can come below half as many steps, as steps that change the value run
5.5 layers on average.

**Ways to fake it.** A padded trace to compare with (`cot.py` has the terse one beside it); latent
steps not counted; labels of the test question in the router; a step shortcut that is a smaller
number of steps (`latent_cot` at `per_step` = 2 stands beside it); a task that needs no steps
(`no_cot`).
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask

CARD = Card(
    title="System-1.5, prepared for hand-overs",
    moved_from="ledger_cot/system_1_5",
    paper="ours, after System-1.5 Reasoning (`system_1_5`)",
    adapts="which layers each latent step runs, on a router's reading of its state",
    signal=("depth_width.ledger_cot.substrate.shortcuts:Shortcuts.logit",),
    fidelity="special-case",
    skips_from="latent_cot",
    knobs=(Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with both shortcuts."""
    return task.shortened("both")


solve = ShortenedSolver.think_at
