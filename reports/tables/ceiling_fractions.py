"""Gives figures as fractions of the machine's measured ceilings, for runs that named a profile.

One row per operating point whose FLOPs were counted: operations per second of latency over the rate of a large matrix product of the same
machine, with the profile's own uncertainty beside it.
"""

from typing import Literal

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.profilers.hardware.machine_profile import (
    InvalidProfile,
    Profile,
    fractions,
    from_json,
)
from adabench.reports.tables.cells import Cell, Column, Sheet, text_columns


def fractions_sheet(findings: Findings) -> Sheet:
    """Return a row per operating point with counted FLOPs; no rows without a profile.

    FLOPs per token count with the tokens of a case.
    """
    columns = (*text_columns("method", "at*"), Column("fraction"), *text_columns("of"))
    kept = findings.manifest.get("profile") or {}
    title = "Fractions of the machine's ceilings"
    try:
        pinned = from_json(kept.get("pinned") or {})
    except InvalidProfile:
        return Sheet(title, columns, ())
    rows = [cells for row in findings.summary for cells in _rows(row, pinned)]
    caption = f"hardware profile {kept.get('name')}; operations per second of latency"
    return Sheet(title, columns, tuple(rows), caption)


def _rows(row: SummaryRow, pinned: Profile) -> list[tuple[Cell, ...]]:
    values = {name: estimate.estimate for name, estimate in row.metrics.items()}
    counted = row.metrics.get("flops_counted")
    if counted and counted.unit == "FLOP/token" and "tokens" in values:
        values["flops"] = counted.estimate * values["tokens"]
    place: Literal["cpu", "gpu"] = "gpu" if "cuda_s" in values else "cpu"
    where = ", ".join(f"{name}={value}" for name, value in {**row.conditions, **row.point}.items())
    return [
        (
            Cell(f"{row.task}/{row.method}", tone="strong"),
            Cell(where),
            Cell(f"{item.value:.2%}", f"± {item.u_rel:.0%} of it", value=item.value),
            Cell(item.of),
        )
        for item in fractions(values, pinned, place=place)
        if item.name == "compute"
    ]
