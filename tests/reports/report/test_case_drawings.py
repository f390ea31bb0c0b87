"""A case is drawn where the run recorded it, and nowhere else."""

import json
import re
from pathlib import Path

import pytest

from adabench.harness.analysis.analyse import analyse
from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import run_folder
from adabench.reports.report import case_drawings
from adabench.reports.report.page import render

TASK = Card(
    "Paging",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("faults", "faults", "lower", "work", primary=True),
        Metric("instance", "hash", "higher", "info"),
    ),
)
DRAWN = Picture(
    "A cut <tree>",
    (
        Panel(
            "before",
            (
                Mark("discs", ((5.0, 5.0, 1.0),), "solid", "obstacle"),
                Mark("boxes", ((0.0, 0.0, 2.0, 1.0),), "solid", "obstacle"),
                Mark("segments", ((0.0, 0.0, 10.0, 5.0),), "lost", "broken & gone"),
                Mark("line", ((0.0, 0.0), (1.0, 1.0), (2.0, 0.0)), "way", "the way"),
                Mark("dots", ((0.0, 10.0),), "new"),
            ),
        ),
        Panel("after", ()),
    ),
    (0.0, 0.0, 10.0, 10.0),
    "One branch of two breaks.",
    77.0,
)


def run(folder: Path, *cells: Cell, instance: float = 77.0) -> Findings:
    with run_folder.create(folder, [Turn(cell, 0) for cell in cells], {}) as journal:
        for cell in cells:
            values = {"accuracy": 1.0, "faults": 2.0, "latency_s": 1e-3, "instance": instance}
            journal.append(Record(cell, "solve", 0, 0, "ok", values))
    cards = {f"paging/{cell.method}": Card(cell.method, role="static") for cell in cells}
    manifest = run_folder.read_manifest(folder) | {"records_sha256": run_folder.digest(folder)}
    return analyse(str(folder), manifest, {"paging": TASK}, cards, run_folder.records(folder))


def cell(seed: int = 0, **conditions: float) -> Cell:
    return Cell("paging", "lru", {}, conditions, "embedded", seed)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Let the task `paging` draw, and note what it was asked for."""
    calls: list[tuple[object, ...]] = []

    def paint(*what: object) -> Picture:
        calls.append(what)
        return DRAWN

    monkeypatch.setattr(case_drawings, "painter", lambda entry: paint)
    return calls


def test_the_recorded_instance_is_drawn(tmp_path: Path, asked: list[tuple[object, ...]]) -> None:
    page = render(run(tmp_path / "run", cell(3)))
    assert asked == [("embedded", 3, {})]
    assert "A cut &lt;tree&gt;" in page
    assert "One branch of two breaks." in page
    assert "seed 3" in page
    assert page.count('<svg role="img" aria-label="before"') == 1
    assert page.count('<svg role="img" aria-label="after"') == 1


def test_shapes_stand_where_they_belong() -> None:
    """The window is 10 wide and drawn 1,000 wide, y upwards becomes y downwards."""
    html = case_drawings._panel(DRAWN.panels[0], DRAWN)
    paths = dict(re.findall(r'<path class="(\w+) \w+" d="([^"]+)"', html))
    assert paths["segments"] == "M0 1000l1000 -500"
    assert paths["line"] == "M0 1000L100 900L200 1000"
    assert paths["boxes"] == "M0 1000H200V900H0z"
    assert paths["discs"] == "M400 500a100 100 0 1 0 200 0a100 100 0 1 0 -200 0z"
    assert paths["dots"].startswith("M-6 0a6 6")


def test_the_legend_names_each_label_once() -> None:
    legend = case_drawings._legend(DRAWN)
    assert legend.count("obstacle") == 1
    assert "broken &amp; gone" in legend
    assert legend.index("obstacle") < legend.index("the way")
    assert legend.count("<li>") == 3


def test_default_conditions_and_the_least_seed_are_preferred(
    tmp_path: Path, asked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [cell(5, noise=1.0), cell(0, noise=9.0), cell(7, noise=1.0)]
    findings = run(tmp_path / "run", *wanted)
    records = case_drawings.table.read(tmp_path / "run")
    assert case_drawings.choose_cell(records, "paging", {"noise": 1.0}) == wanted[0]
    assert case_drawings.choose_cell(records, "elsewhere", {}) is None
    assert findings.tally.seeds == (0, 5, 7)


def test_another_instance_is_not_shown(tmp_path: Path, asked: list[tuple[object, ...]]) -> None:
    page = render(run(tmp_path / "run", cell(), instance=78.0))
    assert "No picture of a case" in page
    assert "not the recorded one" in page
    assert "A cut" not in page


def test_a_painter_that_fails_costs_the_page_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paint(*_: object) -> Picture:
        raise ZeroDivisionError("no <area>")

    monkeypatch.setattr(case_drawings, "painter", lambda entry: paint)
    page = render(run(tmp_path / "run", cell()))
    assert "ZeroDivisionError: no &lt;area&gt;" in page
    assert "Quality against cost" in page


def test_nothing_is_said_where_nothing_is_drawn(tmp_path: Path) -> None:
    findings = run(tmp_path / "run", cell())
    assert case_drawings.draw_case(findings, "paging") is None  # the task has no picture.py
    assert case_drawings.figure(findings, "paging") == ""
    (tmp_path / "run" / "records.jsonl").unlink()
    assert case_drawings.figure(findings, "paging") == ""


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, asked: list[tuple[object, ...]]) -> None:
    findings = run(tmp_path / "run", cell())
    assert render(findings) == render(findings)
    assert json.dumps(findings.manifest)
