"""Findings that are kept without their records say what they can, and refuse the rest."""

from pathlib import Path

import pytest

from adabench.harness.analysis import findings_file
from adabench.harness.analysis.load_run import find_cards, load_run
from adabench.harness.compare import loaded_run
from adabench.harness.errors import StoreError
from adabench.harness.store import packed_run, run_folder, table

RECORDED = Path(__file__).parents[3] / "docs" / "recorded" / "paging"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded run as ordinary files."""
    folder = tmp_path_factory.mktemp("plain")
    for name in (run_folder.RECORDS, run_folder.MANIFEST):
        (folder / name).write_bytes(packed_run.read_bytes(RECORDED / name))
    return folder


@pytest.fixture(scope="module")
def findings_only(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run's findings."""
    folder = tmp_path_factory.mktemp("findings")
    findings_file.write(load_run(plain), plain, folder)
    return folder


def test_findings_read_as_those_of_the_run(plain: Path, findings_only: Path) -> None:
    assert sorted(path.name for path in findings_only.iterdir()) == [
        "findings.json.gz", "run.json.gz",
    ]  # fmt: skip
    whole, alone = load_run(plain), load_run(findings_only)
    assert alone.to_json() | {"run": ""} == whole.to_json() | {"run": ""}
    assert alone.manifest["records_sha256"] == run_folder.digest(plain)


@pytest.mark.parametrize(
    "read", [table.read, run_folder.records, run_folder.resume, loaded_run.load_run]
)
def test_what_needs_records_is_refused_with_the_command_that_makes_them(
    findings_only: Path, read
) -> None:
    with pytest.raises(StoreError, match="findings of a run without its records") as seen:
        read(findings_only)
    assert "adabench run 'paging/*'" in seen.value.hint


def test_damaged_findings_are_said(findings_only: Path, tmp_path: Path) -> None:
    for path in findings_only.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "findings.json.gz").write_bytes(b"no gzip at all")
    with pytest.raises(StoreError, match="cannot be read"):
        findings_file.read(tmp_path, find_cards)


def test_a_packed_folder_takes_no_new_run(findings_only: Path) -> None:
    with pytest.raises(StoreError, match="holds a packed run already") as seen:
        run_folder.create(findings_only, (), {})
    assert "--out" in seen.value.hint


@pytest.mark.parametrize(
    "folder",
    [f for f in sorted(RECORDED.parent.iterdir()) if run_folder.has_only_findings(f)],
    ids=lambda folder: folder.name,
)
def test_recorded_runs_without_records_open(folder: Path) -> None:
    found = load_run(folder)
    assert found.summary
    assert found.claims


def test_the_document_has_the_shape_that_programs_read(plain: Path) -> None:
    document = load_run(plain).to_json()
    gap = {row["method"]: row for row in document["gap"]}["mark0"]
    assert gap.keys() >= {
        "task", "method", "status", "gap_closed", "low", "high", "oracle", "mixture",
        "cost_at_equal_quality", "quality_at_equal_cost",
    }  # fmt: skip
    assert gap["cost_at_equal_quality"].keys() >= {"estimate", "low", "high"}
    assert -1 <= gap["low"] <= gap["gap_closed"] <= gap["high"] <= 1
    assert document["speedup"][0].keys() >= {
        "task", "method", "metric", "work", "speedup", "low", "high", "reason",
    }  # fmt: skip
    assert document["claims"][0].keys() >= {
        "id", "task", "method", "paper_slug", "source", "verdict", "estimate", "low", "high",
        "paper", "effect", "bar", "n", "trainings", "met_by", "run_with",
    }  # fmt: skip
    for row in document["scoreboard"]:
        own = [
            claim for claim in document["claims"]
            if (claim["paper_slug"], claim["source"]) == (row["paper_slug"], "headline")
        ]  # fmt: skip
        assert sum(row["headline"].values()) == len(own) > 0
    for row in document["gap"]:
        held = row["gap_closed"] is not None
        assert held == (row["status"] == "measured")
        assert held or row["reason"]
