"""What the cards of checkpoints say of them: figures, and beside each the gate that it had to pass.

A recipe may have `gates`: figures with the range that each must lie in, and what it stands for. A task
refuses a checkpoint that misses one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adabench.cli.commands.list import table
from adabench.harness.contract.recipes import TrainingRecipe, find_recipes
from adabench.harness.errors import SelectionError
from adabench.harness.store import checkpoint_folders
from adabench.harness.store.staged_training import destination, where


def documents(pattern: str) -> list[dict[str, Any]]:
    """Return what there is to say of the checkpoints that a pattern names; none if it names none."""
    try:
        found = find_recipes((pattern,))
    except SelectionError:
        return []
    return [_document(recipe) for recipe in found]


def page(document: Mapping[str, Any]) -> str:
    """Lay a checkpoint's figures out as text."""
    size = f", {document['bytes']:,} B" if document["bytes"] else ""
    head = f"{document['address']}: {document['where']}{size}"
    gates = {gate["figure"]: gate for gate in document["gates"]}
    rows = [
        (name, _number(value), _range(gates.get(name)), gates.get(name, {}).get("says", ""))
        for name, value in document["figures"].items()
    ]
    if not rows:
        return f"{head}\n  adabench train {document['address']}"
    return f"{head}\n{table(('FIGURE', 'VALUE', 'GATE', 'SAYS'), rows, indent=2)}"


def _document(recipe: TrainingRecipe) -> dict[str, Any]:
    place = destination(recipe)
    files: Sequence[Any] = checkpoint_folders.files_of(place, recipe.name)
    card = place / f"{recipe.name}{checkpoint_folders.CARD}"
    said = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    figures = said.get("dev", said.get("held_out", {}))
    return {
        "address": f"{recipe.task}/{recipe.name}",
        "where": where(recipe),
        "bytes": sum(path.stat().st_size for path in files if path != card),
        "figures": figures if isinstance(figures, dict) else {},
        "gates": [
            {"figure": gate.figure, "low": gate.low, "high": gate.high, "says": gate.says}
            for gate in getattr(recipe.plan, "gates", ())
        ],
    }


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _range(gate: Mapping[str, Any] | None) -> str:
    """Return the range of a gate in words; empty where there is none."""
    if gate is None:
        return ""
    low, high = gate["low"], gate["high"]
    if high >= 1:
        return f"at least {low:g}"
    return f"{low:g} to {high:g}" if low > 0 else f"at most {high:g}"
