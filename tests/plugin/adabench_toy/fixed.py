"""The same number of iterations for every number."""

from adabench.harness.contract.card import Card, Knob, Point
from adabench_toy.task import Iteration, Number

CARD = Card(
    title="fixed number of iterations",
    role="static",
    knobs=(Knob("steps_each", (4, 8, 12, 16), 8),),
)


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Iterate `steps_each` times from 1."""
    guess = 1.0
    for _ in range(int(point["steps_each"])):
        guess = task.step(case, guess)
    return guess
