"""Solutions whose orders are held: the task says which factor comes next, the policy states the products.

A static of the format `orders`, and the cheapest way past a policy that chooses badly or copies wrongly. With `N`
above 1 so many orders, all at random, take a vote: what sampling gives, without its slips. If it were better than
greedy answers at one order, or than as many samples at N, the questions would be repaired by a rule and not by votes.

**What to expect.** Written before measuring: within four points of greedy at every order, and of the majority of as
many samples at N = 16, since which products a policy misremembers does not depend on where they come.

**Ways to fake it.** Forced products. An order that is chosen by the table of what the teacher believes.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.substrate.order_decoders import (
    begin,
    close_step,
    end,
    multiply,
    problem_in,
)
from adabench.workloads.test_time.chain.substrate.order_problems import Product
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="Held orders",
    adapts="nothing",
    role="static",
    conditions={"format": "orders"},
    abilities=(Ability("orders"),),
    knobs=(
        Knob("order", ("random", "stated", "small", "large"), "random"),
        Knob("N", (1, 16), 1, open=True, low=1),
    ),
)
_ORDERS = 0x0DE5
"""Keys the random numbers of orders apart from those of words."""


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the earliest solution that states the winning answer.

    Raises:
        CapabilityMissing: if the questions are of another format.
    """
    count = int(point["N"])
    with task.session(question) as session:
        problem = problem_in(session)
        keys = [mix(_ORDERS, task.seed, question.index, i) for i in range(count)]
        orders = [places(problem, str(point["order"]), key) for key in keys]
        seqs = session.fork(session.open(), count)
        solutions = [begin(seq, problem) for seq in seqs]
        for taken in zip(*orders, strict=True):
            multiply(session, solutions, taken)
            close_step(session, solutions)
        end(session, solutions)
        with session.aside():
            session.offer(vote([seq.completion for seq in seqs], [1.0] * count, session.answer))
    return session.best


def places(problem: Product, order: str, key: int) -> list[int]:
    """Return the places of the factors in the order in which they are taken."""
    stated = list(range(len(problem.factors)))
    if order == "random":
        return [int(place) for place in np.random.default_rng(key).permutation(stated)]
    if order == "stated":
        return stated
    return sorted(stated, key=lambda place: problem.factors[place], reverse=order == "large")
