"""Writes the report of one run or several, and the figures and tables for a paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.invalid_timings import drop_invalid_timings
from adabench.harness.analysis.load_run import load_run
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.files.whole_file import write_whole
from adabench.harness.store import run_folder
from adabench.harness.store.table import read as read_table

if TYPE_CHECKING:
    from adabench.reports.report.drill_down import PointDetails


def write_report(
    findings: Findings, folder: Path, out: Path | None = None, *, anew: bool = True
) -> Path:
    """Write the HTML page of one run, by default into the run's folder.

    Unless it is wanted anew, a page that was drawn from these very records is left as it is.

    Raises:
        StoreError: if it cannot be written.
    """
    path = out or folder / "report.html"
    if not anew and _is_drawn_from(path, findings.manifest["records_sha256"]):
        return path
    return _write_page([findings], [folder], path)


def report_runs(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Read runs and write one page over them; of one run it goes, without `out`, into its folder.

    Raises:
        SelectionError: if several runs are to go nowhere in particular.
        StoreError: for a run that cannot be read, or a page that cannot be written.
    """
    if len(folders) > 1 and out is None:
        raise SelectionError(
            "A page over several runs belongs to none of their folders.",
            "Say where it goes: -o report.html.",
        )
    runs = [load_run(folder) for folder in folders]
    return _write_page(runs, folders, out or folders[0] / "report.html")


def render_page(runs: Sequence[Findings], folders: Sequence[Path]) -> str:
    """Return the page of runs, each with what lies behind its operating points.

    Of a run whose records were not kept, its findings are drawn and nothing behind them.
    """
    from adabench.reports.report.page import render

    insides = [_inside(run, folder) for run, folder in zip(runs, folders, strict=True)]
    return render(*runs, insides=insides)


def _inside(run: Findings, folder: Path) -> "dict[int, PointDetails] | None":
    from adabench.reports.report import drill_down

    if run_folder.has_only_findings(folder):
        return None
    own = read_table(folder, str(run.manifest.get("records_sha256", "")))
    return drill_down.inside(run, drop_invalid_timings(own, run.task_cards))


def write_figures(findings: Findings, folder: Path) -> list[Path]:
    """Write the figures as SVG, PDF and PNG, and the tables as LaTeX and Markdown.

    Raises:
        StoreError: if they cannot be written.
    """
    from adabench.reports.paper.figures import save_all

    try:
        return save_all(findings, folder)
    except OSError as problem:
        raise StoreError(
            f"The figures cannot be written to {folder}: {problem.strerror}."
        ) from problem


def _write_page(runs: Sequence[Findings], folders: Sequence[Path], path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, render_page(runs, folders).encode(errors="replace"))
    except OSError as problem:
        raise StoreError(
            f"The report {path} cannot be written: {problem.strerror}. The records are intact.",
            f"adabench report {' '.join(map(str, folders))} -o FILE.html",
        ) from problem
    return path


def _is_drawn_from(page: Path, sha256: str) -> bool:
    try:
        return f"<code>{sha256}</code>" in page.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
