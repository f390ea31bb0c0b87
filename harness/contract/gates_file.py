"""The figures of a task's gates, as `adabench check TASK --gates` left them: `gates.json` beside the task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from adabench.harness.contract.task_gates import GateRow
from adabench.harness.errors import MethodContractError

FILE = "gates.json"


@dataclass(frozen=True)
class GateFigures:
    """What `gates.json` holds: rows, and what they were made of."""

    made_of: str
    """A digest of the declaration and of every setting that was run."""
    trained: Mapping[str, str]
    """Digests of the trained artefacts that methods read, by name."""
    rows: tuple[GateRow, ...]


def recorded(home: Path) -> GateFigures | None:
    """Return the figures beside a task; None where none were measured.

    Raises:
        MethodContractError: if the file cannot be read.
    """
    path = home / FILE
    try:
        stat = path.stat()
    except OSError:
        return None
    return _recorded(path, stat.st_mtime_ns, stat.st_size)


@cache
def _recorded(path: Path, mtime_ns: int, size: int) -> GateFigures:
    """Read figures once for each state of their file."""
    del mtime_ns, size
    try:
        plain = json.loads(path.read_text("utf-8"))
        rows = tuple(_row(one) for one in plain["rows"])
        return GateFigures(plain["made_of"], plain["trained"], rows)
    except (ValueError, KeyError, TypeError) as broken:
        raise MethodContractError(
            f"{path.parent.name}/{path.name} holds no figures of gates: {broken}.",
            f"adabench check {path.parent.name} --gates measures them anew.",
        ) from broken


def _row(plain: Mapping[str, Any]) -> GateRow:
    known = {one.name: plain[one.name] for one in fields(GateRow) if one.name in plain}
    return GateRow(**{**known, "methods": tuple(plain.get("methods", ()))})
