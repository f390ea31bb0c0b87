"""Where the files of built-in tasks and methods lie, and what they are called as modules."""

import importlib.util
import os
import sys
from functools import lru_cache
from pathlib import Path

PACKAGE = "adabench.workloads"
TASK = "task.py"  # in a folder of `workloads/`, or of a family there
State = tuple[str, int, int]
"""A file's path, and two numbers that change when it does; zeros if it is not there."""


def roots() -> list[Path]:
    """Return the folders of the built-in workloads."""
    return _roots_on(tuple(sys.path))


def root_of(path: Path) -> Path:
    """Return the folder of the built-in workloads that a file lies in."""
    return next(root for root in roots() if path.is_relative_to(root))


@lru_cache(maxsize=8)
def _roots_on(path: tuple[str, ...]) -> list[Path]:
    """Look for the package once a path: every built-in file's module name asks for it."""
    del path
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    return [Path(place) for place in places or ()]


def task_files() -> list[Path]:
    """Return the `task.py` of every built-in task, in the order of the tasks' names."""
    files = [
        Path(folder, TASK)
        for root in roots()
        for home in _folders(str(root))
        for folder in (home, *_folders(home))
        if os.path.exists(os.path.join(folder, TASK))
    ]
    return sorted(files, key=lambda path: (path.parent.name, path))


def _folders(home: str) -> list[str]:
    """Return the folders in one, as text: making a `Path` takes longer, and a run asks often."""
    with os.scandir(home) as entries:
        return [entry.path for entry in entries if entry.is_dir()]


def method_files(home: Path) -> list[Path]:
    """Return the files in the `methods/` of a task or a family that are methods by their place."""
    folder = str(home / "methods")
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        found = [
            os.path.join(entry.path, f"{entry.name}.py") if entry.is_dir() else entry.path
            for entry in entries
        ]
    return sorted(
        (_path(path) for path in found if path.endswith(".py") and os.path.exists(path)), key=_stem
    )


@lru_cache(maxsize=2048)
def _path(text: str) -> Path:
    """Return a path; making one takes longer than to ask whether it is there."""
    return Path(text)


def _stem(path: Path) -> str:
    return path.stem


@lru_cache(maxsize=2048)
def module_name(path: Path) -> str:
    """Return the dotted name of a built-in file."""
    return ".".join((PACKAGE, *path.relative_to(root_of(path)).with_suffix("").parts))


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
