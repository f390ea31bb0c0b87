"""Works on in a thread while no clock runs."""

import threading
import time

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Works between", role="static")


def ahead() -> None:
    """Do the work of the next case."""
    time.sleep(3600)


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Answer, and leave somebody at work."""
    guess = 1.0
    for _ in range(30):
        guess = task.step(case, guess)
    threading.Thread(target=ahead, name="ahead", daemon=True).start()
    return guess
