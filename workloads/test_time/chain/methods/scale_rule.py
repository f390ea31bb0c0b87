"""Modes by a rule: System 2 where the sub-problem itself says that it is hard.

The cheap rival of `scale`. Its difficulty is a logistic regression on what the sub-problem says (on
`chain`: the factor of a product), fitted to the same errors of System 1 on the `calibration` split.
It asks the policy nothing, so it costs no word before a mode is chosen, and it knows nothing of
which sub-problems of a kind the policy gets right.

    System 1 if sigmoid(a + b factor) <= tau, else System 2

**What to expect.** Written before measuring: it keeps System 2's accuracy at twice the share of
System 2 that `scale` needs, and for fewer words than that suggests, as nothing is begun in vain.

**Ways to fake it.** Fitting the line on test questions; a table of all products, which would be a
calculator.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import SubProblem, modes_of, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Modes by a rule",
    paper="our own: the cheap rival of chain/scale",
    adapts="which sub-problems get System 2, on what they say",
    conditions={"format": "splits", "trainings": 1},
    knobs=(
        Knob("tau", (0.0, 0.05, 0.1, 0.3, 1.0), 0.05, open=True, low=0.0, high=1.0),
        Knob("effort", (5,), 5, open=True, low=1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution whose modes a rule chose."""
    tau, modes = float(point["tau"]), modes_of(task)

    def choose(problem: SubProblem) -> bool:
        return modes.rule_difficulty(problem.goal) > tau

    with task.session(question) as session:
        work(session, modes, choose, effort=int(point["effort"]))
    return session.best
