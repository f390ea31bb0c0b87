"""The state of a file: what is made from a file is made once for each of its states."""

import os

State = tuple[str, int, int]
"""Its path, and two numbers that change when it does; zeros if it is not there."""


def file_state(file: str | os.PathLike[str]) -> State:
    """Return the state of a file."""
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return os.fspath(file), 0, 0
    return os.fspath(file), found.st_mtime_ns, found.st_size


def folder_states(folder: str) -> list[State]:
    """Return the states of the files in a folder; none if it is not there."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return [file_state(entry) for entry in entries]
