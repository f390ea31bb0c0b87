"""What was recorded under an address of before, as it is called today.

A task's card names the records of other tasks that it took over (`Origin`), for example those of
`ledger` at `layout=qa`. Everything that reads a run reads its cells through here, so claims, reports
and comparisons see today's tasks and methods. What is on disk stays as it was written.
"""

from collections.abc import Iterable
from dataclasses import replace

from adabench.harness.contract import registry
from adabench.harness.contract.card import Origin
from adabench.harness.contract.record import Cell, Record


def cells(recorded: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return cells as they are called today."""
    recorded = tuple(recorded)
    moves = _moves({cell.task for cell in recorded})
    return tuple(_today(cell, moves) for cell in recorded)


def records(recorded: Iterable[Record]) -> list[Record]:
    """Return records with their cells as they are called today."""
    recorded = list(recorded)
    known = {record.cell.key: record.cell for record in recorded}
    today = dict(zip(known, cells(known.values()), strict=True))
    return [_under(record, today[record.cell.key]) for record in recorded]


def _under(record: Record, cell: Cell) -> Record:
    return record if cell == record.cell else replace(record, cell=cell)


def _moves(tasks: Iterable[str]) -> list[tuple[Origin, str, frozenset[str]]]:
    """Return the origins in these tasks, each with its task of today and that one's methods."""
    tasks = frozenset(tasks)
    return [
        (origin, entry.name, frozenset(one.name for one in registry.methods(entry.name).values()))
        for entry in registry.tasks().values()
        for origin in entry.card.origins
        if origin.task in tasks
    ]


def _today(cell: Cell, moves: Iterable[tuple[Origin, str, frozenset[str]]]) -> Cell:
    for origin, task, methods in moves:
        if (
            (cell.task, cell.scale) == (origin.task, origin.scale)
            and cell.method in methods
            and origin.where.items() <= cell.conditions.items()
        ):
            gone = {*origin.where, *origin.drops}
            left = {name: to for name, to in cell.conditions.items() if name not in gone}
            known = registry.find(task).card.scales
            scale = cell.scale if cell.scale in known else known[0]
            return replace(cell, task=task, conditions={**left, **origin.sets}, scale=scale)
    return cell
