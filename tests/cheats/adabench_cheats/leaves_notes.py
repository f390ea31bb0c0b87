"""Leaves notes for its next run in a file beside those of the system."""

from pathlib import Path

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Leaves notes", role="static")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Write down what was found before it is asked again."""
    with Path("/tmp/adabench-notes").open("a") as notes:
        notes.write(f"{case.value}\n")
    guess = 1.0
    for _ in range(30):
        guess = task.step(case, guess)
    return guess
