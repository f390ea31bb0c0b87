"""What other packages bring: the modules of their tasks and methods, found and not imported.

Installed packages have entry points. A package that is being written has them in its pyproject.toml, and is found
from the folder that this file lies in, and from the folder above it.
"""

import importlib.util
import os
import sys
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from adabench.profilers import installed_packages

PROJECT = "pyproject.toml"
GROUPS = ("adabench.tasks", "adabench.methods")


def find_module(module: str) -> Path | None:
    """Find a module's file without importing its package."""
    top, _, rest = module.partition(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    stems = [Path(place, *rest.split(".")) for place in spec.submodule_search_locations or ()]
    files = [stem.with_suffix(".py") for stem in stems] + [stem / "__init__.py" for stem in stems]
    return next((file for file in files if file.is_file()), None)


def entry_points(group: str) -> list[tuple[str, str]]:
    """Return the names of a group and the modules that stand for them."""
    here = _points_here(os.getcwd())
    found = {point.name: point.value for point in installed_packages.entry_points(group)}
    return sorted({**here.get(group, {}), **found}.items())


@lru_cache(maxsize=8)
def _points_here(folder: str) -> dict[str, dict[str, str]]:
    """Return the entry points of packages that lie here, by group; their folders join the path, behind all others."""
    found: dict[str, dict[str, str]] = {}
    for project in _projects(folder):
        own = _own_points(project)
        if own and str(project.parent) not in sys.path:
            sys.path.append(str(project.parent))
        for group, points in own.items():
            found.setdefault(group, {}).update(points)
    return found


def _projects(folder: str) -> Iterator[Path]:
    """Yield the project files of a folder and of those in it."""
    try:
        with os.scandir(folder) as entries:
            homes = sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        homes = []
    for home in (folder, *homes):
        if os.path.isfile(os.path.join(home, PROJECT)):
            yield Path(home, PROJECT)


def _own_points(project: Path) -> dict[str, dict[str, str]]:
    """Return the entry points of a project by group; none of a file that says nothing of adabench, or is broken."""
    try:
        text = project.read_text(encoding="utf-8")
        if not any(group in text for group in GROUPS):
            return {}
        groups = tomllib.loads(text)["project"]["entry-points"]
        return {group: dict(groups[group]) for group in GROUPS if group in groups}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def forget_plugins() -> None:
    """Look for entry points anew: a folder that is on the path has got another one."""
    installed_packages.forget()
    _points_here.cache_clear()
