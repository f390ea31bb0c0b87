"""What a site keeps of a run to show its answers: each task's sentence and small plot, as HTML.

They are made when the run is published, while its cards and its findings are at hand.
"""

import numpy as np

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.record import Cell
from adabench.harness.store.table import Table
from adabench.reports import shown_points
from adabench.reports.report.front_page import answer
from adabench.reports.site.model import run_file


def answers_of(findings: Findings, run: str) -> dict[str, str]:
    """Return, by task, its sentence and small plot, which link to the run's report."""
    recorded = {row.task for row in findings.summary}
    return {
        task: answer(findings, task, run_file(run), "h3")
        for task in shown_points.tasks(findings)
        if task in recorded
    }


def without_cases(findings: Findings) -> Table:
    """Return a table without rows for a run whose records were not kept: only its cells."""
    scale = (*findings.tally.scales, "embedded")[0]
    seed = (*findings.tally.seeds, 0)[0]
    cells = {
        cell.key: cell
        for row in findings.summary
        for cell in (Cell(row.task, row.method, row.point, row.conditions, scale, seed),)
    }
    none = np.zeros(0, np.intp)
    return Table(
        tuple(cells[key] for key in sorted(cells)), none, none, none, ("",), none, {},
        kinds=findings.tally.kinds,
    )  # fmt: skip
