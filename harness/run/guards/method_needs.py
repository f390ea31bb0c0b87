"""What the process of one method must reach beside what all of them may: said by the run, where conditions are known."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adabench.harness.contract.registry import Entry

CLOSED = ("data", "delays", "trace")
"""Conditions whose files hold what a run asks for and scores by: the run reads them, and a method does not."""
OPEN_DATA = ("pretrained",)
"""Tasks whose `data` is text that has no answers, read where it is used."""
WRITTEN = ("folder",)
"""Conditions that name a folder to be written."""
PACKAGED = "smollm2"
"""The model whose weights come as a package."""
SERVED = ("://", "litellm:")
"""Marks of a condition that takes the network."""


@dataclass(frozen=True)
class MethodNeeds:
    """What the process of one method must reach beside what all of them may."""

    task: str
    """The folder of its task."""
    folder: str
    """The method's own."""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    """Files that stay closed, wherever they lie."""
    converts: bool = False
    """Whether its model is one of a package, which is converted into the cache where that was not done yet."""
    network: bool = False
    truth: bool = False
    """Whether it is an oracle, or tries the rules of a task."""
    on_device: bool = False
    in_processes: bool = False
    """Whether its solves run in several processes, which share memory and talk by TCP."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def needs_from_json(plain: Mapping[str, Any]) -> MethodNeeds:
    """Rebuild needs from plain data."""
    lists = {name: tuple(plain[name]) for name in ("read", "write", "closed")}
    return MethodNeeds(**{**plain, **lists})


def method_needs(
    task: Entry,
    method: Entry,
    conditions: Mapping[str, Any],
    meters: tuple[str, ...] = (),
    *,
    truth: bool = False,
    on_device: bool = False,
    in_processes: bool = False,
) -> MethodNeeds:
    """Return what a method needs under some conditions, measured by some meters."""
    places: dict[str, list[str]] = {"read": [], "write": [], "closed": []}
    words = {name: value for name, value in conditions.items() if isinstance(value, str)}
    for name, value in words.items():
        closed = name in CLOSED and task.address not in OPEN_DATA
        if name == "data" and value.startswith("bank:"):
            closed = False  # samples of a model, read where they are handed out
        kind = "closed" if closed else "write" if name in WRITTEN else "read"
        places[kind] += _named(value)
    places["read"] += [path for meter in meters for path in _named(meter)]
    served = any(mark in value for value in words.values() for mark in SERVED)
    return MethodNeeds(
        task=str(task.path.parent),
        folder=str(method.path.parent),
        read=tuple(places["read"]),
        write=tuple(places["write"]),
        closed=tuple(places["closed"]),
        converts=PACKAGED in words.values(),
        network=served or in_processes,
        truth=truth,
        on_device=on_device,
        in_processes=in_processes,
    )


def _named(words: str) -> Iterator[str]:
    """Yield the places that a value names: it itself, what follows its kind, what its column follows."""
    rest = words.partition(":")[2]
    for part in {words, rest, words.rpartition(":")[0], rest.rpartition(":")[0]}:
        if part and os.path.exists(part):
            yield str(Path(part).resolve())
