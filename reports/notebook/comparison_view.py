"""Two runs compared, as Python sees it: what `adabench compare` gives, typed and as a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.compare.compare import Comparison, Row, counts
from adabench.harness.compare.compare_runs import CompareRequest, compare_runs
from adabench.harness.compare.comparison_document import row_document
from adabench.harness.errors import SelectionError
from adabench.reports.notebook.findings_frames import frame_of
from adabench.reports.notebook.run_view import Run
from adabench.reports.report import markup
from adabench.reports.tables.comparison import tally, unlike_sheet, verdict_sheet

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class RunComparison:
    """Runs held against a base run: what `adabench.compare` returns."""

    comparisons: tuple[Comparison, ...]
    """One for each other run."""

    @property
    def rows(self) -> Sequence[Row]:
        """Every verdict: on one metric of one operating point."""
        return [row for one in self.comparisons for row in one.rows]

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each word was given: worse, ambiguous, invalid, better, same."""
        return {str(word): number for word, number in counts(self.comparisons).items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the comparison."""
        return tuple(note for one in self.comparisons for note in one.notes)

    def frame(self) -> "pd.DataFrame":
        """Return one row a verdict, with the columns of `adabench compare --json`."""
        return frame_of([
            _named({"other": one.other, **row_document(row)})
            for one in self.comparisons
            for row in one.rows
        ])  # fmt: skip

    def __repr__(self) -> str:
        first = self.comparisons[0]
        others = ", ".join(one.other for one in self.comparisons)
        said = ", ".join(f"{number} {word}" for word, number in self.counts.items() if number)
        return f"<adabench comparison of {others} with {first.base}: {said}>"

    def _repr_html_(self) -> str:
        """Draw the verdicts for a notebook; what is the same is counted only."""
        parts = []
        for one in self.comparisons:
            sheet = verdict_sheet(one)
            said = markup.table(sheet) or f"<p>{markup.name(tally(counts([one])))}</p>"
            notes = "".join(f"<li>{markup.name(note)}</li>" for note in one.notes)
            parts += [markup.table(unlike_sheet(one)), said, f"<ul>{notes}</ul>" if notes else ""]
        return "".join(parts)


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Give the parts of an effect that is not there their columns all the same."""
    return row | {"effect": row["effect"] or {}}


def compare(
    base: str | Path | Run,
    *others: str | Path | Run,
    margins: Mapping[str, str] | None = None,
    metrics: Sequence[str] = (),
    across_hardware: bool = False,
) -> RunComparison:
    """Hold runs against the first, as `adabench compare` does.

    `margins` says what counts as no change: `{"latency_s": "3%", "accuracy": "1pt"}`.

    Raises:
        SelectionError: for a margin or metric that makes no sense, or one run alone.
        StoreError: for a folder that is no run, or runs without a common operating point.
        EnvironmentProblem: for unlike hardware, unless `across_hardware`.
    """
    if not others:
        raise SelectionError("One run cannot be compared.", "adabench.compare(base, other)")
    words = tuple(f"{name}={margin}" for name, margin in (margins or {}).items())
    request = CompareRequest(
        _folder(base), tuple(map(_folder, others)), words, tuple(metrics), across_hardware
    )
    return RunComparison(tuple(compare_runs(request)))


def _folder(place: str | Path | Run) -> Path:
    return place.folder if isinstance(place, Run) else Path(place)
