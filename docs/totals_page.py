"""The page docs/totals.md: what papers, tasks and families take, as checks/totals.toml holds it."""

from pathlib import Path

from checks.totals import PAPER_FILES, PAPER_LINES, TASK_LINES, TASK_TEST_LINES, read_totals

ROOT = Path(__file__).resolve().parents[1]
INTRO = f"""\
Lines of Python that are allowed, tests counted. They only fall: `python -m checks --lower` writes what has fallen. A new
paper has {PAPER_FILES} files and {PAPER_LINES:,} lines with its tests, a new task {TASK_LINES:,} lines and {TASK_TEST_LINES} of
tests. A paper's own are its methods, rivals and controls that only it has, and parts, trainings and tests that
nothing else leads to; what several papers use is their task's. `python -m checks` prints what they take now."""


def page(note: str) -> str:
    """Return the page, under a note that says where it comes from."""
    found = read_totals(ROOT)
    tables = (
        _table(("paper", "files", "lines with tests"), found.papers),
        _table(("task", "lines", "lines of tests"), found.tasks),
        _table(("family", "lines", "lines of tests"), found.families),
    )
    return "\n\n".join((note, "# Totals", INTRO, *tables)) + "\n"


def _table(head: tuple[str, str, str], rows: dict[str, tuple[int, int]]) -> str:
    ordered = sorted(rows.items(), key=lambda row: (-sum(row[1]), row[0]))
    lines = [f"| {name} | {first:,} | {second:,} |" for name, (first, second) in ordered]
    return "\n".join((f"| {' | '.join(head)} |", "|---|---:|---:|", *lines))
