"""System-1.5 Reasoning: latent steps that leave early, and hand over where they left.

A latent step (`latent_cot.py`) is judged before each of the layers 2..L by a small router:

    w = R_l(h_{l-1, t})
    w > lambda_depth:  the step leaves through an adapter g, h = g_l(h_{l-1, t})      depth shortcut
    else:              h_{l, t} = f_l(h_{l-1, t})
    step t + 1 starts at the layer where t left, from the state it left with          step shortcut

The layers below are not run for step t + 1, the layers above not for step t, and neither stores
keys there. A step that was handed over hands on too, so trivial steps in a row climb; one that ran
to its end is followed by one that starts at layer 1. The answer is asked for with all layers.
`hand_over=once` ends a step that was handed over where it leaves, as `prepared_shortcuts` does.

Two stages, as published. Stage 1 (`train_plain_student.py`) distils the spoken trace into latent steps
of full depth. Stage 2 (`train_soft_shortcuts.py`) freezes that student and trains routers and adapters
in a soft mixture, `w g(h) + (1 - w) f(h)`, with w drawn to 1 on steps that are not critical and to 0
on those that are. A step that changes the value is critical; adding 0, multiplying by 1 and restating
are not. At inference there is no label: a router sees one state.

**What is simplified.** Adapter d -> d/4 -> d; one threshold for all layers; no router is asked before
a step has run a layer. Weights of the losses, batch and rate are ours, as the paper's are not public;
stage 1 has a loss of ours besides. `prepared_shortcuts` is our variant, whose student and routers are
taught what inference does.

**What to expect.** Written before its students were scored, from an earlier form whose student was
not prepared either: its routers see what is trivial only after layer 3, a step that starts above it
never looks up its own operation, and a frozen transformer cannot mend that. A third of the answers of
spoken steps at 0.5 and more at 0.9; trivial steps run fewer layers; a fiftieth of the tokens. So no
claim that asks for comparable accuracy is met.

**Ways to fake it.** A padded trace to compare with (`cot.py` has the terse one beside it); latent
steps not counted; labels of the test question in the router; a step shortcut that is a smaller
number of steps; a task that needs no steps (`no_cot`); fewer tokens without the answers.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import HandOver, Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="System-1.5 Reasoning",
    paper="System-1.5 Reasoning, arXiv 2505.18962, NeurIPS 2025",
    slug="system-1.5",
    adapts="which layers each latent step runs, on a router's reading of its state",
    signal=("depth_width.ledger_cot.substrate.shortcuts:Shortcuts.logit",),
    fidelity="reconstructed",
    skips_from="latent_cot",
    knobs=(
        Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),
        Knob("hand_over", ("always", "once"), "always"),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the plain student with both shortcuts."""
    return task.shortened("soft")


def solve(solver: ShortenedSolver, exam: Exam, point: Point) -> Solution:
    """Think with shortcuts, then answer."""
    hand_over: HandOver = "once" if point["hand_over"] == "once" else "always"
    return solver.think(exam, float(point["lambda_depth"]), hand_over)
