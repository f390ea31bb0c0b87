"""A packed run reads as the run it was made of, and is never added to."""

import gzip
from pathlib import Path

import pytest

from adabench.harness.errors import StoreError
from adabench.harness.store import packed_run, run_folder, table

RECORDED = Path(__file__).parents[3] / "docs" / "recorded" / "paging"
FILES = (run_folder.RECORDS, run_folder.MANIFEST)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A run folder of ordinary files, whatever the recorded one is."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(packed_run.read_bytes(RECORDED / name))
    return folder


def test_a_packed_run_reads_as_before(plain: Path, tmp_path: Path) -> None:
    packed_run.pack(plain, tmp_path / "packed", FILES)
    names = sorted(path.name for path in (tmp_path / "packed").iterdir())
    assert names == ["records.jsonl.gz", "run.json.gz"]
    assert run_folder.digest(tmp_path / "packed") == run_folder.digest(plain)
    assert run_folder.read_manifest(tmp_path / "packed") == run_folder.read_manifest(plain)
    here, there = table.read(plain), table.read(tmp_path / "packed")
    assert here.cells == there.cells
    assert here.columns.keys() == there.columns.keys()
    assert len(here.case) == len(there.case) > 0
    assert len(run_folder.records(plain)) == len(run_folder.records(tmp_path / "packed"))


def test_equal_runs_pack_to_equal_bytes(plain: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        packed_run.pack(plain, tmp_path / name, FILES)
    for name in ("records.jsonl.gz", "run.json.gz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_packed_run_is_not_resumed(plain: Path, tmp_path: Path) -> None:
    packed_run.pack(plain, tmp_path / "packed", FILES)
    with pytest.raises(StoreError, match="packed run, which can only be read") as seen:
        run_folder.resume(tmp_path / "packed")
    assert "gunzip" in seen.value.hint
    assert not (tmp_path / "packed" / run_folder.RECORDS).exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-40], lambda data: b"no gzip at all"])
def test_a_damaged_packed_run_is_said(plain: Path, tmp_path: Path, damage) -> None:
    packed_run.pack(plain, tmp_path / "packed", FILES)
    path = tmp_path / "packed" / "records.jsonl.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError, match="cannot be read"):
        table.read(tmp_path / "packed")


def test_a_run_that_is_there_goes_before_its_packed_copy(plain: Path) -> None:
    path = plain / run_folder.RECORDS
    packed_run.packed(path).write_bytes(gzip.compress(b"{}"))
    assert not packed_run.is_packed(path)
    assert packed_run.size_bytes(path) == path.stat().st_size
