"""A rule of `adabench check`: what a task's gates name is there, and their figures are of this task and these weights."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from adabench.harness.contract import gates_file, registry, task_gates
from adabench.harness.contract.card import Card
from adabench.harness.contract.registry import Entry
from adabench.harness.plan import gate_settings
from adabench.harness.store.checkpoint_folders import files_of
from adabench.harness.store.used_artefacts import DIGITS


def problems(task: Entry) -> Iterator[str]:
    """Say what is wrong with the gates of a task; a gate that fails is a finding about the task, and no fault."""
    statics = {name for name, card in _methods(task).items() if card.role == "static"}
    for gates in task.card.gates:
        for name in {gates.default, *gates.pool} - statics:
            yield f"its gates name {name!r}, which is no static method of it"
        for name in set(gates.without) - set(task_gates.GATES):
            yield f"its gates leave out {name!r}, which is no gate"
        if not gates.repairs and "failures" not in gates.without:
            yield "its gates name no failures that are repaired (repairs=), and not why (without=)"
    if task.card.gates:
        yield from _stale(task)


def _methods(task: Entry) -> dict[str, Card]:
    return {method.name: method.card for method in registry.methods(task.name).values()}


def _stale(task: Entry) -> Iterator[str]:
    again = f"adabench check {task.name} --gates measures them anew"
    found = gates_file.recorded(task.path.parent)
    if found is None:
        return
    if found.made_of != gate_settings.digest(task):
        yield f"{gates_file.FILE} holds figures of other settings or another declaration: {again}"
    for name, digest in found.trained.items():
        here = _digests(task.path.parent.parent, name)
        if here and digest not in here:
            yield f"{gates_file.FILE} holds figures of other weights of {name}: {again}"


def _digests(family: Path, name: str) -> set[str]:
    """Return digests of the weights of a name that ship with a family of tasks."""
    found = set()
    for folder in (path for path in family.rglob("checkpoints") if path.is_dir()):
        for file in files_of(folder, name):
            if file.suffix != ".json":
                found.add(hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS])
    return found
