"""Carbon of a run: grams of CO2 equivalent a case, with the label of their joules and the factor."""

from typing import Any

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.profilers.energy.carbon import Factor
from adabench.reports import shown_points
from adabench.reports.tables.cells import Cell, Column, Sheet, energy_cell, text_of

UNIT = "gCO2e"
KEYS = ("energy_j", "energy_est_j")


def carbon_sheet(findings: Findings, task: str, factor: Factor) -> Sheet:
    """Return the joules and grams of every method of a task at its default operating point."""
    names = shown_points.methods(findings, task)
    rows = [r for name in names if (r := shown_points.default_row(findings, task, name))]
    columns = (Column("method", right=False), Column("energy a case"), Column("CO2e a case"))
    body = tuple(
        (Cell(row.method, tone="strong"), energy_cell(findings, row), _grams(findings, row, factor))
        for row in rows
        if _energy(row)
    )
    return Sheet(f"{task}: carbon", columns, body, f"Factor: {factor}.")


def carbon_document(findings: Findings, factor: Factor) -> dict[str, Any]:
    """Return the factor, and the grams of every row that has an energy, for `run --json`."""
    rows = [
        {
            "task": row.task,
            "method": row.method,
            "point": dict(row.point),
            "conditions": dict(row.conditions),
            "energy": name,
            "label": findings.labels.get(name, "estimated"),
            "g": factor.grams(row.metrics[name].estimate),
        }
        for row in findings.summary
        if (name := _energy(row))
    ]
    return {
        "g_per_kwh": factor.g_per_kwh,
        "region": factor.region,
        "year": factor.year,
        "source": factor.source,
        "rows": rows,
    }


def _grams(findings: Findings, row: SummaryRow, factor: Factor) -> Cell:
    name = _energy(row)
    grams = factor.grams(row.metrics[name].estimate)
    label, text = shown_points.energy_label(findings, name), text_of(grams, UNIT)
    if label == "est.":
        return Cell(f"~{text}", label, value=grams)
    return Cell(text, f"({label})", value=grams)


def _energy(row: SummaryRow) -> str:
    return next((name for name in KEYS if name in row.metrics), "")
