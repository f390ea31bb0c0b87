"""The extras that a card names, and whether their distributions are installed."""

import importlib.metadata
import re
from collections.abc import Iterable

PACKAGE = "adabench"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")


def missing_extras(extras: Iterable[str]) -> list[str]:
    """Return those of some extras whose distributions are not all installed."""
    return [extra for extra in extras if not _extra_installed(extra)]


def install_line(extras: list[str]) -> str:
    """Return what to hand to pip for these extras."""
    return f"'adabench[{','.join(extras)}]'"


def _extra_installed(extra: str) -> bool:
    """Is every distribution of this extra, and of extras that it stands for, here? An extra we do not know is not."""
    needed = [
        _REQUIREMENT.findall(line)[0]
        for line in importlib.metadata.requires(PACKAGE) or ()
        if re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", line)
    ]
    return bool(needed) and all(
        not missing_extras(others.split(",")) if name == PACKAGE else is_installed(name)
        for name, others in needed
    )


def is_installed(distribution: str) -> bool:
    """Say whether a distribution is here, by its metadata."""
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
