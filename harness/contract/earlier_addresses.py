"""What was recorded under an address of before, as it is called today.

A task's card names the records of other tasks that it took over (`Origin`), for example those of
`ledger` at `layout=qa`. A method's card names the address that it had before (`moved_from`); if another
method has that address today, records that lack one of that one's knobs are of before. Everything that reads a run reads its cells through here, so claims, reports
and comparisons see today's tasks and methods. What is on disk stays as it was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from adabench.harness.contract import registry
from adabench.harness.contract.card import Origin
from adabench.harness.contract.record import Cell, Record


def cells(recorded: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return cells as they are called today."""
    recorded = tuple(recorded)
    moves = _moves({cell.task for cell in recorded})
    found = [_today(cell, moves) for cell in recorded]
    names = _names({cell.task for cell in found})
    return tuple(_renamed(cell, names) for cell in found)


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


def _names(tasks: Iterable[str]) -> dict[str, tuple[str, frozenset[str]]]:
    """Return by address of before the name of today, and the knobs of who has that address now."""
    found = {}
    for task in sorted(tasks):
        if task not in registry.tasks():
            continue
        cards = {address: entry.card for address, entry in registry.methods(task).items()}
        for address, card in cards.items():
            if card.moved_from.startswith(f"{task}/"):
                heir = cards.get(card.moved_from)
                knobs = frozenset(knob.name for knob in heir.knobs) if heir else frozenset()
                found[card.moved_from] = address.partition("/")[2], knobs
    return found


def _renamed(cell: Cell, names: Mapping[str, tuple[str, frozenset[str]]]) -> Cell:
    if cell.address not in names:
        return cell
    name, knobs = names[cell.address]
    of_today = bool(knobs) and knobs <= cell.point.keys()
    return cell if of_today else replace(cell, method=name)


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
