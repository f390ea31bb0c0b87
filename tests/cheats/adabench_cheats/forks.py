"""Lets children do the work, without end."""

import os
import time

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Forks", role="static")
PAUSE_S = 0.002
"""Without it there are thousands before the server looks, and killing them takes a minute."""


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Fork."""
    for _ in range(10000):
        if os.fork() == 0:
            time.sleep(3600)
            os._exit(0)
        time.sleep(PAUSE_S)
    return task.step(case, 1.0)
