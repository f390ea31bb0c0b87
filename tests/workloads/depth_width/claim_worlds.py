"""Made-up records of a task, judged by the cards as they are."""

import random
from collections.abc import Mapping
from dataclasses import replace

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record

SEEDS, CASES, NOISE = range(5), range(6), 0.004
Values = Mapping[str, float]


def judged(task: str, values: Mapping[str, Values]) -> dict[str, ClaimRow]:
    """Return the verdict on each claim of a task, by id, where methods measure `values`.

    Every method stands at its defaults; each value wavers a little from case to case. A made-up world has room: gates that a task
    fails close no claim here.
    """
    entries = {name: registry.find(f"{task}/{name}") for name in values}
    records = [
        _record(task, name, entry.card.defaults, values[name], seed, case)
        for name, entry in entries.items()
        for seed in SEEDS
        for case in CASES
    ]
    known = {entry.address: entry.card for entry in registry.methods(task).values()}
    cards = {entry.address: known[entry.address] for entry in entries.values()}
    rows = verdicts(records, {task: replace(registry.find(task).card, shown=())}, cards)
    return {row.id: row for row in rows}


def _record(
    task: str, name: str, point: Mapping[str, str | float], values: Values, seed: int, case: int
) -> Record:
    conditions = registry.find(task).card.defaults
    cell = Cell(task, name, dict(point), conditions, "embedded", seed)
    draw = random.Random(f"{name} {seed} {case}")
    found = {key: value * (1 + NOISE * (draw.random() - 0.5)) for key, value in values.items()}
    return Record(cell, "solve", case, 0, "ok", found, "", "")
