"""Units of tests in groups: each runs in a process of its own, and shares there what its room shares.

A task's tests and conformance use the same kernels, weights and servers; files of another folder have
fixtures in common. A group that would take long is cut, so that the last one to end keeps nobody waiting.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tests.suite.costs import room_of
from tests.suite.dependencies import CONFORMANCE

LONGEST_S = 25.0
"""Processor seconds after which a group is cut, between files."""
WHOLE = ("docs",)
"""Rooms that are never cut: one fixture serves all of their files, and is most of the cost."""


@dataclass(frozen=True)
class Group:
    """Units that run in one process, one after another."""

    name: str
    units: tuple[str, ...]
    processor_s: float

    @property
    def files(self) -> list[str]:
        """The test files of the units."""
        return sorted({unit.partition("[")[0] for unit in self.units})


def group_units(units: Mapping[str, int], costs_s: Mapping[str, float]) -> list[Group]:
    """Return groups, the longest first; those of nearer units before all others.

    Args:
        units: the distance of each unit from what was edited; all equal if nothing was.
        costs_s: processor seconds of each unit.
    """
    folders: dict[tuple[int, str], list[str]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: (units[unit], unit)):
        folders[units[unit], folder_of(unit)].append(unit)
    merged: dict[str, tuple[int, list[str]]] = {}
    for (distance, folder), members in sorted(folders.items()):
        _, known = merged.setdefault(folder, (distance, []))
        known += members
    groups = [
        (nearest, piece)
        for folder, (nearest, members) in merged.items()
        for piece in _pieces(folder, members, costs_s)
    ]
    groups.sort(key=lambda one: (one[0], -one[1].processor_s, one[1].name))
    return [group for _, group in groups]


def folder_of(unit: str) -> str:
    """Return what a unit shares with others: a task, or a folder of tests."""
    room = room_of(unit)
    if room.startswith("task "):
        return room
    folders = unit.partition("[")[0].split("/")[1:-1]
    return "/".join(folders[:3]) or "tests"


def _pieces(folder: str, members: list[str], costs_s: Mapping[str, float]) -> list[Group]:
    """Cut a folder's units where the piece before has become long."""
    pieces: list[list[str]] = [[]]
    length = 0.0
    for unit in members:
        if pieces[-1] and length + costs_s[unit] > LONGEST_S and folder not in WHOLE:
            pieces.append([])
            length = 0.0
        pieces[-1].append(unit)
        length += costs_s[unit]
    names = [folder] if len(pieces) == 1 else [f"{folder} {n}" for n in range(1, len(pieces) + 1)]
    return [
        Group(name, tuple(piece), sum(costs_s[unit] for unit in piece))
        for name, piece in zip(names, pieces, strict=True)
    ]


def is_conformance(unit: str) -> bool:
    """Tell an address of the conformance suite from a file."""
    return unit.startswith(CONFORMANCE)
