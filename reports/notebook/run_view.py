"""A run folder as Python sees it: its records and findings as frames, its page, its front."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.invalid_timings import drop_invalid_timings
from adabench.harness.analysis.load_run import load_run
from adabench.harness.analysis.serving import Objective, serving_points
from adabench.harness.contract.record import Record
from adabench.harness.decision.answer import Answer
from adabench.harness.decision.answer_rules import answers
from adabench.harness.notebook.run_arguments import seconds
from adabench.harness.provenance import worker_environment
from adabench.harness.store import run_folder
from adabench.harness.store.table import read as read_table
from adabench.reports import shown_points
from adabench.reports.export.records_frame import records_frame
from adabench.reports.export.tidy_frame import tidy_frame
from adabench.reports.notebook.findings_frames import front_frame, part_frame, summary_frame
from adabench.reports.report import markup
from adabench.reports.report.write import write_report
from adabench.reports.tables.claim_sheets import claims_sheets
from adabench.reports.tables.sheets import summary_sheet
from adabench.reports.tables.terminal import claims_markdown, summary_markdown

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """A run that was recorded: what `adabench.run` and `adabench.load` return.

    Everything is read from the folder, and computed when it is first asked for. `findings` holds it
    as typed objects, the methods give frames.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        """Where the run lies."""
        self.findings: Findings = load_run(self.folder)
        """Everything that is computed from the records."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the run's numbers less than they look."""
        return tuple(map(str, self.findings.manifest.get("warnings", ())))

    @property
    def failed(self) -> Sequence[Record]:
        """The records of what went wrong."""
        return self.findings.failed

    def frame(self, *, disturbed: bool = False) -> "pd.DataFrame":
        """Return the solving records as a tidy frame: one row a value, with unit and label.

        `label` says what is behind a joule: `measured`, `counter`, `estimated` or, with NaN for a
        value, `unavailable`. Times and joules of cells that other processes disturbed are left out,
        as in every table; `disturbed` brings them back.

        Raises:
            StoreError: if the records were not kept.
        """
        manifest = self.findings.manifest
        own = read_table(self.folder, str(manifest.get("records_sha256", "")))
        own = own if disturbed else drop_invalid_timings(own, self.findings.task_cards)
        return tidy_frame(own, manifest, self.findings.task_cards)

    def records(self) -> "pd.DataFrame":
        """Return one row a record as it was written: preparations and failures too, values as columns.

        Raises:
            StoreError: if the records were not kept.
        """
        manifest = worker_environment.measured(run_folder.read_manifest(self.folder))
        return records_frame(run_folder.records(self.folder), manifest)

    def summary(self) -> "pd.DataFrame":
        """Return the mean of every metric at every operating point, with its 95 % interval."""
        return summary_frame(self.findings)

    def claims(self) -> "pd.DataFrame":
        """Return the verdicts on the claims of the run's methods."""
        return part_frame(self.findings, "claims")

    def gap(self) -> "pd.DataFrame":
        """Return how much of the gap between static mixture and oracle each method closes."""
        return part_frame(self.findings, "gap")

    def speedup(self) -> "pd.DataFrame":
        """Return how much of the saved work became time or energy."""
        return part_frame(self.findings, "speedup")

    def scoreboard(self) -> "pd.DataFrame":
        """Return how many headline claims of each paper got which verdict."""
        return part_frame(self.findings, "scoreboard").fillna(0)

    def front(self, quality: str = "", cost: str = "", *, oracles: bool = False) -> "pd.DataFrame":
        """Return the Pareto front: the operating points that no other one beats in both metrics.

        Conditions stand at their defaults, a budget apart. Without names each task's primary
        quality and primary work are taken. Oracles are no competitors and are left out.

        Raises:
            SelectionError: if no task has both metrics.
        """
        return front_frame(self.findings, quality, cost, oracles=oracles)

    def serving(
        self, slo: float | str | None = None, slo_ttft: float | str | None = None
    ) -> "pd.DataFrame":
        """Return what each method gave under load, a row each: throughput, percentiles of seconds, goodput.

        An answer is in time within `slo` (`"2s"`), and if its first word came within `slo_ttft`.

        Raises:
            StoreError: if the records were not kept.
        """
        import pandas as pd

        objective = Objective(seconds(slo), seconds(slo_ttft))
        points = serving_points(run_folder.records(self.folder), objective)
        return pd.DataFrame([asdict(point) for point in points])

    def report(self, path: str | Path | None = None) -> Path:
        """Write the HTML page, by default into the run's folder, and return where it is.

        Raises:
            StoreError: if it cannot be written.
        """
        return write_report(self.findings, self.folder, Path(path) if path else None)

    def figures(self, folder: str | Path) -> list[Path]:
        """Draw quality-cost plots, curves and allocations of each task as PNG and SVG; return the files."""
        from adabench.reports.figures.pareto import save_figures

        return save_figures(self.findings, Path(folder))

    def answers(self) -> dict[str, Answer]:
        """Return what each adaptive method comes to in this run, by address: a word, and the figures behind it."""
        return answers(self.findings)

    def to_markdown(self) -> str:
        """Return the tables that the command prints, as Markdown: summaries, gaps, verdicts."""
        tables = summary_markdown(self.findings), claims_markdown(self.findings)
        return "\n".join(filter(None, tables))

    def to_json(self) -> dict[str, Any]:
        """Return the document that `adabench run --json` prints."""
        return self.findings.to_json()

    @cached_property
    def _line(self) -> str:
        tally = self.findings.tally
        parts = [f"{tally.cells} configurations", f"{tally.records} records"]
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{len(self.warnings)} warnings"] if self.warnings else []
        return f"{self.folder}: {', '.join(parts)}"

    def __repr__(self) -> str:
        return f"<adabench run {self._line}>"

    def _repr_html_(self) -> str:
        """Draw the run for a notebook: each method once, verdicts, and what is to be known of them."""
        tasks = shown_points.tasks(self.findings)
        sheets = [summary_sheet(self.findings, task) for task in tasks]
        sheets += claims_sheets(self.findings)
        notes = "".join(f"<li>{markup.name(text)}</li>" for text in self.warnings)
        return "".join([
            f"<p>adabench run {markup.name(self._line)}</p>",
            f"<ul>{notes}</ul>" if notes else "",
            *map(markup.table, sheets),
        ])  # fmt: skip


def load(folder: str | Path) -> Run:
    """Read a run that was recorded before, by the command or from Python.

    Raises:
        StoreError: if it is not a run, or holds damaged records.
    """
    return Run(folder)


def tidy_frame_of(folders: Sequence[Path]) -> "pd.DataFrame":
    """Return the tidy frame of a run; of several with a column `run` in front that names the folder.

    Raises:
        StoreError: for a folder that is not a run, or whose records were not kept.
    """
    import pandas as pd

    frames = [Run(folder).frame() for folder in folders]
    if len(frames) == 1:
        return frames[0]
    for folder, frame in zip(folders, frames, strict=True):
        frame.insert(0, "run", str(folder))
    return pd.concat(frames, ignore_index=True)
