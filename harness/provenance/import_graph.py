"""Which modules a module imports, directly or through one another, read without importing any.

Only *own* packages are followed: adabench, and the packages of the modules that one starts from. A
plug-in's helpers count, in its package and in others of the same distribution, numpy does not.
What counts of an import is what runs:

- Imports at any depth count: one inside a function runs when the function is called.
- Imports under `if TYPE_CHECKING:` do not count: they never run.
- `from a.b import c` means the module `a.b.c` if there is one, else the module `a.b`.
- The `__init__.py` of every package that a plug-in's module lies in counts, since importing the
  module runs it. adabench's own does not: its names are lazy and lead to everything.
- A module that is named in a string only (`importlib.import_module`) is not seen.

A file that is no valid Python counts and imports nothing: it fails when it is loaded.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from adabench.harness.provenance import syntax
from adabench.harness.provenance.syntax import Import, Syntax
from adabench.profilers import installed_packages

OURS = "adabench"
GROUPS = ("adabench.methods", "adabench.tasks")
"""Entry points of plug-ins."""
Reader = Callable[[Path], Syntax]
Locate = Callable[[str], "Source | None"]


@dataclass(frozen=True, order=True)
class Source:
    """A module and its file. The module's name is its identity; where it lies is not."""

    module: str
    path: Path

    @property
    def top(self) -> str:
        """The package that all of it lies in."""
        return self.module.partition(".")[0]

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        inside = self.path.name == "__init__.py"
        return self.module if inside else self.module.rpartition(".")[0]


def find(module: str) -> Source | None:
    """Return a module's source without importing it; None for a package without code."""
    top, *rest = module.split(".")
    for place in _places(top, tuple(sys.path)):
        stem = os.path.join(place, *rest)
        for file in (f"{stem}.py" if rest else place, os.path.join(stem, "__init__.py")):
            if os.path.isfile(file):
                return Source(module, Path(file))
    return None


@lru_cache(maxsize=256)
def _places(top: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of a package, or the one file of a module that is no package."""
    del path
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module that was made by hand has no spec
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations is not None:
        return tuple(spec.submodule_search_locations)
    return (spec.origin,) if spec.origin and spec.origin.endswith(".py") else ()


def packages(module: str) -> frozenset[str]:
    """Return the top packages that belong together with a module's."""
    top = module.partition(".")[0]
    return frozenset((top,)) if top == OURS else _distributed(top, tuple(sys.path)) | {top}


@lru_cache(maxsize=64)
def _distributed(top: str, path: tuple[str, ...]) -> frozenset[str]:
    """Return what the plug-in that brings a top package brings beside it."""
    del path
    for group in GROUPS:
        for point in installed_packages.entry_points(group):
            if point.module.partition(".")[0] == top and point.dist is not None:
                files = [file for file in point.dist.files or () if file.suffix == ".py"]
                return frozenset(file.parts[0].removesuffix(".py") for file in files)
    return frozenset()


def closure(
    roots: Iterable[Source], reader: Reader = syntax.read, locate: Locate | None = None
) -> tuple[Source, ...]:
    """Return the roots and all that they import of their own packages, in order of names.

    `locate` is what finds modules, for who asks often and remembers.
    """
    todo = list(roots)
    seen = {source.module: source for source in todo}
    own = {OURS}.union(*(packages(source.module) for source in todo))
    locate = locate or cache(find)
    while todo:
        for found in imported(todo.pop(), own, locate, reader):
            if found.module not in seen:
                seen[found.module] = found
                todo.append(found)
    return tuple(seen[module] for module in sorted(seen))


def imported(
    source: Source,
    own: Iterable[str],
    locate: Locate = find,
    reader: Reader = syntax.read,
) -> Iterator[Source]:
    """Yield what one module imports of the packages `own`, and the packages that it lies in."""
    yield from _around(source.module, locate)
    for one in imports(source, reader):
        found = target(source, one, own, locate)
        if found is not None:
            yield from (found, *_around(found.module, locate))


def imports(source: Source, reader: Reader = syntax.read) -> Iterator[Import]:
    """Yield a module's imports; none for a file that is no Python."""
    try:
        yield from reader(source.path).imports
    except (SyntaxError, ValueError):
        return


def target(source: Source, one: Import, own: Iterable[str], locate: Locate) -> Source | None:
    """Return the module that an import means, if it is of the packages `own`."""
    module = absolute(source, one)
    if module.partition(".")[0] not in own:
        return None
    taken = locate(f"{module}.{one.name}") if one.name not in ("", "*") else None
    return taken or locate(module)


def absolute(source: Source, one: Import) -> str:
    """Return the module of an import by its whole name."""
    if not one.level:
        return one.module
    package = source.package.split(".")
    package = package[: len(package) - one.level + 1]
    return ".".join((*package, one.module) if one.module else package)


def _around(module: str, locate: Locate) -> Iterator[Source]:
    """Yield the `__init__.py` of the packages that a module lies in."""
    parts = module.split(".")
    if parts[0] == OURS:
        return
    for end in range(1, len(parts)):
        found = locate(".".join(parts[:end]))
        if found is not None:
            yield found
