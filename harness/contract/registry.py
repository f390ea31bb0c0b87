"""Finds tasks and methods, and reads their cards without importing them.

Nothing is registered. A folder with a `task.py`, below `workloads/` or below a family there, is
a task; its address is the folder's name. A method is `methods/<name>.py` beside it, or
`methods/<name>/<name>.py` where it has parts of its own; its address is `<task>/<name>`. A family
may own methods too: `<family>/methods/<name>.py` runs on the tasks that its card lists in `tasks`.
Third-party ones come through the entry points `adabench.tasks` and `adabench.methods`, whose
name is the address and whose value a module; files in `methods/` beside the module of such a task are its methods
too:

    [project.entry-points."adabench.methods"]
    "paging/clock" = "my_package.clock"

A card is read by parsing the file; of the one expression `CARD = Card(...)` literals and constructors are
evaluated and nothing else (`card_reader.py`). A method whose imports are missing still lists.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

from adabench.harness.contract import claim_files, gates_file
from adabench.harness.contract.card import (
    Ability,
    Card,
    Claim,
    DefaultSource,
    Gap,
    Gates,
    Knob,
    Metric,
    Variant,
)
from adabench.harness.contract.card_reader import card_expression, card_value
from adabench.harness.contract.extras import install_line, missing_extras
from adabench.harness.contract.permuted_control import SUFFIX, permuted_card, permuted_name
from adabench.harness.contract.plugins import entry_points, find_module
from adabench.harness.contract.source_files import (
    PACKAGE,
    State,
    file_state,
    folder_states,
    method_files,
    module_name,
    root_of,
    task_files,
)
from adabench.harness.contract.variants import bound, cards_of
from adabench.harness.errors import MethodContractError, MissingExtra, SelectionError, nearest

_PREPARE = re.compile(
    rb"^(def prepare\b|prepare\s*=|from [\w.]+ import .*\bprepare\b)", re.MULTILINE
)
_KINDS = {
    "knobs": Knob,
    "claims": Claim,
    "gaps": Gap,
    "gates": Gates,
    "metrics": Metric,
    "needs": str,
    "sources": DefaultSource,
    "abilities": Ability,
    "tasks": str,
    "variants": Variant,
}


@dataclass(frozen=True)
class Entry:
    """A task or method that was found: where it is and what its card says."""

    address: str
    """`task` or `task/method`."""
    module: str
    path: Path
    card: Card
    problem: str = ""
    """Why its card could not be read; the card is then empty."""
    permuted: bool = False
    """Whether it is the control that the harness makes of the method of this file."""
    essay: str | None = None
    """Of a variant: what a docstring says of a method."""

    @property
    def task(self) -> str:
        """The task's name."""
        return self.address.partition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.partition("/")[2] or self.address


def tasks() -> dict[str, Entry]:
    """Return every task by name, built-in ones first."""
    found: dict[str, Entry] = {}
    for path in task_files():
        entry = _with_figures(_entry(path.parent.name, module_name(path), path))
        if entry.address in found:
            twice = f"{module_name(path)} and {found[entry.address].module} have the same name"
            entry = replace(entry, problem=f"{twice}; rename one of the two folders")
        found[entry.address] = entry
    for address, module in entry_points("adabench.tasks"):
        found.setdefault(address, _with_figures(_entry(address, module, find_module(module))))
    return found


def _with_figures(entry: Entry) -> Entry:
    """Add what the gates of a task showed, from the file beside it."""
    try:
        found = gates_file.recorded(entry.path.parent) if entry.card.gates else None
    except MethodContractError as broken:
        return replace(entry, problem=f"{broken.message} {broken.hint}".strip())
    shown = found.rows if found else ()
    return replace(entry, card=replace(entry.card, shown=shown)) if shown else entry


def methods(task: str) -> dict[str, Entry]:
    """Return the methods of one task by address."""
    found: dict[str, Entry] = {}
    for entry in (*_builtin_methods(task), *_beside(task)):
        found.setdefault(entry.address, entry)
    points = entry_points("adabench.methods")
    own = [_entry(*one, find_module(one[1])) for one in points if one[0].partition("/")[0] == task]
    for entry in (*own, *(one for file in own for one in _with_variants(file))):  # files come first
        found.setdefault(entry.address, entry)
    return found


def _beside(task: str) -> Iterator[Entry]:
    """Yield the methods that stand beside the module of another package's task."""
    for name, module in entry_points("adabench.tasks"):
        home = find_module(module) if name == task else None
        for path in method_files(home.parent) if home else ():
            package = module.rpartition(".")[0]
            parts = path.relative_to(home.parent).with_suffix("").parts if home else ()
            entry = _entry(f"{task}/{path.stem}", ".".join((package, *parts)), path)
            if entry.card.title or entry.problem:
                yield from _with_variants(entry)


def find(address: str) -> Entry:
    """Return one task or method; a method that moved is also found at its old address.

    Raises:
        SelectionError: if there is none of that name; the hint names the nearest.
    """
    task = address.partition("/")[0]
    known = tasks()
    if task not in known:
        raise SelectionError(f"There is no task called {task!r}.", nearest(task, known))
    if "/" not in address:
        return known[task]
    siblings = methods(task)
    if address in siblings:
        return siblings[address]
    own = permuted_control(siblings.get(address.removesuffix(SUFFIX)))
    if own is not None and own.address == address:
        return own
    moved = _moved_from(address)
    if moved is None:
        raise SelectionError(f"There is no method {address!r}.", nearest(address, siblings))
    return moved


def permuted_control(entry: Entry | None) -> Entry | None:
    """Return the control that the harness makes of a method; None where its card names no signal."""
    card = permuted_card(entry.name, entry.card) if entry is not None else None
    if entry is None or card is None:
        return None
    return replace(entry, address=permuted_name(entry.address), card=card, permuted=True)


def _moved_from(address: str) -> Entry | None:
    """Return the method that had this address before it moved, if there is one."""
    everywhere = (entry for task in tasks() for entry in methods(task).values())
    return next((entry for entry in everywhere if entry.card.moved_from == address), None)


def load(entry: Entry) -> ModuleType:
    """Import the module of a task or method.

    Raises:
        MissingExtra: if an extra that its card names, or a module it imports, is missing.
        MethodContractError: if its card cannot be read, or reading and importing disagree.
    """
    check_readable(entry)
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"{entry.address} imports {missing.name}, which is not installed.",
            "Install it, or leave this method out of the selection.",
        ) from missing
    except SyntaxError as broken:
        raise MethodContractError(f"{entry.address} is not valid Python: {broken}") from broken
    card = getattr(module, "CARD", None)
    own = _own_card(entry, card) if isinstance(card, Card) else None
    if own is None or _without_claims(own) != _without_claims(entry.card):
        raise MethodContractError(
            f"{entry.address}: the CARD read from the file differs from the imported one.",
            "Write it as one literal expression and do not change it afterwards.",
        )
    return bound(module, own)


def _own_card(entry: Entry, card: Card) -> Card | None:
    """Return what the card of a file says of one of its methods; None if it says nothing."""
    name = entry.name.removesuffix(SUFFIX) if entry.permuted else entry.name
    own = card if entry.essay is None else dict(cards_of("", card)).get(name)
    here = own.on(entry.task) if own else None
    return permuted_card(name, here) if entry.permuted and here else here


def _with_variants(entry: Entry) -> Iterator[Entry]:
    """Yield a method, and those that its card has as variants of it."""
    essays = {variant.name: variant.essay for variant in entry.card.variants}
    for name, card in cards_of(entry.name, entry.card):
        own = name not in essays
        address = f"{entry.task}/{name}"
        yield entry if own else replace(entry, address=address, card=card, essay=essays[name])


def _without_claims(card: Card) -> Card:
    """Return what a file itself says: claims come from the files of papers and tasks too."""
    return replace(card, claims=())


def check_readable(entry: Entry) -> None:
    """Refuse what cannot be imported, without importing it.

    Raises:
        MissingExtra: if it cannot be found, or an extra that its card names is missing.
        MethodContractError: if its card cannot be read.
    """
    if entry.path == Path():
        raise MissingExtra(f"{entry.address} cannot be found: {entry.problem}.")
    if entry.problem:
        raise MethodContractError(f"{entry.address} has no readable card: {entry.problem}")
    lacking = missing_extras(entry.card.needs)
    if lacking:
        raise MissingExtra(
            f"{entry.address} needs {', '.join(lacking)}.", f"pip install {install_line(lacking)}"
        )


def availability(entry: Entry) -> tuple[bool, str]:
    """Can this be run here? If not, why not."""
    if entry.problem:
        return False, entry.problem
    lacking = missing_extras(entry.card.needs)
    if lacking:
        return False, f"needs {', '.join(lacking)}: pip install {install_line(lacking)}"
    return True, ""


def read_card(path: Path) -> Card | None:
    """Evaluate the card in a source file; None if the file has none.

    Raises:
        MethodContractError: if there is one that cannot be read.
    """
    stat = path.stat()
    return _read_card(path, stat.st_mtime_ns, stat.st_size)


@cache
def _read_card(path: Path, mtime_ns: int, size: int) -> Card | None:
    """Read a card once for each state of its file."""
    expression = card_expression(path)
    if expression is None:
        return None
    card = card_value(expression, path.name)
    if not isinstance(card, Card):
        raise MethodContractError(f"the CARD of {path.name} is not a Card(...).")
    for name, kind in _KINDS.items():
        if not all(isinstance(item, kind) for item in _items(getattr(card, name))):
            wanted = f"a tuple of {kind.__name__}"
            raise MethodContractError(f"the CARD of {path.name} has {name}= that is not {wanted}.")
    return replace(card, prepares=_PREPARE.search(path.read_bytes()) is not None)


def _items(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (None,)


def _builtin_methods(task: str) -> Iterator[Entry]:
    """Yield the methods that stand in a task's folder, then those that its family shares."""
    for home in (path.parent for path in task_files() if path.parent.name == task):
        own, shared = method_files(home), method_files(home.parent)
        states = [file_state(file) for file in (*own, *shared, home / claim_files.TASK_FILE)]
        states += folder_states(os.path.join(root_of(home), claim_files.PAPERS_FOLDER))
        yield from _entries(home, tuple(own), tuple(shared), tuple(states))


@lru_cache(maxsize=128)
def _entries(
    home: Path, own: tuple[Path, ...], shared: tuple[Path, ...], states: tuple[State, ...]
) -> tuple[Entry, ...]:
    """Make the entries of a task once for each state of all files that they are made from."""
    del states
    task, found = home.name, []
    for path in own:
        entry = _entry(f"{task}/{path.stem}", module_name(path), path)
        if entry.problem or entry.card.title:
            found += [_with_claims(one, home) for one in _with_variants(entry)]
    for path in shared:
        entry = _entry(f"{task}/{path.stem}", module_name(path), path)
        if task in entry.card.tasks:
            every = _with_variants(entry)
            found += [_with_claims(replace(e, card=e.card.on(task)), home) for e in every]
    places = {path: place for place, paths in enumerate((own, shared)) for path in paths}
    return tuple(sorted(found, key=lambda one: (places[one.path], one.name, one.essay is not None)))


def _with_claims(entry: Entry, home: Path) -> Entry:
    """Add what the file of a method's paper, and that of its task, claim about it."""
    paper = root_of(home) / claim_files.PAPERS_FOLDER / f"{entry.card.slug}.toml"
    files = [*([paper] if entry.card.slug else []), home / claim_files.TASK_FILE]
    try:
        found = [claim_files.claims_in(file).get(entry.address, ()) for file in files]
    except MethodContractError as broken:
        return replace(entry, problem=f"{broken.message} {broken.hint}".strip())
    claims = tuple(claim for claims in found for claim in claims)
    return replace(entry, card=replace(entry.card, claims=entry.card.claims + claims))


def _entry(address: str, module: str, path: Path | None) -> Entry:
    """Build an entry; a built-in file without a card has an empty title and no problem."""
    if path is None:
        return Entry(address, module, Path(), Card(""), f"module {module} is not installed")
    try:
        card = read_card(path)
        problem = "" if card or module.startswith(PACKAGE) else f"{module} has no CARD"
        if address.count("/") > 1:
            problem = "its address must be task/name"
        return Entry(address, module, path, card or Card(""), problem)
    except MethodContractError as broken:
        return Entry(address, module, path, Card(""), f"{broken.message} {broken.hint}".strip())
