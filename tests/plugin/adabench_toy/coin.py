"""The control: as many iterations on average, handed out by a coin."""

import random

from adabench.harness.contract.card import Card, Point
from adabench_toy.task import Iteration, Number

CARD = Card(title="random number of iterations", role="control")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Draw the number of iterations without looking at the number."""
    del point
    guess = 1.0
    for _ in range(random.Random(case.coins).randrange(2, 12)):
        guess = task.step(case, guess)
    return guess
