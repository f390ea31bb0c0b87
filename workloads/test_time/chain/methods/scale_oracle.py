"""System 2 exactly where System 1 errs: the oracle of methods that choose modes.

Each sub-problem is answered in System 1 first, on the solution so far, and a grader says whether that
step is right. Where it is not, System 2 works it out. This is found out beforehand, in sessions
whose costs nobody counts; then the question is solved once more with the modes that were found, and
that is what it costs. Draws depend on their places alone, so the second time is like the first.

It is `exact` in where System 1 errs. Where System 2 errs as well its words are in vain, which a
deeper oracle would spare.

**What to expect.** Written before measuring: System 2's accuracy or a point more (it does not go wrong
where System 1 was right) at a share of System 2 of 12 % of products, 4 % of sub-problems.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.dual_modes import StepGrader, SubProblem, modes_of, work
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask

CARD = Card(
    title="System 2 where System 1 errs",
    adapts="which sub-problems get System 2, told where System 1 errs",
    role="oracle",
    oracle="exact",
    conditions={"format": "splits", "trainings": 1},
    knobs=(Knob("effort", (5,), 5, open=True, low=1),),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution that works out in parts what System 1 gets wrong."""
    effort = int(point["effort"])
    errors = errors_of_system1(task, question, effort)
    with task.session(question) as session:
        work(session, modes_of(task), lambda problem: problem.number in errors, effort=effort)
    return session.best


def errors_of_system1(task: GradedTask, question: Question, effort: int) -> frozenset[int]:
    """Return the numbers of the sub-problems that System 1 gets wrong on the way to the answer.

    Raises:
        CapabilityMissing: where nobody can say whether a step is right.
    """
    grader = task.grader
    if not isinstance(grader, StepGrader):
        raise CapabilityMissing(
            "Grades of steps: nobody knows whether a single step of this task is right.",
            "Run this oracle on chain at scale embedded.",
        )
    errors: set[int] = set()

    def choose(problem: SubProblem) -> bool:
        is_wrong = not grader.is_right_step(problem.answer_aside())
        if is_wrong:
            errors.add(problem.number)
        return is_wrong

    aside: QuestionTask = task.oracle_substrate()
    with aside.session(question) as session:
        work(session, modes_of(aside), choose, effort=effort)
    return frozenset(errors)
