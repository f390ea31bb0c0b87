"""Histories over kept runs: links by pairs, levels, breaks, machines, planted steps."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.analysis.analyse import analyse
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.history import archive
from adabench.harness.history import series as history
from adabench.harness.history.archive import ArchivedRun
from adabench.harness.store import run_folder
from adabench.harness.store.table import from_records

CARD = Card(
    "Sums",
    metrics=(
        Metric("accuracy", "1", "higher", "quality", primary=True),
        Metric("steps", "steps", "lower", "work", primary=True),
    ),
)
HARDWARE = {"cpu_model": "A", "cores": 2, "system": "Linux", "machine": "x86_64"}
CASES = 20


def records(rng: np.random.Generator, latency: float = 1.0, steps: float = 1.0) -> list[Record]:
    """One run of a method: the same cases, each with its own difficulty, a little noise in time."""
    made = []
    for seed in range(2):
        cell = Cell("sums", "long", {}, {}, "embedded", seed)
        for case in range(CASES):
            hard = 1 + case % 5
            values = {
                "accuracy": float(case % 3 != 0),
                "steps": round(100 * hard * steps),
                "latency_s": 1e-3 * hard * latency * math.exp(rng.normal(0, 0.01)),
            }
            made.append(Record(cell, "solve", case, 0, "ok", values))
    return made


def keep(site: Path, day: int, made: list[Record], **manifest: Any) -> None:
    """Keep a run in a site as `publish` does."""
    whole: dict[str, Any] = {
        "started": f"2026-01-{day:02}T10:00:00+00:00",
        "environment": {**HARDWARE, "git_commit": f"{day:040x}"},
        "sources": {"sums/long": "a", "sums": "t"},
        "instruments": [],
        "schema": run_folder.SCHEMA,
        **manifest,
    }
    table = from_records(made)
    findings = analyse(
        "r", whole, {"sums": CARD}, {"sums/long": Card("Long"), "sums/short": Card("S")}, table
    )
    folder = site / "data" / "runs" / f"202601{day:02}-100000-x"
    folder.mkdir(parents=True)
    for name, content in archive.files(findings, table, f"run {day}").items():
        (folder / name).write_bytes(content)


def series(site: Path) -> dict[str, history.Series]:
    groups = history.machines(archive.read_archive(site))
    found = history.histories(groups, lambda a, b: history.index_links(history.links(a, b)))
    return {f"{item.metric}/{item.hardware}": item for item in found}


def test_what_is_kept_has_the_same_bytes_and_comes_back(tmp_path: Path) -> None:
    made = records(np.random.default_rng(0))
    keep(tmp_path / "a", 1, made)
    keep(tmp_path / "b", 1, made)
    for name in (archive.MANIFEST, archive.FINDINGS, archive.CASES):
        [one], [other] = ([*(tmp_path / s).rglob(name)] for s in "ab")
        assert one.read_bytes() == other.read_bytes()
    [kept] = archive.read_archive(tmp_path / "a")
    was, now = from_records(made), kept.side().table
    assert now.cells == was.cells
    for name, column in was.columns.items():
        assert np.array_equal(now.columns[name], column)
    assert kept.cards["sums"].metrics == CARD.metrics


def test_a_run_of_another_format_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, 1, records(np.random.default_rng(0)))
    [path] = tmp_path.rglob(archive.MANIFEST)
    data = json.loads(path.read_text())
    data["kept"]["format"] = 99
    del data["sha256"]
    path.write_text(json.dumps(data))
    with pytest.raises(StoreError, match="format 99"):
        archive.read_archive(tmp_path)


def test_the_name_in_a_site_is_that_of_the_plan(tmp_path: Path) -> None:
    cell = Cell("sums", "long", {}, {}, "embedded", 0)
    manifest = {"started": "2026-02-03T04:05:06+00:00"}
    with run_folder.create(tmp_path / "r", [Turn(cell, 0)], manifest) as run:
        name = archive.identity(tmp_path / "r")
        run.append(Record(cell, "solve", 0, 0, "ok", {"steps": 1}))
    assert archive.identity(tmp_path / "r") == name
    assert name.startswith("20260203-040506-")


def test_a_planted_step_in_time_is_found_and_counts_stay_equal(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for day in range(1, 11):
        whole_run = math.exp(rng.normal(0, 0.005)) * (1.15 if day > 5 else 1.0)
        keep(tmp_path, day, records(rng, latency=whole_run))
    found = series(tmp_path)
    [step] = found["latency_s/0"].changes
    assert step.before.startswith("20260105")
    assert step.after.startswith("20260106")
    assert step.low < 1.15 < step.high
    assert step.low > 1.02
    assert not step.better
    assert not found["steps/0"].changes
    assert not found["accuracy/0"].changes
    levels = [point.level for point in found["latency_s/0"].points]
    assert levels[-1] == pytest.approx(1.15 * (levels[0] or 0), rel=0.05)


def test_a_planted_step_in_a_count_needs_two_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    keep(tmp_path, 1, records(rng))
    keep(tmp_path, 2, records(rng, steps=0.9))
    [step] = series(tmp_path)["steps/0"].changes
    assert step.estimate == pytest.approx(0.9, rel=0.01)
    assert step.better


def test_noise_of_whole_runs_is_no_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for day in range(1, 9):
        keep(tmp_path, day, records(rng, latency=math.exp(rng.normal(0, 0.08))))
    found = series(tmp_path)
    assert not any(item.changes for item in found.values())
    links = [point.link for point in found["latency_s/0"].points if point.link]
    # The pairs alone would have called several of these runs different.
    assert sum(link.p < 0.001 for link in links) >= 2


def test_other_hardware_has_a_history_of_its_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for day in range(1, 5):
        other = {**HARDWARE, "cpu_model": "AB"[day % 2]}
        keep(tmp_path, day, records(rng, latency=1 + day % 2), environment=other)
    found = series(tmp_path)
    assert {name for name in found if name.startswith("latency")} == {"latency_s/0", "latency_s/1"}
    assert all(len(item.points) == 2 for item in found.values())
    assert not any(item.changes for item in found.values())


def test_changed_task_files_break_a_history(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    keep(tmp_path, 1, records(rng))
    keep(tmp_path, 2, records(rng))
    keep(tmp_path, 3, records(rng, steps=2.0), sources={"sums/long": "b", "sums": "u"})
    keep(tmp_path, 4, records(rng, steps=2.0), sources={"sums/long": "b", "sums": "u"})
    found = series(tmp_path)["steps/0"]
    assert not found.changes
    broken = [point.link.broken for point in found.points if point.link and point.link.broken]
    assert broken == ["the files of task sums changed"]
    assert [point.level for point in found.points][2:] == pytest.approx([546.4] * 2, rel=0.1)


def test_a_run_between_that_lacks_the_method_is_stepped_over(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    made = records(rng)
    other = [replace(r, cell=replace(r.cell, method="short")) for r in made]
    keep(tmp_path, 1, made)
    keep(tmp_path, 2, other)
    keep(tmp_path, 3, records(rng))
    found = series(tmp_path)["steps/0"]
    assert [point.run[:8] for point in found.points] == ["20260101", "20260103"]


def test_links_survive_json(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    keep(tmp_path, 1, records(rng))
    keep(tmp_path, 2, records(rng, latency=1.3))
    a, b = archive.read_archive(tmp_path)
    links = history.links(a, b)
    text = json.dumps(history.links_json(links), allow_nan=False)
    assert history.links_from_json(json.loads(text)) == links
    assert isinstance(a, ArchivedRun)
