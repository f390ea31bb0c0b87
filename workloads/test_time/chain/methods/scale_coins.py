"""Random modes: chance says which sub-problems get System 2.

The control of every method that chooses modes by difficulty. Each sub-problem that has two modes gets
System 2 with probability `share`; the draw knows the run's seed, the question's index and the
sub-problem's number, and sees nothing else. At the same share of System 2 a method whose choice is
worth anything must answer more.

**What to expect.** Written before measuring: on the straight line between `sys1` and `sys2`.

**Ways to fake it.** Drawing again; a share of another kind than the method's.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import SubProblem, modes_of, thrown, work
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Random modes",
    adapts="which sub-problems get System 2, at random",
    role="control",
    control_of=("scale", "scale_rule"),
    conditions={"format": "splits", "trainings": 1},
    knobs=(
        Knob("share", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 0.2, open=True, low=0.0, high=1.0),
        Knob("effort", (5,), 5, open=True, low=1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution whose modes a coin chose."""
    share = float(point["share"])

    def choose(problem: SubProblem) -> bool:
        return thrown(task.seed, question.index, problem.number) < share

    with task.session(question) as session:
        work(session, modes_of(task), choose, effort=int(point["effort"]))
    return session.best
