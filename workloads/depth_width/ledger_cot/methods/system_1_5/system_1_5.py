"""System-1.5 Reasoning: latent steps that leave early, and hand over where they left.

A latent step (`latent_cot.py`) is judged before each of the layers 2..L by a small router:

    w = R_l(h_{l-1, t})
    w > lambda_depth:  the step leaves through an adapter g, h = g_l(h_{l-1, t})      depth shortcut
    else:              h_{l, t} = f_l(h_{l-1, t})
    step t + 1 starts at the layer where t left, from the state it left with          step shortcut

The layers below are not run for step t + 1, the layers above not for step t, and neither stores
keys there. A step that ran to its end is followed by one that starts at layer 1. **A step that was
handed over may leave too, but hands nothing on**: its adapter's state ends it, and the next step
starts at layer 1. The answer is asked for with all layers.

Routers learn from *criticality*: on training questions a step that changes the value is critical,
adding 0, multiplying by 1 and restating are not (`shortcuts.py`). At inference there is no
label: a router sees one state.

**What is simplified, and what is not the paper's.** Hard choices in training where a step leaves,
the paper's soft mixture where it goes on (a chain of six soft adapters is not what inference runs).
Adapter d -> d/4 -> d; thresholds one for all layers. Stage 2 freezes the transformer of stage 1,
but stage 1 (`train_student.py`) *prepares the student for its shortcuts*: in half of the
questions trivial steps are handed over after layer 2, and a head that is thrown away reads
criticality there. The paper has nothing of the kind. Routers are taught to let a trivial step leave
after layer 2 if it started at layer 1, and after layer 3, 4 or 5 if it was handed over
(`shortcuts.py`).

**What to expect.** Written when the rule had been seen on student 1 with routers of seed 7, and
before those of seeds 0..2 were trained: 0.66 to 0.67 of the latent layers, answers within half a
point of full steps. No rule can come below half as many steps, as steps that change the value run
5.5 layers on average.

**Ways to fake it.** A padded trace to compare with (`cot.py` has the terse one beside it); latent
steps not counted; labels of the test question in the router; a step shortcut that is a smaller
number of steps (`latent_cot` at `per_step` = 2 stands beside it); a task that needs no steps
(`no_cot`).
"""

from adabench.harness.contract.card import (
    Card,
    Claim,
    Frontier,
    Knob,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="System-1.5 Reasoning",
    moved_from="ledger/system_1_5",
    paper="System-1.5 Reasoning, arXiv 2505.18962, NeurIPS 2025",
    adapts="which layers each latent step runs, on a router's reading of its state",
    fidelity="reconstructed",
    skips_from="latent_cot",
    knobs=(Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),),
    claims=(
        Claim(
            id="s15-1",
            says="It answers as many questions as spoken steps, within 3 %.",
            source="measured",
            paper="accuracy comparable to CoT fine-tuning on GSM8K; the card's criterion 1",
            effect=None,
            expect=Ratio("accuracy", against="cot", low=0.97),
        ),
        Claim(
            id="s15-2",
            says="One question at a time it takes at most a quarter of the time of spoken steps.",
            source="measured",
            paper="over 20x faster on GSM8K; the card's criterion 4 expects 4x to 10x here",
            effect=None,
            expect=Ratio("latency_s", against="cot", high=0.25, where={"mode": "decode1"}),
        ),
        Claim(
            id="s15-2-paper",
            says="It is 20 times as fast as spoken steps.",
            source="headline",
            paper="20.27x on GSM8K",
            effect=None,
            expect=OutOfReach(
                "it needs traces as long as those of GSM8K; ours have 30 to 58 tokens"
            ),
            scale="paper",
        ),
        Claim(
            id="s15-3",
            says="It generates at most a fifth of the language tokens of verbose steps.",
            source="measured",
            paper="92.31 % fewer; the card's criterion 3: at least 80 %",
            effect=None,
            expect=Ratio("tokens_language", against="cot", high=0.2),
        ),
        Claim(
            id="s15-3-terse",
            says="It generates at most a fifth of the language tokens of terse steps.",
            source="own",
            paper="our control: the trace without filler",
            effect=None,
            expect=Ratio("tokens_language", against="cot", high=0.2, where={"trace": "terse"}),
        ),
        Claim(
            id="s15-4",
            says="The threshold sets the latent layers that run, without training again.",
            source="measured",
            paper="inference-time budget control; no number",
            effect=None,
            expect=Monotone("executions_latent", over="lambda_depth", rising=True, tolerance=1e-9),
        ),
        Claim(
            id="s15-work",
            says="It runs at most 70 % of the latent layers of full steps, within a point.",
            source="measured",
            paper="the card's criterion 2",
            effect=None,
            expect=Ratio(
                "executions_latent", against="latent_cot", high=0.7, keeping={"accuracy": 0.01}
            ),
        ),
        Claim(
            id="s15-half",
            says="It runs fewer layers than half as many full steps, within a point.",
            source="own",
            paper="our control: is it more than fewer steps?",
            effect=None,
            expect=Ratio(
                "executions_latent",
                against="latent_cot",
                high=1.0,
                keeping={"accuracy": 0.01},
                where={"per_step": 2},
            ),
        ),
        Claim(
            id="s15-critical",
            says="Steps that change the value run more layers than those that do not.",
            source="measured",
            paper="the card's criterion 5",
            effect=None,
            expect=Ratio("critical_over_trivial", against="latent_cot", low=1.0),
        ),
        Claim(
            id="s15-shuffled",
            says="Over layers run it answers more than routers taught by shuffled labels.",
            source="measured",
            paper="the card's criterion 5",
            effect=None,
            expect=Frontier("executions", "accuracy", against="shuffled_shortcuts", low=0.0),
        ),
        Claim(
            id="s15-random",
            says="It answers more than random shortcuts at its rates.",
            source="own",
            paper="our control",
            effect=None,
            expect=Ratio("accuracy", against="random_shortcuts", low=1.0),
        ),
        Claim(
            id="s15-depth",
            says="Over layers run it answers at least as much as the depth shortcut alone.",
            source="measured",
            paper="the card's criterion 6",
            effect=None,
            expect=Frontier("executions", "accuracy", against="depth_shortcut", low=0.0),
        ),
        Claim(
            id="s15-step",
            says="Over layers run it answers at least as much as the step shortcut alone.",
            source="measured",
            paper="the card's criterion 6",
            effect=None,
            expect=Frontier("executions", "accuracy", against="step_shortcut", low=0.0),
        ),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with both shortcuts."""
    return task.shortened("both")


def solve(solver: ShortenedSolver, exam: Exam, point: Point) -> Solution:
    """Think with shortcuts, then answer."""
    return solver.think(exam, float(point["lambda_depth"]))
