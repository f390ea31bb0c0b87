"""Comparisons as plain data: the document of `adabench compare --json`, and one row of it."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adabench.harness.compare.change import ALPHA
from adabench.harness.compare.compare import Comparison, Row, counts
from adabench.harness.contract.record import Cell

LEVEL = 0.95


def document(comparisons: Sequence[Comparison], code: int) -> dict[str, Any]:
    """Return what `adabench compare --json` prints, as plain JSON data."""
    return {
        "base": comparisons[0].base,
        "level": LEVEL,
        "family_error": ALPHA,
        "counts": counts(comparisons),
        "exit": code,
        "comparisons": [
            {
                "other": one.other,
                "across_hardware": one.across,
                "counts": counts([one]),
                "differences": [item.to_json() for item in one.unlike],
                "only_in_base": [cell.to_json() for cell in one.lonely.a],
                "only_in_other": [cell.to_json() for cell in one.lonely.b],
                "drift": {name: math.expm1(shift) for name, shift in one.drift.items()},
                "notes": list(one.notes),
                "rows": [row_document(row) for row in one.rows],
            }
            for one in comparisons
        ],
    }


def row_document(row: Row) -> dict[str, Any]:
    """Return one verdict as plain JSON data."""
    effect = None if row.change is None else {k: _plain(v) for k, v in asdict(row.change).items()}
    return {
        **_cell(row.cell),
        "metric": row.metric,
        "unit": row.unit,
        "kind": row.kind,
        "better": row.better,
        "margin": asdict(row.margin),
        "verdict": row.verdict,
        "effect": effect,
        "p": _plain(row.p),
        "label": row.label,
        "control": row.control,
        "note": row.note,
        "flips": None if row.flips is None else asdict(row.flips),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    """Name an operating point: a cell without its seed."""
    return {name: value for name, value in cell.to_json().items() if name != "seed"}


def _plain(value: Any) -> Any:
    """Return what JSON can hold: a bound that is not there is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
