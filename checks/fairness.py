"""Fairness by place: what a method may import follows from where it lies and from its role.

A method imports the contract, its own folder, the substrate of its task and of its family, and what
families share. Only an oracle, the task, its conformance and its `training/`, which makes what is
shipped, see `truth/`. A control may import the parts of the method whose random twin it is.
"""

from collections.abc import Iterator

from checks.imports import Import, statements, strings
from checks.offence import Offence
from checks.tree import Source, Tree

CONTRACT = (("harness", "contract"), ("harness", "errors.py"))
"""What every method may import besides workloads: the contract and our errors."""
TASK_FILES = ("checkpoints.py",)
"""Files of a task, beside its substrate, that hand a method what was trained for it."""
JUDGES = ("task.py", "conformance.py", "drawing.py")
"""Files of a task that may see `truth/`; no method may import them."""
FAMILY = 2
"""Parts of a family's path: its `truth/` is that of each of its tasks."""
FOLDERS = ("truth", "training")
"""Its folders that may: what trains a model has its labels from there, before any run."""


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield the imports that give a method, or a substrate, what others do not have."""
    roles = {source.parts: source.role for source in tree.sources}
    for source in tree.sources:
        if source.parts[0] != "workloads":
            continue
        for edge in (*statements(tree, source), *strings(tree, source)):
            if "methods" in source.parts[:-1]:
                yield from _of_a_method(source, edge, _role_of(source, roles))
            elif "truth" in edge.target.parts[:-1]:
                yield from _of_the_rest(source, edge)


def _of_a_method(source: Source, edge: Import, role: str) -> Iterator[Offence]:
    target, owner = edge.target.parts, source.parts[: source.parts.index("methods")]
    if "truth" in target[:-1]:
        if role != "oracle":
            yield _offence(
                "truth", source, edge,
                f"imports {edge.target.path}, which only oracles and the scorer may see. "
                'Use what substrate/ gives, or give the card role="oracle".',
            )  # fmt: skip
    elif "methods" in target[:-1]:
        if _home(target) != _home(source.parts) and role not in ("control", "oracle"):
            yield _offence(
                "sibling", source, edge,
                f"imports {edge.target.path}, a part of another method. "
                "Move what both need to substrate/.",
            )  # fmt: skip
    elif not _is_given(target, owner):
        yield _offence(
            "foreign", source, edge,
            f"imports {edge.target.path}, which is neither the contract nor a substrate of its "
            "task. Move what methods need to substrate/.",
        )  # fmt: skip


def _of_the_rest(source: Source, edge: Import) -> Iterator[Offence]:
    """Check a file outside methods/ that imports truth."""
    task = edge.target.parts[: edge.target.parts.index("truth")]
    inside = source.parts[: len(task)] == task
    place = source.parts[len(task) :]
    if len(task) == FAMILY and place[:1] != ("truth",):
        place = place[1:] or ("",)
    if not inside or (place[0] not in FOLDERS and (len(place) > 1 or place[0] not in JUDGES)):
        yield _offence(
            "truth", source, edge,
            f"imports {edge.target.path}, which only oracles and the scorer may see; through it "
            "methods could see it too. Move what both need to substrate/.",
        )  # fmt: skip


def _is_given(target: tuple[str, ...], owner: tuple[str, ...]) -> bool:
    """Tell whether a file is part of what every method of this task gets."""
    if any(target[: len(place)] == place for place in CONTRACT):
        return True
    if target[:2] == ("workloads", "shared"):
        return True
    for end in range(2, len(owner) + 1):
        above = owner[:end]
        if target[:end] == above and _is_of_the_task(target[end:]):
            return True
    return False


def _is_of_the_task(place: tuple[str, ...]) -> bool:
    return place[0] == "substrate" or (len(place) == 1 and place[0] in TASK_FILES)


def _home(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the method that a file below methods/ belongs to, as a path without an ending."""
    end = parts.index("methods") + 2
    return (*parts[: end - 1], parts[end - 1].removesuffix(".py"))


def _role_of(source: Source, roles: dict[tuple[str, ...], str]) -> str:
    """Return the role of the method that a file belongs to."""
    home = _home(source.parts)
    return source.role or roles.get((*home, f"{home[-1]}.py"), "")


def _offence(check: str, source: Source, edge: Import, says: str) -> Offence:
    where = f"{source.path}::{edge.target.path}"
    return Offence(check, where, f"{source.path}:{edge.line} {says}")
