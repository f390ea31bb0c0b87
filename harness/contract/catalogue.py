"""Tasks and methods as rows of plain data; light enough to import none of the methods."""

import ast
import fnmatch
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Claim
from adabench.harness.contract.papers import find_papers, papers
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest


def method_rows(patterns: Sequence[str] = ("*",)) -> list[dict[str, Any]]:
    """Return one row a method.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    return [_row(entry) for entry in find_entries(patterns) if "/" in entry.address]


def find_entries(patterns: Sequence[str] = ("*",)) -> list[Entry]:
    """Return tasks and methods, each task before its methods.

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    known: dict[str, Entry] = {}
    for task in registry.tasks().values():
        known[task.address] = task
        known |= dict(sorted(registry.methods(task.name).items()))
    chosen: dict[str, Entry] = {}
    for pattern in patterns:
        wider = pattern if "/" in pattern else f"{pattern}/*"
        names = [
            name for name in known if fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name, wider)
        ]
        names = names or _names_of_papers(pattern, known)
        if not names:
            raise SelectionError(
                f"Nothing matches {pattern!r}.",
                f"{nearest(pattern, [*known, *papers()])} `adabench list` has the tasks.".lstrip(),
            )
        chosen |= {name: known[name] for name in names}
    return list(chosen.values())


def _names_of_papers(words: str, known: Mapping[str, Entry]) -> list[str]:
    """Return the methods of the papers that words speak of."""
    slugs = {paper.slug for paper in find_papers(words)}
    return [name for name, entry in known.items() if entry.card.slug in slugs]


def card_document(address: str) -> dict[str, Any]:
    """Return everything known of one task or method, as JSON data.

    Raises:
        SelectionError: for an address that does not exist.
    """
    entry = registry.find(address)
    return {
        **_row(entry),
        "adapts": entry.card.adapts,
        "metrics": [asdict(metric) for metric in entry.card.metrics],
        "abilities": [asdict(ability) for ability in entry.card.abilities],
        "file": entry.path.name,
        "essay": essay(entry),
    }


def essay(entry: Entry) -> str:
    """Return the docstring of a task's or method's file, or what its row says of a variant."""
    if entry.essay is not None:
        return inspect.cleandoc(entry.essay)
    if not entry.path.is_file():
        return ""
    return ast.get_docstring(ast.parse(entry.path.read_bytes())) or ""


def _row(entry: Entry) -> dict[str, Any]:
    available, reason = registry.availability(entry)
    card = entry.card
    return {
        "address": entry.address,
        "title": card.title,
        "role": card.role,
        "fidelity": card.fidelity,
        "paper": card.paper,
        "knobs": [asdict(knob) for knob in card.knobs],
        "claims": [_claim(claim) for claim in card.claims],
        "needs": list(card.needs),
        "available": available,
        "reason": reason,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {**asdict(claim), "form": type(claim.expect).__name__}
