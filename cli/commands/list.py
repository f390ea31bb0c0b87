"""`adabench list`: tasks and methods, one a line."""

import json
from collections.abc import Sequence
from typing import Any

from adabench.cli.selection import AsJson, Select
from adabench.harness.contract.catalogue import method_rows


def command(select: Select = None, as_json: AsJson = False) -> None:
    """List tasks and methods with role, fidelity and whether they can run here."""
    rows = method_rows(tuple(select or ("*",)))
    print(json.dumps(rows) if as_json else table(rows))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Lay the rows out as text."""
    lines = [("METHOD", "ROLE", "FIDELITY", "CLAIMS", "TITLE")]
    lines += [
        (row["address"], row["role"], row["fidelity"], str(len(row["claims"]) or ""),
         row["title"] if row["available"] else f"{row['title']} [unavailable: {row['reason']}]")
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]
        )
        for line in lines
    )
