"""Says what experiment trackers get of a run: each operating point, and the files of the whole run.

Knobs and conditions are parameters, means and the ends of their intervals metrics, what is behind each joule a label. A joule that nobody
measured is no metric, and its label says `unavailable`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.card import Card
from adabench.harness.store import run_folder
from adabench.reports.export.tidy_frame import ENERGY, UNAVAILABLE, setting_text
from adabench.reports.shown_points import card_of


@dataclass(frozen=True)
class TrackedPoint:
    """One method at one operating point."""

    name: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    labels: Mapping[str, str]
    """By the name of an energy: what is behind it."""
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker sees it."""

    name: str
    """Of its folder: points of one run belong together."""
    points: tuple[TrackedPoint, ...]
    facts: Mapping[str, Any]
    """Counts of the whole run."""


def tracked_run(findings: Findings) -> TrackedRun:
    """Return what is told of a run."""
    name = Path(findings.run).resolve().name
    tally = findings.tally
    facts = {
        "cells": tally.cells,
        "records": tally.records,
        "errors": len(findings.failed),
        "seeds": ",".join(map(str, tally.seeds)),
        "adabench": str(findings.manifest.get("adabench", "")),
        "records_sha256": str(findings.manifest.get("records_sha256", "")),
    }
    return TrackedRun(name, tuple(_point(findings, name, row) for row in findings.summary), facts)


@contextmanager
def run_files(findings: Findings, page: str) -> Iterator[list[Path]]:
    """Write what belongs to a run into a temporary folder: its manifest and its page."""
    with TemporaryDirectory(prefix="adabench-export-") as place:
        manifest = Path(place, run_folder.MANIFEST)
        known = run_folder.read_manifest(Path(findings.run))
        manifest.write_text(json.dumps(known, indent=1), encoding="utf-8")
        report = Path(place, "report.html")
        report.write_text(page, encoding="utf-8", errors="replace")
        yield [manifest, report]


def _point(findings: Findings, run: str, row: SummaryRow) -> TrackedPoint:
    card: Card = card_of(findings, row.task, row.method)
    setting = setting_text(row.point)
    labels = {name: findings.labels[name] for name in row.metrics if name in findings.labels}
    return TrackedPoint(
        f"{row.task}/{row.method}" + (f" {setting}" if setting else ""),
        {f"point.{k}": v for k, v in row.point.items()}
        | {f"conditions.{k}": v for k, v in row.conditions.items()},
        dict(_numbers(row)),
        labels if ENERGY in row.metrics else {**labels, ENERGY: UNAVAILABLE},
        {"adabench.run": run, "task": row.task, "method": row.method, "role": card.role},
    )


def _numbers(row: SummaryRow) -> Iterator[tuple[str, float]]:
    """Yield each mean and the ends of its interval; what is not finite is left out."""
    for name, estimate in row.metrics.items():
        known = asdict(estimate)
        for key, end in (("estimate", ""), ("low", ".low"), ("high", ".high")):
            value = known[key]
            if value is not None and math.isfinite(value):
                yield f"{name}{end}", float(value)
