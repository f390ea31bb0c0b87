"""`adabench run ./mine.py`: a method in a file that is in no package.

The task is that of the methods beside it, or the one that its card names (`tasks=("paging",)`), or it stands
before the file: `paging/mine=mine.py`.
"""

from collections.abc import Iterable
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.notebook.session_methods import add_method

SUFFIX = ".py"


def with_files(words: Iterable[str]) -> tuple[str, ...]:
    """Add the methods that stand in files, and return the selection with their addresses.

    Raises:
        SelectionError: for a file that cannot be read, or whose task nobody says.
        MethodContractError: for a file without a CARD.
    """
    selection = tuple(words)
    others = [word for word in selection if not word.endswith(SUFFIX)]
    return tuple(_address(word, others) if word.endswith(SUFFIX) else word for word in selection)


def _address(word: str, others: Iterable[str]) -> str:
    """Add the method of a file, and return its address."""
    address, _, path = word.rpartition("=")
    file = Path(path)
    if not file.is_file():
        raise SelectionError(
            f"There is no file {path}.", "A method is a .py file with a CARD and solve()."
        )
    address = address or f"{_task(file, others)}/{file.stem}"
    add_method(address, file)
    return address


def _task(file: Path, others: Iterable[str]) -> str:
    card = registry.read_card(file)
    if card is None:
        raise MethodContractError(f"{file} has no CARD.", "Give it one: CARD = Card(title=...).")
    tasks = card.tasks or tuple(dict.fromkeys(word.partition("/")[0] for word in others))
    if len(tasks) != 1:
        raise SelectionError(
            f"{file} does not say on which task it runs.",
            f"Name the task before it: adabench run paging/{file.stem}={file}, or beside it a method of it.",
        )
    return tasks[0]
