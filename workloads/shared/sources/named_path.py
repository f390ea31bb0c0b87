"""A path that a user named: whether a file or a folder is there, or nobody here may look."""

from collections.abc import Callable
from pathlib import Path

from adabench.harness.errors import SelectionError


def is_file(place: Path) -> bool:
    """Return whether there is a file.

    Raises:
        SelectionError: if a folder on its way is closed to this user, or it can be no path.
    """
    return _looked(place, place.is_file)


def is_folder(place: Path) -> bool:
    """Return whether there is a folder.

    Raises:
        SelectionError: if a folder on its way is closed to this user, or it can be no path.
    """
    return _looked(place, place.is_dir)


def _looked(place: Path, look: Callable[[], bool]) -> bool:
    try:
        return look()
    except OSError as problem:
        raise SelectionError(
            f"{str(place)[:200]} cannot be looked at: {problem.strerror}.",
            "Correct the path, or open its folders to this user.",
        ) from problem
