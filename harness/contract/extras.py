"""The extras that a card names, and whether their distributions are installed."""

import importlib.metadata
import re
from collections.abc import Iterable


def missing_extras(extras: Iterable[str]) -> list[str]:
    """Return those of some extras whose distributions are not all installed."""
    return [extra for extra in extras if not _extra_installed(extra)]


def install_line(extras: list[str]) -> str:
    """Return what to hand to pip for these extras."""
    return f"'adabench[{','.join(extras)}]'"


def _extra_installed(extra: str) -> bool:
    """Is every distribution of this extra here? An extra we do not know is not."""
    needed = [
        re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        for line in importlib.metadata.requires("adabench") or ()
        if re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", line)
    ]
    return bool(needed) and all(map(is_installed, needed))


def is_installed(distribution: str) -> bool:
    """Say whether a distribution is here, by its metadata."""
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
