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

**Why handed over once.** In the paper every step that leaves hands its state on at its depth, so
trivial steps in a row climb until no layers are left. Here a student prepared for one hand-over
does not survive two: with chains (leave after 2, then after 3) and a stage 2 of its own, student 1
answers 0.816 of 512 held-out questions on 0.653 of the latent layers, where this rule has 1.000 on
0.662 (routers of seed 7, threshold 0.5; the look by which the rule was chosen). Preparing the
student for chains did not mend it: one of seed 7, same steps, had 0.994 with full steps and 0.46
with trivial steps handed over along chains; after layer 3 of a step that was handed over its head
told trivial from critical with an AUC of 0.85, after layer 2 of a fresh one of 1.00. Before this
rule a step that was handed over ran to its end: 0.714 of the latent layers.

**Why the student is prepared.** With the stage 1 of the card (steps 600, no hand-overs; three
models, 384 questions each) the step shortcut cost the answers: 0.414, 0.310, 0.328 right at a
threshold of 0.5 and 0.846, 0.477, 0.510 at 0.9, where full steps had 0.956, 0.857, 0.940; 0.344
[0.263, 0.495] of spoken steps. Its routers told trivial steps from critical ones only after layer 3
(AUC 0.57, 0.59, 0.98 after layers 1, 2, 3 in seed 0), where a step has looked up its operation; a
step handed over there never ran the layers that would look up its own, and a bottleneck beside a
frozen transformer cannot do that for it. That reading is now tested: with labels in the routers'
place and 900 steps of an earlier form of the recipe, seed 1 went from 0.44 (old student, handed
over after layer 3) to 0.98 (after layer 2) while its full steps stood at 0.90 (1024 questions). So
the step shortcut works in a student that was trained to be cut, and not in one that was not.

**What to expect.** Written when the rule had been seen on student 1 with routers of seed 7, and
before those of seeds 0..2 were trained: 0.66 to 0.67 of the latent layers, answers within half a
point of full steps; s15-work reproduced, s15-half not, by arithmetic: steps that change the value
run 5.5 layers on average, and they alone are 0.55 of all layers where half as many steps take 0.53.
s15-4 reproduced if the curve of each batch moves, since routers are less sure of a step that was
handed over; s15-depth undecided; s15-step stays reproduced.

**What was seen.** Seeds 0..2, three trained models, six batches of 64 questions, prefill. At 0.5
0.997, 0.997, 1.000 right where full latent steps have 0.995, 0.995, 0.990 and spoken ones 1.000, on
23.9, 24.2, 24.3 latent layers of 36.3 to 36.5: trivial steps run 1.7 layers, critical ones 5.5
(those that are handed over to run 4). It makes *fewer* mistakes than full steps, as a trivial step
that leaves cannot go wrong. Against the statics of this layout and `step_oracle` H = 0.69 [0.34,
0.94]; the depth shortcut alone 0.49 [-0.11, 0.61].

Reproduced: s15-1 (0.998 [0.995, 1.000] of spoken steps), s15-2 (below), s15-3, s15-3-terse (0.022
and 0.124 of the tokens), s15-work (0.662 [0.653, 0.672] of the latent layers), s15-critical (3.14
[3.10, 3.21]), s15-shuffled (+0.303 [0.258, 0.352] over layers run), s15-random (2.10 [1.90, 2.28])
and s15-4 (0.53 [0.12, 0.83]): layers rise in step with the threshold, but from 0.3 to 0.9 by 0.1 to
0.3 % alone, so the order is right and the control is worth little. *Undecided*: s15-step, +0.010
[-0.002, 0.020], which was expected to stay reproduced; the step shortcut alone answers 0.997,
0.984, 0.987 on 25.8 to 26.3 layers, and in seed 0 there is nothing to gain. *Undecided*: s15-depth,
+0.002 [-0.005, 0.015]: the depth shortcut alone answers 0.995, 1.000, 1.000 on 26.4 to 26.7 layers,
all that there is to answer, so beside it the step shortcut saves a tenth of the latent layers at
equal answers, and a front of answers does not show that.

*Not reproduced*: s15-half, 1.24 [1.22, 1.26]: half as many full steps run 19.4 latent layers, but
answer 0.60 to 0.65. Three rules for trivial steps were tried: running on after a hand-over (0.714
of the layers), handing on again (0.65 of them, and a fifth of the answers lost), leaving without
handing on (0.662). None can come below 0.53, as critical steps alone run 0.53 to 0.55, and this
student's cannot be cut: made to leave after 5 layers, through adapters taught for it, 0.851 of 1024
questions are right, after 4 layers 0.199, after all six 0.998 (student 1, adapters of seed 7, 250
steps, labels in the routers' place, questions of stage 2's own stream).

*Where answers are lost.* Wrong answers to 2048 questions of that stream on which no score is taken
(key 555), by student 0, 1, 2, at 0.5:

    full steps 7, 8, 15
    both       2, 4, 7        labels in the routers' place 0, 2, 6
    depth      9, 1, 4                                     1, 1, 2
    step       3, 22, 29                                   2, 22, 27

So the step shortcut alone loses what the *student* cannot hand over, which no router wins back, and
in student 0 that is nothing: hence s15-step. The depth shortcut alone loses what a wrong router
loses and hardly more; no front lies above all answers: hence s15-depth. *A longer stage 2*, 600
steps for 250 (85 to 101 CPU s each), has 4, 3, 4 wrong with both shortcuts and 3 with the depth
shortcut of student 0: not better for every student, so it was not adopted.

*Time*, quiet machine, all timings valid, six batches, three repeats: one question at a time 0.194
[0.168, 0.211] of spoken steps (s15-2 reproduced); but full latent steps are as fast (means of 38 ms
for four questions, here 37 to 40), and sixteen together are slower (25 to 28 ms against 19 to 23).
The layers that are saved do not become time at width 64: routers, adapters and gathered caches cost
as much.

*Shuffled labels* do not keep routers from the truth: at 0.5 they let trivial steps go more often
than critical ones (3.5 to 4.5 layers against 5.9), since the loss of the answer tells which steps
may leave. They are worse over layers run, not blind.

Seeds 100..102 read the same three models on other questions: s15-1 (0.996 [0.985, 1.001]), s15-work
(0.668 [0.658, 0.679]), s15-3, s15-3-terse, s15-critical, s15-shuffled and s15-random reproduced,
s15-half not (1.25 [1.24, 1.27]), s15-depth (-0.003 [-0.016, 0.001]) and s15-step (+0.005 [-0.001,
0.020]) undecided, as here. s15-4 is undecided there (0.63 [-0.17, 1.11]): with routers so sure of
themselves its verdict hangs on a few steps of a batch.

*In which order.* A first stage 2 with a threshold of 0.9 taught routers to leave wherever a step is
trivial and asked a step before it had run a layer; its routers of seed 0 never got sure (w below
0.9), and all steps ran. Then came the labels of `shortcuts.py`, chosen on other questions
of seed 0 alone, with a step that was handed over running to its end (s15-work 0.714 [0.705, 0.725],
*direction only*; s15-4 undecided, s15-step +0.008 [0.001, 0.017]). Then the rule above. Thresholds
and claims of the cards stayed.

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
            paper="accuracy comparable to CoT fine-tuning on GSM8K; the card's criterion 1",
            expect=Ratio("accuracy", against="cot", low=0.97),
        ),
        Claim(
            id="s15-2",
            says="One question at a time it takes at most a quarter of the time of spoken steps.",
            paper="over 20x faster on GSM8K; the card's criterion 4 expects 4x to 10x here",
            expect=Ratio("latency_s", against="cot", high=0.25, where={"mode": "decode1"}),
        ),
        Claim(
            id="s15-2-paper",
            says="It is 20 times as fast as spoken steps.",
            paper="20.27x on GSM8K",
            expect=OutOfReach(
                "it needs traces as long as those of GSM8K; ours have 30 to 58 tokens"
            ),
            scale="paper",
        ),
        Claim(
            id="s15-3",
            says="It generates at most a fifth of the language tokens of verbose steps.",
            paper="92.31 % fewer; the card's criterion 3: at least 80 %",
            expect=Ratio("tokens_language", against="cot", high=0.2),
        ),
        Claim(
            id="s15-3-terse",
            says="It generates at most a fifth of the language tokens of terse steps.",
            paper="our control: the trace without filler",
            expect=Ratio("tokens_language", against="cot", high=0.2, where={"trace": "terse"}),
        ),
        Claim(
            id="s15-4",
            says="The threshold sets the latent layers that run, without training again.",
            paper="inference-time budget control; no number",
            expect=Monotone("executions_latent", over="lambda_depth", rising=True),
        ),
        Claim(
            id="s15-work",
            says="It runs at most 70 % of the latent layers of full steps, within a point.",
            paper="the card's criterion 2",
            expect=Ratio(
                "executions_latent", against="latent_cot", high=0.7, keeping={"accuracy": 0.01}
            ),
        ),
        Claim(
            id="s15-half",
            says="It runs fewer layers than half as many full steps, within a point.",
            paper="our control: is it more than fewer steps?",
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
            paper="the card's criterion 5",
            expect=Ratio("critical_over_trivial", against="latent_cot", low=1.0),
        ),
        Claim(
            id="s15-shuffled",
            says="Over layers run it answers more than routers taught by shuffled labels.",
            paper="the card's criterion 5",
            expect=Frontier("executions", "accuracy", against="shuffled_shortcuts"),
        ),
        Claim(
            id="s15-random",
            says="It answers more than random shortcuts at its rates.",
            paper="our control",
            expect=Ratio("accuracy", against="random_shortcuts", low=1.0),
        ),
        Claim(
            id="s15-depth",
            says="Over layers run it answers at least as much as the depth shortcut alone.",
            paper="the card's criterion 6",
            expect=Frontier("executions", "accuracy", against="depth_shortcut"),
        ),
        Claim(
            id="s15-step",
            says="Over layers run it answers at least as much as the step shortcut alone.",
            paper="the card's criterion 6",
            expect=Frontier("executions", "accuracy", against="step_shortcut"),
        ),
    ),
)


def prepare(task: StepTask, point: Point, seed: int) -> ShortenedSolver:
    """Restore the student with both shortcuts."""
    return task.shortened("both")


def solve(solver: ShortenedSolver, exam: Exam, point: Point) -> Solution:
    """Think with shortcuts, then answer."""
    return solver.think(exam, float(point["lambda_depth"]))
