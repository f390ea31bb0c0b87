"""What other packages bring: the modules of their tasks and methods, found and not imported."""

import importlib.metadata
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path


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
    return _points(group, tuple(sys.path))


@lru_cache(maxsize=8)
def _points(group: str, path: tuple[str, ...]) -> list[tuple[str, str]]:
    """Look through everything installed, which takes longer than all else here: once a path."""
    del path
    return sorted(
        (point.name, point.value) for point in importlib.metadata.entry_points(group=group)
    )


def forget_plugins() -> None:
    """Look for entry points anew: a folder that is on the path has got another one."""
    _points.cache_clear()
