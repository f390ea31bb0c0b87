"""The values of a record: joined from what a process and a task say, and checked."""

import math
from collections.abc import Mapping
from typing import Any

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError

TIMED = ("_s", "_j", "_bytes")
"""Ends of names that no lap repeats exactly."""


def check_laps(address: str, said: Mapping[str, Any], levels: frozenset[str]) -> None:
    """Refuse laps that did other work than the first: an answer that was remembered.

    Raises:
        MethodContractError: naming what the meter says.
    """
    laps = said["laps"]
    for name, first in said["counts"].items():
        total = said["metered"].get(name)
        if total is None or name in levels or name.endswith(TIMED):
            continue
        if not math.isclose(total, laps * first, rel_tol=1e-9, abs_tol=1e-9):
            raise MethodContractError(
                f"{address} did other work in later laps of a case than in the first: {name} is "
                f"{first:g} after one lap and {total:g} after {laps}.",
                "`solve` starts from the same state each time; it remembers no answers.",
            )


def check_values(
    address: str,
    values: Mapping[str, float],
    card: Card,
    scale: str = "",
    unseen: frozenset[str] = frozenset(),
) -> None:
    """Refuse what a method or task may not give.

    Raises:
        MethodContractError: for a value that is not a finite number, a negative cost, or a
            primary metric the task's card promises and does not give (at scale gpu weights are
            random and a task withholds its quality; `unseen` are those that nothing can see
            under its conditions).
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise MethodContractError(f"{address} gave {name} = {value}, which is not finite.")
    for metric in card.metrics:
        if metric.role in ("cost", "work") and values.get(metric.name, 0.0) < 0:
            raise MethodContractError(f"{address} gave a negative cost: {metric.name}.")
        withheld = scale == "gpu" and metric.role == "quality"
        absent = metric.name not in values and metric.name not in unseen
        if metric.primary and absent and not withheld:
            raise MethodContractError(
                f"{address} gave no {metric.name}, the task's primary {metric.role}."
            )


def join_values(address: str, *parts: Mapping[str, float]) -> dict[str, float]:
    """Merge values of different origin; a name must have one origin."""
    joined: dict[str, float] = {}
    for part in parts:
        twice = sorted(joined.keys() & part.keys())
        if twice:
            raise MethodContractError(f"{address}: {', '.join(twice)} is given twice.")
        joined |= part
    return joined
