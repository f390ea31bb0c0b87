"""A run as a site keeps it: enough to show it, and to hold later runs against it.

    data/runs/<id>/
        manifest.json   what `run.json` says, without the plan; cards of the tasks; the run's name
        findings.json   the document of `adabench run --json`
        cases.npz       the table of the run, repeats collapsed: one array a column

A site so needs no run folder a second time: a job that has only its own new run and the site's
files can add to it. `id` is the run's start and a digest of its `run.json`, which is written once:
a run that was resumed replaces what was kept of it. All files have the same bytes whenever they
are made of the same run.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.analysis.findings import Findings
from adabench.harness.compare.loaded_run import LoadedRun, label_joules
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell
from adabench.harness.errors import StoreError
from adabench.harness.files import json_document
from adabench.harness.files.json_document import NUMBER
from adabench.harness.store import packed_run, run_folder
from adabench.harness.store.column import IntArray
from adabench.harness.store.manifest import CELL, SCALAR
from adabench.harness.store.manifest import SHAPE as MANIFEST_SHAPE
from adabench.harness.store.table import Table

FORMAT = 1
MANIFEST, FINDINGS, CASES = "manifest.json", "findings.json", "cases.npz"
LEFT_OUT = frozenset({"plan", "warnings"})
COLUMN = "values/"
AGAIN = "Delete the folder that it is in, and publish its run again."
DAMAGED = (
    zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, NotImplementedError,
    SyntaxError, RecursionError, MemoryError,
)  # fmt: skip
"""What reading arrays raises, where their file was damaged."""
KNOWN_METHOD = {"title": str, "role?": str, "defaults?": {str: SCALAR}}
KNOWN_TASK = {"title": str, "metrics": [{"name": str}], "defaults?": {str: SCALAR}}
SHAPE = {
    **{name: shape for name, shape in MANIFEST_SHAPE.items() if name not in ("schema", "plan")},
    "kept": {
        "format": int, "name": str, "cells": [CELL], "kinds": [[str]], "cards": {str: KNOWN_TASK},
        "methods": {str: KNOWN_METHOD},
    },
}  # fmt: skip
FINDINGS_SHAPE = {  # documents of schema 1 have no gaps
    "claims": [{"task": str, "method": str, "id": str, "verdict": str}],
    "gap?": [
        {
            "task": str,
            "method": str,
            "gap_closed": (None, *NUMBER),
            "low": (None, *NUMBER),
            "high": (None, *NUMBER),
        }
    ],
}


@dataclass(frozen=True, eq=False)
class ArchivedRun:
    """A run that a site holds."""

    id: str
    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the run says of itself, and under `read_archive` what the site needs beside."""
        return _json(self.folder / MANIFEST, SHAPE)

    @cached_property
    def findings(self) -> dict[str, Any]:
        """What the run amounts to."""
        return _json(self.folder / FINDINGS, FINDINGS_SHAPE)

    @property
    def name(self) -> str:
        """The name of the folder it was read from."""
        return str(self.manifest["kept"]["name"])

    @property
    def started(self) -> str:
        """When it started, with its time zone."""
        return str(self.manifest.get("started", ""))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that have a result."""
        return tuple(
            Cell(**{key: cell[key] for key in CELL}) for cell in self.manifest["kept"]["cells"]
        )

    @property
    def cards(self) -> dict[str, Card]:
        """The tasks' cards as far as a comparison needs them."""
        known: Mapping[str, Any] = self.manifest["kept"]["cards"]
        return {task: _card(data) for task, data in known.items()}

    def side(self) -> LoadedRun:
        """Return the run as one side of a comparison."""
        table = read_cases(self.folder / CASES, self.cells)
        kinds = frozenset((a, b, c) for a, b, c in self.manifest["kept"]["kinds"])
        whole = replace(table, kinds=kinds)
        return LoadedRun(self.id, self.manifest, whole, label_joules(whole, self.manifest))


def identity(folder: Path) -> str:
    """Return the name of a run in a site: its start, and a digest of its manifest.

    Raises:
        StoreError: if it is not a run.
    """
    started = str(run_folder.read_manifest(folder).get("started", ""))
    digest = hashlib.sha256(packed_run.read_bytes(folder / run_folder.MANIFEST)).hexdigest()[:8]
    digits = "".join(character for character in started[:19] if character.isdigit())
    return f"{digits[:8]}-{digits[8:] or '0'}-{digest}"


def files(findings: Findings, table: Table, name: str) -> dict[str, bytes]:
    """Return what a site keeps of a run: file names and contents."""
    cases = table.collapsed()
    manifest = {key: value for key, value in findings.manifest.items() if key not in LEFT_OUT}
    manifest["kept"] = {
        "format": FORMAT,
        "name": name,
        "cells": [cell.to_json() for cell in cases.cells],
        "kinds": sorted(table.kinds),
        "cards": {task: _card_json(card) for task, card in sorted(findings.task_cards.items())},
        "methods": {name: _method(card) for name, card in sorted(findings.method_cards.items())},
    }
    return {  # in the order of writing: what has a manifest is whole
        FINDINGS: _bytes(replace(findings, run=name).to_json()),
        CASES: _arrays(cases),
        MANIFEST: _bytes(manifest),
    }


def read_archive(site: Path) -> list[ArchivedRun]:
    """Return the runs that a site holds, in order of time.

    Raises:
        StoreError: if one cannot be read, or is of another format.
    """
    found = [
        ArchivedRun(path.parent.name, path.parent) for path in site.glob(f"data/runs/*/{MANIFEST}")
    ]
    for run in found:
        told = run.manifest.get("kept", {}).get("format")
        if told != FORMAT:
            raise StoreError(
                f"{run.folder} has format {told}, this adabench reads {FORMAT}.",
                "Publish the run again into an empty folder.",
            )
    return sorted(found, key=lambda run: run.id)


def plain(value: Any) -> Any:
    """Return what JSON can hold: a number that is not finite becomes null."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _bytes(document: Mapping[str, Any]) -> bytes:
    sealed = json_document.sealed(plain(document))
    text = json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


def _card_json(card: Card) -> dict[str, Any]:
    metrics = [asdict(metric) for metric in card.metrics]
    return {"title": card.title, "metrics": metrics, "defaults": card.defaults}


def _method(card: Card) -> dict[str, Any]:
    return {"title": card.title, "role": card.role, "defaults": card.defaults}


def _card(data: Mapping[str, Any]) -> Card:
    return Card(data["title"], metrics=tuple(Metric(**metric) for metric in data["metrics"]))


def _arrays(cases: Table) -> bytes:
    arrays: dict[str, Any] = {
        "cell": cases.cell.astype(np.int32),
        "case": cases.case.astype(np.int32),
        "group": cases.group.astype(np.int32),
        "groups": np.array(cases.groups, np.str_),
    }
    arrays |= {f"{COLUMN}{name}": column for name, column in sorted(cases.columns.items())}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # entries carry no time
    return buffer.getvalue()


def read_cases(path: Path, cells: tuple[Cell, ...]) -> Table:
    """Return the table that a site holds of a run.

    Raises:
        StoreError: if it cannot be read, or is not of these cells.
    """
    try:
        found = _table(path, cells)
        rows, groups = len(found.cell), len(found.groups)
        columns = (found.case, found.group, *found.columns.values())
        whole = all(column.shape == (rows,) for column in columns)
        whole &= _within(found.cell, len(cells)) and _within(found.group, groups)
    except (*packed_run.UNREADABLE, *DAMAGED) as broken:
        raise StoreError(f"{path} cannot be read: {broken}.", AGAIN) from broken
    if not whole:
        raise StoreError(f"{path} is damaged: its columns do not fit each other.", AGAIN)
    return found


def _table(path: Path, cells: tuple[Cell, ...]) -> Table:
    with path.open("rb") as file, np.load(file) as held:
        cell, case, group = (held[name].astype(np.intp) for name in ("cell", "case", "group"))
        names = [name for name in held.files if name.startswith(COLUMN)]
        columns = {name.removeprefix(COLUMN): held[name].astype(np.float64) for name in names}
        groups = tuple(map(str, held["groups"]))
    none = np.zeros_like(cell)
    return Table(cells, cell, case, none, groups, group, columns, note=none)


def _within(places: IntArray, count: int) -> bool:
    return not len(places) or bool(places.min() >= 0 and places.max() < count)


def _json(path: Path, shape: json_document.Shape) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as broken:
        raise StoreError(f"{path} cannot be read: {broken.strerror}.", AGAIN) from broken
    return json_document.parse(data, path, shape, AGAIN)
