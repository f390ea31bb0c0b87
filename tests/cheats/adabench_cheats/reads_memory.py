"""Looks into the memory of the process that started it."""

import os

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Reads memory", role="static")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Read a page of the parent."""
    with open(f"/proc/{os.getppid()}/mem", "rb") as memory:
        memory.seek(id(task))
        memory.read(1)
    guess = 1.0
    for _ in range(30):
        guess = task.step(case, guess)
    return guess
