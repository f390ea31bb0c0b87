"""What a site shows, as data: its runs, machines and histories, and what stands of each method."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adabench.harness.files import json_document
from adabench.harness.history.archive import AGAIN, ArchivedRun
from adabench.harness.history.series import LevelChange, Series
from adabench.reports.figures.style import file_stem

ANSWERS = "answers.json"
"""Of a run that a site keeps: its tasks' sentences and small plots."""
UNTESTED = ("not testable here", "not run")


@dataclass(frozen=True, eq=False)
class Site:
    """What a site shows."""

    title: str
    runs: tuple[ArchivedRun, ...]
    """In order of time."""
    machines: tuple[tuple[ArchivedRun, ...], ...]
    series: tuple[Series, ...]

    @cached_property
    def by_id(self) -> dict[str, ArchivedRun]:
        """The runs by name."""
        return {run.id: run for run in self.runs}

    @cached_property
    def steps(self) -> list[tuple[Series, LevelChange]]:
        """Every step."""
        return [(series, change) for series in self.series for change in series.changes]

    @cached_property
    def addresses(self) -> list[str]:
        """Every method that a run has, sorted."""
        return sorted({cell.address for run in self.runs for cell in run.cells})

    @cached_property
    def claims(self) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        """What stands of every claim: the latest verdict that is one."""
        found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for run in self.runs:
            for row in run.findings["claims"]:
                key = row["task"], row["method"], row["id"]
                if key not in found or row["verdict"] not in UNTESTED:
                    found[key] = row
        return found

    @cached_property
    def answers(self) -> dict[str, str]:
        """The latest sentence and small plot of every task, as HTML.

        Runs that an earlier version published have none.
        """
        found: dict[str, str] = {}
        for run in self.runs:
            path = run.folder / ANSWERS
            if path.is_file():
                found |= json_document.parse(path.read_bytes(), path, {str: str}, AGAIN)
        return {task: found[task] for task in sorted(found)}

    @cached_property
    def gaps(self) -> dict[str, Mapping[str, Any]]:
        """The latest oracle gap of every adaptive method that has a number, by address.

        Runs that an earlier version published have none.
        """
        found = {}
        for run in self.runs:
            for row in run.findings.get("gap", ()):
                address = f"{row['task']}/{row['method']}"
                if row["gap_closed"] is not None and role(run, address) == "adaptive":
                    found[address] = row
        return found


def role(run: ArchivedRun, address: str) -> str:
    """Return a method's role as a run knew it."""
    return str(run.manifest["kept"]["methods"].get(address, {}).get("role", ""))


def method_file(address: str) -> str:
    """Return where a method's page is."""
    return f"methods/{file_stem(address)}.html"


def run_file(run: str) -> str:
    """Return where a run's report is."""
    return f"runs/{run}.html"


def headline_words(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the verdicts on headline claims that could be tested.

    Runs that an earlier version published do not say which claims are headlines, and count nothing.
    """
    return [
        row["verdict"]
        for row in rows
        if row.get("source") == "headline" and row["verdict"] not in UNTESTED
    ]
