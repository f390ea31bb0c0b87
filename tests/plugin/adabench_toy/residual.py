"""Iterate until the guess no longer moves: compute follows difficulty."""

from adabench.harness.contract.card import Card, Claim, Knob, Monotone, Point, Ratio
from adabench_toy.task import Iteration, Number, change

CARD = Card(
    title="stop when the guess settles",
    paper="none: a demonstration",
    adapts="iterations, on the last relative change, per number",
    signal=("adabench_toy.task:change",),
    knobs=(Knob("tolerance", (1e-2, 1e-4, 1e-6), 1e-6),),
    claims=(
        Claim(
            id="T-1",
            says="fewer iterations than the static setting that is right everywhere",
            source="own",
            paper="-",
            effect=None,
            expect=Ratio("steps", "fixed", high=0.9, keeping={"right": 0.01},
                         where={"steps_each": 16}),
        ),
        Claim(
            id="T-2",
            says="wider spreads cost more",
            source="own",
            paper="-",
            effect=None,
            expect=Monotone("steps", "spread", rising=True, tolerance=0.1),
        ),
    ),
)  # fmt: skip


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Stop after a step that changed the guess by less than the tolerance."""
    guess, moved = 1.0, 1.0
    while moved > float(point["tolerance"]):
        better = task.step(case, guess)
        guess, moved = better, change(better, guess)
    return guess
