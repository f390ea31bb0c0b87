"""At each step every factor that is left is tried, and the product that the policy is surest of is taken.

A static of the format `orders`. Where a policy knew which products it does not know, it would go round them, and
no vote would be worth its price. The teacher of this format believes what it misremembers, so confidence tells
nothing.

**What to expect.** Written before measuring: within four points of greedy, at about twice its work.

**Ways to fake it.** Products that are forced, or chosen by the table of what the teacher believes.
"""

from adabench.harness.contract.card import Ability, Card, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.substrate.order_decoders import (
    OpenSolution,
    begin,
    close_step,
    end,
    multiply,
    problem_in,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="The surest product next",
    adapts="nothing: every factor that is left is tried at every step",
    role="static",
    conditions={"format": "orders"},
    abilities=(Ability("orders"), Ability("logprobs")),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the solution of the surest products.

    Raises:
        CapabilityMissing: if the questions are of another format.
    """
    with task.session(question) as session:
        problem = problem_in(session)
        solution = begin(session.open(), problem)
        while solution.left:
            places = solution.left
            seqs = session.fork(solution.seq, len(places))
            session.close([solution.seq])
            tried = [OpenSolution(seq, solution.value, list(solution.slots)) for seq in seqs]
            sureness = multiply(session, tried, places)
            solution = tried[sureness.index(max(sureness))]
            session.close([one.seq for one in tried if one is not solution])
            close_step(session, [solution])
        end(session, [solution])
        session.offer(solution.seq.completion)
    return session.best
