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
