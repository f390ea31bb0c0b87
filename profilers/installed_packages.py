"""What installed packages offer under a group of entry points; one whose entry points are broken offers nothing, and is named."""

import importlib.metadata
import logging
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint

log = logging.getLogger(__name__)

VALUE = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[.*\])?")
"""`package.module`, or `package.module:attribute`, with extras or without."""


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group in order of their names; of two of one name the first on the path."""
    return _entry_points(group, tuple(sys.path))


def forget() -> None:
    """Look for entry points anew: a folder that is on the path has got another package."""
    _entry_points.cache_clear()


@lru_cache(maxsize=8)
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Look through everything installed, which takes long: once a path."""
    del path
    found: dict[str, EntryPoint] = {}
    for package in importlib.metadata.distributions():
        for point in _own_points(package, group):
            found.setdefault(point.name, point)
    return tuple(found[name] for name in sorted(found))


def _own_points(package: Distribution, group: str) -> Iterator[EntryPoint]:
    """Yield what one package offers; its file is read, and only where it names the group taken apart."""
    try:
        if f"[{group}]" not in (package.read_text("entry_points.txt") or ""):
            return
        points = [point for point in package.entry_points if point.group == group]
    except (AttributeError, OSError, TypeError, ValueError) as problem:
        log.warning("The entry points of %s are left out: %s.", _name(package), problem)
        return
    for point in points:
        if VALUE.fullmatch(point.value.strip()):
            yield point
        else:
            log.warning(
                "The entry point %s = %s of %s is left out: it names no module.",
                point.name, point.value, _name(package),
            )  # fmt: skip


def _name(package: Distribution) -> str:
    return str(package.metadata["Name"])
