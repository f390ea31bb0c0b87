"""`list`, `show` and `check` as rows and plain text; light enough to import none of the methods."""

import ast
import fnmatch
import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest

if TYPE_CHECKING:
    from adabench.harness.run.conformance import Finding


def rows(patterns: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per method (and its task's conditions stay in `show`).

    Raises:
        SelectionError: for a pattern that matches nothing.
    """
    return [_row(entry) for entry in _entries(patterns) if "/" in entry.address]


def _entries(patterns: Sequence[str]) -> list[Entry]:
    """Tasks and methods, each task before its methods."""
    known: dict[str, Entry] = {}
    for task in registry.tasks().values():
        known[task.address] = task
        known |= dict(sorted(registry.methods(task.name).items()))
    chosen: dict[str, Entry] = {}
    for pattern in patterns:
        wider = pattern if "/" in pattern else f"{pattern}/*"
        found = [
            name for name in known if fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name, wider)
        ]
        if not found:
            raise SelectionError(f"Nothing matches {pattern!r}.", nearest(pattern, known))
        chosen |= {name: known[name] for name in found}
    return list(chosen.values())


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


def _claim(claim: Any) -> dict[str, Any]:
    return {**asdict(claim), "form": type(claim.expect).__name__}


def table(found: Sequence[dict[str, Any]]) -> str:
    """Lay the rows out as text."""
    lines = [("METHOD", "ROLE", "FIDELITY", "CLAIMS", "TITLE")]
    lines += [
        (row["address"], row["role"], row["fidelity"], str(len(row["claims"]) or ""),
         row["title"] if row["available"] else f"{row['title']} [unavailable: {row['reason']}]")
        for row in found
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]
        )
        for line in lines
    )


def card(address: str) -> dict[str, Any]:
    """Return everything known of one task or method, as JSON data."""
    entry = registry.find(address)
    return {
        **_row(entry),
        "adapts": entry.card.adapts,
        "metrics": [asdict(metric) for metric in entry.card.metrics],
        "file": entry.path.name,
        "essay": _essay(entry),
    }


def page(address: str) -> str:
    """Write one card for a terminal."""
    entry = registry.find(address)
    found = entry.card
    parts = [f"{entry.address}: {found.title}", _facts(entry)]
    parts += [f"Knobs\n{_knobs(entry)}"] if found.knobs else []
    parts += [f"Metrics\n{_metrics(entry)}"] if found.metrics else []
    parts += [f"Claims\n{_claims(entry)}"] if found.claims else []
    if "/" not in address:
        names = ", ".join(method.name for method in registry.methods(address).values())
        parts.append(
            f"Methods\n{textwrap.fill(names, 96, initial_indent='  ', subsequent_indent='  ')}"
        )
    return "\n\n".join([*parts, _essay(entry)])


def _facts(entry: Entry) -> str:
    found = entry.card
    available, reason = registry.availability(entry)
    facts = {
        "role": found.role if "/" in entry.address else "task",
        "fidelity": found.fidelity if "/" in entry.address else "",
        "paper": found.paper,
        "adapts": found.adapts,
        "available": "yes" if available else f"no: {reason}",
    }
    return "\n".join(f"  {name:10} {text}" for name, text in facts.items() if text)


def _knobs(entry: Entry) -> str:
    return "\n".join(
        f"  {knob.name:10} {', '.join(map(str, knob.values))} (default {knob.default}"
        f"{', other values too' if knob.open else ''})"
        for knob in entry.card.knobs
    )


def _metrics(entry: Entry) -> str:
    return "\n".join(
        f"  {metric.name:16} {metric.unit:12} {metric.role}{', primary' if metric.primary else ''}"
        f", {metric.better} is better"
        for metric in entry.card.metrics
    )


def _claims(entry: Entry) -> str:
    return "\n".join(
        f"  {claim.id:8} {claim.says}\n           paper: {claim.paper}\n           tested: {claim.expect}"
        for claim in entry.card.claims
    )


def _essay(entry: Entry) -> str:
    if not entry.path.is_file():
        return ""
    return ast.get_docstring(ast.parse(entry.path.read_bytes())) or ""


def checked(patterns: Sequence[str], as_json: bool) -> list["Finding"]:
    """Run the conformance checks and print what they find, rule by rule."""
    from adabench.harness.run.conformance import check

    found: list[Finding] = []
    for entry in _entries(patterns):
        print(f"checking {entry.address}", file=sys.stderr)
        mine = list(check(entry.address))
        found += mine
        if not as_json:
            print("\n".join(_line(finding) for finding in mine))
    if as_json:
        print(json.dumps([asdict(finding) for finding in found]))
    return found


def _line(finding: "Finding") -> str:
    word = "skipped" if finding.skipped else "BROKEN" if finding.problem else "ok"
    detail = f": {finding.problem}" if finding.problem else ""
    return f"{word:8} {finding.address}: {finding.rule}{detail}"
