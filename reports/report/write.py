"""`adabench report RUN...`: one page over one run or several, with a look inside every point."""

from collections.abc import Sequence
from pathlib import Path

from adabench.cli import session
from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.invalid_timings import undisturbed
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.store import table


def write(folders: Sequence[Path], out: Path | None) -> Path:
    """Write the page; of one run it goes, without `out`, into the run's folder.

    Raises:
        SelectionError: if several runs are to go nowhere in particular.
        StoreError: for a run that cannot be read, or a page that cannot be written.
    """
    if len(folders) > 1 and out is None:
        raise SelectionError(
            "A page over several runs belongs to none of their folders.",
            "Say where it goes: -o report.html.",
        )
    runs = [session.read(folder) for folder in folders]
    path = out or folders[0] / "report.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(runs, folders), encoding="utf-8")
    except OSError as problem:
        raise StoreError(
            f"The report {path} cannot be written: {problem.strerror}. The records are intact.",
            f"adabench report {' '.join(map(str, folders))} -o FILE.html",
        ) from problem
    return path


def rendered(runs: Sequence[Findings], folders: Sequence[Path]) -> str:
    """Return the page of runs, each with what lies behind its operating points."""
    from adabench.reports.report import drill_down
    from adabench.reports.report.page import render

    digests = [str(run.manifest.get("records_sha256", "")) for run in runs]
    tables = (table.read(folder, sha) for folder, sha in zip(folders, digests, strict=True))
    insides = [
        drill_down.inside(run, undisturbed(read)) for run, read in zip(runs, tables, strict=True)
    ]
    return render(*runs, insides=insides)
