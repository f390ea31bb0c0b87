"""A run is packed whole, or its findings alone where its records are too many."""

from pathlib import Path

import pytest

from adabench.harness.analysis.load_run import load_run
from adabench.harness.store import packed_run, run_folder
from docs import record

RECORDED = Path(__file__).parents[2] / "docs" / "recorded" / "ray_paths"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run as `adabench run` leaves it, with a command that names a temporary folder."""
    folder = tmp_path / "temporary" / "r"
    folder.mkdir(parents=True)
    for name in (run_folder.RECORDS, run_folder.MANIFEST):
        (folder / name).write_bytes(packed_run.read_bytes(RECORDED / name))
    return folder


@pytest.mark.parametrize(
    ("most", "kept"), [(400_000, "records.jsonl.gz"), (10, "findings.json.gz")]
)
def test_what_is_kept_depends_on_its_size(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, kept: str
) -> None:
    monkeypatch.setattr(record, "MOST_BYTES", most)
    target = tmp_path / "ray_paths"
    target.mkdir()
    (target / "turns.done").touch()  # of an older recording
    size = record.keep(run, target, ("ray_paths/*",))
    assert sorted(path.name for path in target.iterdir()) == sorted([kept, "run.json.gz"])
    assert size == sum(path.stat().st_size for path in target.iterdir())
    findings = load_run(target)
    assert findings.manifest["records_sha256"] == run_folder.digest(run)
    assert findings.manifest["command"] == [
        "adabench", "run", "ray_paths/*", "--no-report", "--out", "docs/recorded/ray_paths",
    ]  # fmt: skip


def test_an_unknown_task_is_refused_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["record", "pagin"])
    monkeypatch.setattr(record, "record", lambda task: pytest.fail(f"{task} was run"))
    with pytest.raises(SystemExit, match="pagin is no task and no further run"):
        record.main()
