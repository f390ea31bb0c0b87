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

from adabench.harness.contract.card import Card, Knob, Point, Variant
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
    fixed={"shortcuts": "both"},
    variants=(
        Variant(
            "depth_shortcut",
            "Depth shortcut alone",
            {"shortcuts": "depth"},
            role="adaptive",
            adapts="after how many layers each latent step leaves through an adapter",
            paper="ours, an ablation of `prepared_shortcuts`",
            moved_from="ledger/depth_shortcut",
            essay="""The depth shortcut alone: a latent step leaves early, the next one starts at layer 1 again.

            The prepared System-1.5 (`prepared_shortcuts.py`) without handing over: routers and adapters are trained for it, with the
            same labels and steps. The adapter's state is normed and fed back like that of a finished step.

            **What to expect.** Written before measuring, for the first recipe: every trivial step costs its
            first layer or two again, so a tenth more latent layers than with both; the answers are the same.

            **Ways to fake it.** Shortcuts that were trained with handing over and are run without.
            """,
        ),
        Variant(
            "step_shortcut",
            "Step shortcut alone",
            {"shortcuts": "step"},
            role="adaptive",
            adapts="at which layer each latent step stops and the next goes on",
            paper="ours, an ablation of `prepared_shortcuts`",
            moved_from="ledger/step_shortcut",
            essay="""The step shortcut alone: a latent step stops and the next goes on from its very state.

            The prepared System-1.5 (`prepared_shortcuts.py`) without adapters: `h_{l, t+1} = h_{l, t}`. Routers are trained for it,
            with the same labels and steps.

            **What to expect.** Written before measuring, for the first recipe: as few layers as with both, and
            some answers lost, since nothing tells a state that its step was counted.

            **Ways to fake it.** Routers that were trained with adapters and are run without.
            """,
        ),
        Variant(
            "shuffled_shortcuts",
            "Shortcuts taught by shuffled labels",
            {"shortcuts": "shuffled"},
            adapts="which layers each latent step runs, on a reading of nothing",
            paper="ours, `prepared_shortcuts` with labels that say nothing",
            moved_from="ledger/shuffled_shortcuts",
            knobs=(Knob("lambda_depth", (0.35, 0.4, 0.5), 0.4, open=True, low=0.0, high=1.0),),
            essay="""Shuffled shortcuts: the prepared System-1.5 taught with the labels of a question dealt to its steps at random.

            The control for criticality: as many steps of every training question count as critical as there
            are, but not the right ones. Everything else is the same: adapters, steps of training, thresholds.

            **What to expect.** Written before measuring: a router that cannot know gives every step the same w,
            about 0.4, so all steps leave at a threshold below it and none above.

            **Ways to fake it.** Fewer critical labels than the method has; a router too small to learn.
            """,
        ),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with its shortcuts."""
    return task.shortened(str(point["shortcuts"]))


solve = ShortenedSolver.think_at
