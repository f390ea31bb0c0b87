"""The oracle: exactly as many iterations as the number needed, known in hindsight."""

from adabench.harness.contract.card import Card, Knob, Point
from adabench_toy.task import DIGITS, Iteration, Number

CARD = Card(
    title="least sufficient number of iterations",
    role="oracle",
    oracle="exact",
    knobs=(Knob("most", (4, 8, 12, 16), 16),),
)


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Iterate until right; give up after one on a number that `most` do not reach."""
    guess, needed = 1.0, 0
    while abs(guess * guess - case.value) > DIGITS * case.value:
        guess, needed = 0.5 * (guess + case.value / guess), needed + 1
    guess = 1.0
    for _ in range(needed if 0 < needed <= int(point["most"]) else 1):
        guess = task.step(case, guess)
    return guess
