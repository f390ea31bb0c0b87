"""`run.json`: what a run was asked, where, by which sources, and its plan; written once, sealed.

Read here and nowhere else: what it holds is checked for its types, its plan for its keys (a
cell's key is a digest of the cell), and the whole against its seal.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import StoreError
from adabench.harness.files import json_document, whole_file
from adabench.harness.files.json_document import NUMBER
from adabench.harness.store import packed_run
from adabench.harness.store.journal_reader import SCHEMA

READABLE = (2, SCHEMA)
MANIFEST = "run.json"
PARTS = frozenset(("records.jsonl", "workers.json", "shards", "errors", "log.txt"))
"""What a run's folder may hold before its manifest: of one that was refused or cut short."""
COUNTS = "counts"
"""Marks a turn of the plan whose cases are counted only."""
SCALAR = (str, bool, int, float)
CELL = {"task": str, "method": str, "point": {str: SCALAR}, "conditions": {str: SCALAR},
        "scale": str, "seed": int}  # fmt: skip
INSTRUMENT = {"name?": str, "keys?": [str], "available?": bool, "label?": (str, None)}
ASKED = {
    "select?": [str], "fixed?": [str], "swept?": [str], "star?": bool, "seeds?": str,
    "repeats?": int, "scale?": str, "precision?": (None, *NUMBER), "per_case_s?": NUMBER,
    "steady_s?": NUMBER, "race_s?": (None, *NUMBER), "epsilon?": NUMBER, "meters?": [str],
    "counts?": bool, "question?": str, "timed_cases?": int,
}  # fmt: skip
SHAPE = {
    "schema": int, "plan": {"cells": {str: CELL}, "turns": list}, "adabench?": str,
    "command?": [str], "started?": str, "asked?": ASKED, "environment?": dict,
    "instruments?": [INSTRUMENT], "unwatched?": {str: str}, "sources?": {str: str},
    "profile?": (None, {"name?": str, "differs?": [str], "pinned?": dict}), "gate?": (None, dict),
    "whole?": {"cells": dict, "turns": list},
    "looks?": {str: {"widening": NUMBER, "last_seed": int}},
}  # fmt: skip


def refuse_occupied(folder: Path) -> None:
    """Refuse to start a run in a folder that holds anything but parts of one.

    Raises:
        StoreError: if it does: a run among somebody's files is taken for theirs, or lost with them.
            Also for a packed run.
    """
    packed_run.refuse_packed(folder / MANIFEST)
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return
    others = sorted({path.name for path in folder.iterdir()}.difference(PARTS))
    if others:
        raise StoreError(
            f"{folder} is not a run and not empty: it holds {others[0]}.",
            f"Choose a folder of its own: --out {folder / 'run'}.",
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return `run.json`.

    Raises:
        StoreError: if there is none, it is damaged, or it is from another schema.
    """
    path = folder / MANIFEST
    try:
        data = packed_run.read_bytes(path)
    except FileNotFoundError as missing:
        raise StoreError(
            f"{folder} is not a run: it has no {MANIFEST}.",
            "Runs are the folders that `adabench run` prints, by default under runs/.",
        ) from missing
    except packed_run.UNREADABLE as broken:
        raise StoreError(f"{path} cannot be read: {packed_run.reason(broken)}.") from broken
    head = json_document.parse(data, path, {"schema": int, "plan": object})
    if head["schema"] not in READABLE:
        raise StoreError(
            f"{folder} has schema {head['schema']}, this adabench reads 2 and {SCHEMA}.",
            "Read it with the version that wrote it (run.json names it).",
        )
    for complaint in json_document.complaints(head, SHAPE):
        raise StoreError(f"{path} is not the manifest of a run: {complaint}.")
    return head


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write `run.json`, sealed, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    text = json.dumps(json_document.sealed(manifest), indent=1) + "\n"
    whole_file.write_whole(folder / MANIFEST, text.encode())


def plan_of(turns: Iterable[Turn]) -> dict[str, Any]:
    """Return what a manifest holds of turns; `read_plan` reads it."""
    turns = tuple(turns)
    return {
        "cells": {turn.cell.key: turn.cell.to_json() for turn in turns},
        "turns": [
            [turn.cell.key, turn.repeat, *([COUNTS] if turn.counts else [])] for turn in turns
        ],
    }


def read_plan(manifest: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the turns that a manifest lays out.

    Raises:
        StoreError: if they are none, or a cell is not the one that its key names.
    """
    plan = manifest["plan"]
    try:
        cells = {key: Cell(**data) for key, data in plan["cells"].items()}
        turns = tuple(
            Turn(cells[key], repeat, bool(passes)) for key, repeat, *passes in plan["turns"]
        )
        whole = all(type(turn.repeat) is int for turn in turns)
        whole &= all(passes in ([], [COUNTS]) for _, _, *passes in plan["turns"])
        whole &= all(cell.key == key for key, cell in cells.items())
    except (KeyError, TypeError, ValueError, AttributeError) as broken:
        raise StoreError(f"The plan of the run is damaged: {broken!r}.") from broken
    if not whole:
        raise StoreError(
            "The plan of the run is damaged: a configuration is not what its key says."
        )
    return turns
