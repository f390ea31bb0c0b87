"""Stops the server and the run, which would notice that it hangs."""

import os
import signal

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Stops the run", role="static")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Stop whoever waits."""
    os.kill(os.getppid(), signal.SIGSTOP)
    guess = 1.0
    for _ in range(30):
        guess = task.step(case, guess)
    return guess
