"""Copies of methods that no package brings: a run keeps those of a notebook or a file that it ran."""

from pathlib import Path
from typing import NamedTuple

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.variants import cards_of

FOLDER = "methods"
"""The folder of a run that holds them."""


class MethodCopy(NamedTuple):
    """The copy that a method of a run stands in: its own, or that of the method it is a variant of."""

    address: str
    """Of the method whose file it is."""
    path: Path
    card: Card
    """Of the method that was looked for."""


def copy_of(run: Path, address: str) -> Path:
    """Return where a run keeps its copy of a method with a file."""
    return run / FOLDER / f"{address.replace('/', '_')}.py"


def find_copy(run: Path, address: str) -> MethodCopy | None:
    """Return the copy that has a method; None if the run keeps none.

    Raises:
        MethodContractError: if the card of a copy cannot be read.
    """
    task, _, name = address.partition("/")
    for path in sorted((run / FOLDER).glob(f"{task}_*.py")):
        base, card = path.stem.removeprefix(f"{task}_"), registry.read_card(path)
        found = dict(cards_of(base, card)).get(name) if card is not None else None
        if found is not None:
            return MethodCopy(f"{task}/{base}", path, found)
    return None
