"""Stops the processes of its rivals."""

import os
import signal
from pathlib import Path

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Stops rivals", role="static")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Stop every other process of the same parent, be it only to see whether one may."""
    parent = os.getppid()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        number, state = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        if int(state[1]) == parent and int(number) != os.getpid():
            os.kill(int(number), signal.SIGSTOP)
    os.kill(parent, 0)
    guess = 1.0
    for _ in range(30):
        guess = task.step(case, guess)
    return guess
