"""`adabench list`: tasks, one a line; of a task, a paper or a pattern the methods."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from adabench.cli.selection import AsJson
from adabench.cli.terminal import talk, terminal_columns
from adabench.harness.contract import registry
from adabench.harness.contract.catalogue import find_entries, method_rows
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.store.default_sources import absence, absent_sources

ROLES = ("adaptive", "static", "control", "oracle")
LEAST_ROOM = 20
"""Characters of a last column: with less it is not cut."""
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WHAT]...",
        help="A task (chain), methods ('chain/e*'), a paper (ets, 2502.13575, words of its title).",
    ),
]
Paper = Annotated[
    str | None, typer.Option(help="Methods of a paper: a slug, a number or words of its title.")
]
Role = Annotated[str | None, typer.Option(help=f"Methods of a role: {', '.join(ROLES)}.")]
Runnable = Annotated[bool, typer.Option("--runnable", help="Only what can run here.")]


def command(
    what: Words = None, paper: Paper = None, role: Role = None, runnable: Runnable = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List the tasks, or the methods of a task or a paper, and whether they can run here."""
    if role is not None and role not in ROLES:
        raise SelectionError(f"There is no role {role!r}.", nearest(role, ROLES))
    patterns = (*(what or ()), *([paper] if paper else ()))
    if as_json:
        rows = method_rows(patterns or ("*",))
        found = [(registry.find(row["address"]), row) for row in rows]
        chosen = [
            row | {"absent": [source.condition for source in absent_sources(entry)]}
            for entry, row in found
            if _fits(entry, role, runnable)
        ]
        print(json.dumps(chosen))
        return
    if not patterns and role is None and not runnable:
        print(table(("TASK", "METHODS", "HERE", "QUESTION"), list(map(_task_line, _tasks()))))
        return
    entries = [e for e in find_entries(patterns or ("*",)) if "/" in e.address]
    lines = [_method_line(e) for e in entries if _fits(e, role, runnable)]
    if not lines:
        talk("No method is like that.")
        return
    print(table(("METHOD", "ROLE", "PAPER", "CLAIMS", "TITLE"), lines))


def _tasks() -> Sequence[Entry]:
    return list(registry.tasks().values())


def _task_line(entry: Entry) -> tuple[str, ...]:
    methods = registry.methods(entry.address).values()
    able = sum(registry.availability(method)[0] for method in methods)
    here = "all" if able == len(methods) else f"{able}"
    if lacking := absent_sources(entry):
        here = f"no {', '.join(source.condition.partition('=')[0] for source in lacking)}"
    return (entry.address, str(len(methods)), here, entry.card.title)


def _method_line(entry: Entry) -> tuple[str, ...]:
    available, reason = _availability(entry)
    claims = sum(claim.published for claim in entry.card.claims)
    title = entry.card.title if available else f"{entry.card.title} [unavailable: {reason}]"
    return (entry.address, entry.card.role, entry.card.slug, str(claims or ""), title)


def _availability(entry: Entry) -> tuple[bool, str]:
    """Say whether a method runs here as it stands: with the default model and data of its task."""
    available, reason = registry.availability(entry)
    absent = absence(entry)
    return available and not absent, reason or absent


def _fits(entry: Entry, role: str | None, runnable: bool) -> bool:
    return role in (None, entry.card.role) and (not runnable or _availability(entry)[0])


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], indent: int = 0) -> str:
    """Lay rows out in columns; the last one ends where a terminal does, and is whole in a pipe."""
    rows = [tuple(heads), *map(tuple, lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads) - 1)]
    room = terminal_columns() - sum(widths) - 2 * len(widths) - indent
    return "\n".join(
        " " * indent
        + "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(row, widths, strict=False)),
                _cut(row[-1], room),
            ]
        ).rstrip()
        for row in rows
    )


def _cut(text: str, room: int) -> str:
    """Shorten a text that is longer than its room, if that leaves something to read."""
    return text if len(text) <= room or room < LEAST_ROOM else f"{text[: room - 1].rstrip()}…"
