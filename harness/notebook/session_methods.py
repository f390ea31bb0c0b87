"""Methods of this process's runs: functions of a notebook and files, registered like a plug-in.

Each becomes a module in a folder of this process that is on the path of every process below it,
with an entry point as an installed plug-in has one. So what holds for plug-ins holds for them:
conformance, source digests, records. The folder goes when the process ends; a run keeps a copy of
the methods of it that it ran, under `methods/`.
"""

import atexit
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.plugins import forget_plugins
from adabench.harness.errors import MethodContractError, SelectionError, nearest
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.store.method_copies import copy_of, find_copy

PACKAGE = "adabench_notebook"
INFO = f"{PACKAGE}-0.dist-info"


@dataclass
class SessionFolder:
    """The folder of this process's own methods."""

    root: Path
    modules: dict[str, str] = field(default_factory=dict)
    """By address: the module that the method is now."""

    def add(self, address: str, text: str) -> None:
        """Make a text the method of an address; an earlier one of this process gives way.

        Raises:
            MethodContractError: if its card cannot be read.
        """
        task, _, name = address.partition("/")
        version = hashlib.sha256(text.encode()).hexdigest()[:8]
        package = f"{task}_{version}"
        path = self.root / PACKAGE / package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (path.parent, path.parent.parent):
            (folder / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
        registry.read_card(path)
        self.modules[address] = f"{PACKAGE}.{package}.{name}"
        self._register()

    def file(self, address: str) -> Path:
        """Return the file of a method."""
        return self.root.joinpath(*self.modules[address].split(".")).with_suffix(".py")

    def _register(self) -> None:
        points = [f"{address} = {module}" for address, module in self.modules.items()]
        text = "\n".join(["[adabench.methods]", *points, ""])
        (self.root / INFO / "entry_points.txt").write_text(text, encoding="utf-8")
        forget_plugins()


@cache
def session_folder() -> SessionFolder:
    """Return the folder of this process, made and put on the path when it is first needed."""
    stack = ExitStack()
    root = stack.enter_context(scratch_folder("notebook"))
    owner = os.getpid()
    atexit.register(lambda: stack.close() if os.getpid() == owner else None)
    (root / INFO).mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 0\n"
    (root / INFO / "METADATA").write_text(metadata, encoding="utf-8")
    sys.path.append(str(root))
    return SessionFolder(root)


def own_methods(addresses: Iterable[str]) -> Mapping[str, Path]:
    """Return the methods of this process that are among some, or have a variant there, with their files."""
    if not session_folder.cache_info().currsize:
        return {}
    folder, wanted = session_folder(), set(addresses)
    files = {address: folder.file(address) for address in sorted(folder.modules)}
    return {name: file for name, file in files.items() if wanted & {name, *_variants(name, file)}}


def _variants(address: str, file: Path) -> Iterator[str]:
    """Yield the addresses of a method's variants."""
    card = registry.read_card(file)
    for variant in card.variants if card else ():
        yield f"{address.partition('/')[0]}/{variant.name}"


def keep_methods(run: Path, addresses: Iterable[str]) -> None:
    """Copy the methods of this process that a run is of into its folder."""
    for address, path in own_methods(addresses).items():
        target = copy_of(run, address)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())


def restore_methods(run: Path, addresses: Iterable[str]) -> None:
    """Make the methods of which a run keeps copies methods of this process, where none is installed."""
    for address in sorted(set(addresses)):
        copy = find_copy(run, address)
        if copy and address not in registry.methods(address.partition("/")[0]):
            add_method(copy.address, copy.path)


def refuse_elsewhere(addresses: Iterable[str], executor: str) -> None:
    """Refuse methods of this process for an executor that runs them on other machines.

    Raises:
        SelectionError: naming them.
    """
    own = own_methods(addresses)
    if own and executor != "local":
        raise SelectionError(
            f"{', '.join(own)} is a method of this process, which other machines cannot see.",
            "Put it into a package with an entry point, or take the local executor.",
        )


def add_method(address: str, file: str | Path) -> None:
    """Make a file a method of this process's runs: one with a CARD and a `solve`, as any method has.

    The file is copied: after a change to it, add it again.

    Raises:
        SelectionError: for an address that is taken or no address, or a file that cannot be read.
        MethodContractError: for a file without a CARD that can be read.
    """
    check_address(address)
    try:
        text = Path(file).read_text(encoding="utf-8")
        card = registry.read_card(Path(file))
    except (OSError, UnicodeDecodeError) as problem:
        raise SelectionError(f"{file} cannot be read as a method: {problem}.") from problem
    if card is None:
        raise MethodContractError(f"{file} has no CARD.", "Give it one: CARD = Card(title=...).")
    session_folder().add(address, text)


def check_address(address: str) -> None:
    """Refuse what is no address of a new method.

    Raises:
        SelectionError: naming a task that is near, or saying whose the address is.
    """
    task, slash, name = address.partition("/")
    if not slash or not name.isidentifier():
        raise SelectionError(
            f"{address!r} is no address of a method.",
            "It is a task and a name of letters, digits and underscores: 'paging/mine'.",
        )
    known = registry.tasks()
    if task not in known:
        raise SelectionError(f"There is no task called {task!r}.", nearest(task, known))
    taken = registry.methods(task).get(address)
    if taken is not None and not taken.module.startswith(f"{PACKAGE}."):
        raise SelectionError(
            f"{address} is a method already ({taken.module}).", "Choose another name."
        )
