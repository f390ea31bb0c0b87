"""SCALE: thinking for the hard sub-problems, plain answers for the others.

Four stages, all by one policy:

1. *Decompose.* `outlines` lists of sub-problems are written, and one is chosen.
2. *Assess.* Each sub-problem gets a difficulty d in [0, 1].
3. *Choose.* System 1 if d <= tau, else System 2 (`dual_modes.py`).
4. *Execute* in order; what was found so far is context of what comes next.

d is how probably System 1 errs, as the policy gives it away itself: a logistic regression on the
logarithm of its entropy before the first word of a direct answer, fitted to its own errors on the
`calibration` split. So a direct answer is begun everywhere, and where System 2 takes over that beginning is lost, and paid
for. `tau` = 0 is System 2 throughout, `tau` = 1 System 1. `effort` is the most ways of a System 2.

**What is simplified.** An outline has nothing to decide: a chain is decomposed already and the policy
never learned to write a list of it. The paper's eight are written all the same, held to copying, and
the likeliest is followed: pure cost, which `outlines=0` leaves out. The paper asks for d in words of
its own (64 tokens, the solutions so far as context); here three or four words do. Its thinking is
dropped before the next step; here it stays in the solution, as an answer must be what was decoded.

**The last step.** The release (XiaoYang66/DualThinking) overwrites the difficulty of the last step by
0.9, so that it always gets System 2 below that tau; the paper does not say so. `last=system2` does it.
The default, `last=score`, does not.

**What to expect.** Written before measuring on test questions, from the `dev` split, which also set tau:
System 2's accuracy within a point at a quarter of its products, on half of its words without
outlines. With them it writes more than `sys2`, so the paper's saving is not reproduced. Half of the
words of a vote of eight, at far more accuracy; points above chance, above `scale_rule` at the same
share. Accuracy falls with tau by a sixth, not by the paper's half.

**Ways to fake it.** A difficulty read from the generator, from the answer or from test questions.
Outlines, assessments and lost beginnings left out of the bill. The paper's 33 to 53 % are against
InftyThink, not against a chain of thought. A crippled System 1. The last step's override, unsaid.
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
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import SubProblem, modes_of, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="SCALE",
    paper="SCALE, arXiv 2512.00466, AAAI 2026",
    slug="scale",
    adapts="thinking or a plain answer for each sub-problem, on a difficulty that the policy gives away",
    fidelity="code-confirmed",
    conditions={"layout": "several"},
    knobs=(
        Knob("tau", (0.0, 0.02, 0.05, 0.2, 0.5, 1.0), 0.02, open=True, low=0.0, high=1.0),
        Knob("outlines", (0, 8), 8, open=True, low=0),
        Knob("effort", (1, 5), 5, open=True, low=1),
        Knob("last", ("score", "system2"), "score"),
    ),
    claims=(
        Claim(
            id="SC-1",
            says="At the same share of System 2, difficulty chooses better than chance, by a point.",
            source="headline",
            paper="selectively allocates computational resources based on sub-problem difficulty; "
            "superior resource utilization; no number, and no random choice in the paper",
            effect=None,
            expect=Frontier("sys2_share", "accuracy", against="scale_coins", low=0.01),
        ),
        Claim(
            id="SC-2",
            says="It answers 1.24 times as much as the policy without thinking, and saves what it says.",
            source="headline",
            paper="accuracy improvements of up to 13.75 percentage points (57.50 % to 71.25 % on "
            "AIME25) while reducing costs: a ratio of 1.239, against a plain chain of thought of Qwen3-32B "
            "at 3.5 times its tokens",
            effect=1.239,
            expect=Ratio("accuracy", against="sys1"),
            requires=("SC-3",),
        ),
        Claim(
            id="SC-2-uniform",
            says="It answers 1.24 times as much as thinking once about every sub-problem.",
            source="headline",
            paper="significantly outperforms uniform scaling baselines, by up to 13.75 percentage points "
            "(57.50 % to 71.25 % on AIME25, a ratio of 1.239): the plain chain of thought of the paper "
            "thinks, and costs a third of SCALE's tokens; one way for each product stands for it here",
            effect=1.239,
            expect=Ratio("accuracy", against="sys2", there={"effort": 1}),
        ),
        Claim(
            id="SC-3",
            says="It generates 33 % fewer words than uniform thinking, at its accuracy.",
            source="headline",
            paper="reducing computational costs by 33 %-53 %: against InftyThink, which thinks "
            "throughout (26,643 for 36,640 tokens on AIME25, 12,556 for 23,117 on AMC23), outlines "
            "and assessments included; System 2 throughout stands for it here",
            effect=0.67,
            share=1.0,
            expect=Ratio("generated", against="sys2", keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="SC-4",
            says="It generates half of the words of a vote of eight, at its accuracy.",
            source="measured",
            paper="two to three times fewer tokens than majority voting of 8, at competitive accuracy "
            "(84.20 for 75.83 on average of Qwen3-32B, 76.04 for 78.33 of Distill-Qwen-32B)",
            effect=0.5,
            share=1.0,
            expect=Ratio(
                "generated", against="majority", keeping={"accuracy": 0.01}, there={"N": 8}
            ),
        ),
        Claim(
            id="SC-5",
            says="Accuracy falls as tau rises.",
            source="measured",
            paper="AIME24: 78.75 % at tau 0.2, 74.58 % at 0.5, 27.50 % at 0.9 (Qwen3-32B)",
            effect=-0.5125,
            expect=Monotone("accuracy", over="tau", rising=False, tolerance=0.02),
        ),
        Claim(
            id="SC-6",
            says="Accuracy rises with what a System 2 may spend.",
            source="measured",
            paper="it rises monotonically with the cap from 4k to 32k tokens, steeply on AIME, flat on "
            "AMC (Figure 2); no number that could be read off",
            effect=None,
            expect=Monotone("accuracy", over="effort", rising=True, tolerance=0.02),
        ),
        Claim(
            id="SC-7",
            says="A model that is trained on its solutions answers more.",
            source="measured",
            paper="AIME24 of Llama3.3-70B rises from 24.58 to 63.51 by SFT on 800 of its traces",
            effect=0.3893,
            expect=OutOfReach("The policy learned both modes from worked solutions already."),
        ),
        Claim(
            id="SC-words",
            says="Without outlines it keeps System 2's accuracy on three quarters of its words.",
            source="own",
            paper="the chain is decomposed already, so what choosing saves shows without outlines",
            effect=None,
            expect=Ratio(
                "generated", against="sys2", high=0.75, keeping={"accuracy": 0.01},
                where={"outlines": 0},
            ),
        ),
        Claim(
            id="SC-rule",
            says="At the same share, the policy's own doubt chooses better than the factor's size.",
            source="own",
            paper="the honest cheap rival: a difficulty that the question shows needs no model",
            effect=None,
            expect=Frontier("sys2_share", "accuracy", against="scale_rule", low=0.0),
        ),
    ),
)  # fmt: skip
OVERRIDE = 0.9
"""The release's difficulty of a last step."""


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution in which hard sub-problems were worked out in parts."""
    tau, is_overridden = float(point["tau"]), point["last"] == "system2"

    def choose(problem: SubProblem) -> bool:
        difficulty = problem.difficulty()
        return (OVERRIDE if is_overridden and problem.is_last else difficulty) > tau

    with task.session(question) as session:
        session.require("allow", "watch")
        work(
            session,
            modes_of(task),
            choose,
            effort=int(point["effort"]),
            outlines=int(point["outlines"]),
        )
    return session.best
