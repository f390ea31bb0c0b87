"""The first cheat of a card, not of code: its claim is as true of a coin that adapts to nothing."""

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Claim, Point, Ratio

CARD = Card(
    title="stop when the guess settles, roughly",
    paper="none: a demonstration",
    adapts="iterations, on the last relative change, per number",
    claims=(
        Claim(
            id="TH-1",
            says="fewer iterations than the static setting that is right everywhere",
            source="measured",
            paper="half of them",
            effect=0.5,
            expect=Ratio("steps", "fixed", where={"steps_each": 16}),
        ),
    ),
)


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Stop after a step that changed the guess by less than a tenth."""
    guess, change = 1.0, 1.0
    while change > 0.1:
        better = task.step(case, guess)
        guess, change = better, abs(better - guess) / better
    return guess
