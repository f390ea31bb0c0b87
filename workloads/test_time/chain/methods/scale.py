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

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import SubProblem, modes_of, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="SCALE",
    paper="SCALE, arXiv 2512.00466, AAAI 2026",
    slug="scale",
    adapts="thinking or a plain answer for each sub-problem, on a difficulty that the policy gives away",
    signal=("test_time.substrate.dual_modes:SubProblem.difficulty",),
    fidelity="code-confirmed",
    conditions={"format": "splits", "trainings": 1},
    knobs=(
        Knob("tau", (0.0, 0.02, 0.05, 0.2, 0.5, 1.0), 0.02, open=True, low=0.0, high=1.0),
        Knob("outlines", (0, 8), 8, open=True, low=0),
        Knob("effort", (1, 5), 5, open=True, low=1),
        Knob("last", ("score", "system2"), "score"),
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
