"""A long run: nothing is made a record of, nothing is read or judged twice, nothing goes stale.

The bars at 1,000,000 records are measured by `benchmarks/million.py`, and held by the slow test.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.analysis import findings_cache
from adabench.harness.analysis import load_run as loader
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import checksum, manifest, run_folder, table
from adabench.harness.store.journal_reader import JournalReader

pytestmark = pytest.mark.cold

ROOT = Path(__file__).parents[2]
CELLS = [
    Cell("roots", method, {}, {}, "embedded", seed)
    for method in ("fixed", "flaky")
    for seed in range(3)
]


@pytest.fixture
def long_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short run that is treated as a long one."""
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    monkeypatch.setattr(findings_cache, "KEPT_FROM", 1)
    with run_folder.create(tmp_path, [Turn(cell, 0) for cell in CELLS], {"instruments": []}) as run:
        for i, cell in enumerate(CELLS):
            for case in range(5):
                values = {"work": 3.0 + i + case, "right": 1.0, "latency_s": 0.1 * (1 + case)}
                energy = ({"key": "energy_gpu_j", "kind": "counter.nvml", "j": 2.5},)
                run.append(
                    Record(cell, "solve", case, 0, "ok", values | {"energy_gpu_j": 2.5},
                           group="even" if case % 2 else "odd", energy=energy)
                )  # fmt: skip
        run.append(Record(CELLS[0], "solve", 9, 0, "error", {}, "ValueError: x"))
    return tmp_path


def test_what_was_found_comes_back_whole(long_run: Path) -> None:
    first = load_run(long_run)
    assert (long_run / findings_cache.CACHE).exists()
    again = load_run(long_run)
    assert again == replace(first, manifest=again.manifest)
    assert again.manifest["warnings"] == first.manifest["warnings"]
    assert json.dumps(again.to_json()) == json.dumps(first.to_json())
    assert again.labels == first.labels


def test_what_is_known_is_not_read_again(long_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_run(long_run)
    monkeypatch.setattr(JournalReader, "blocks", None)
    load_run(long_run)


def test_a_long_finished_run_is_opened_without_reading_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    with run_folder.create(tmp_path, [Turn(CELLS[0], 0)], {}) as run:
        run.append(Record(CELLS[0], "solve", 0, 0, "ok", {"work": 1.0}))
    table.read(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(JournalReader, "blocks", None)
        with run_folder.resume(tmp_path) as again:
            assert again.remaining == ()
    with run_folder.resume(tmp_path) as again:  # read after all, once something is appended
        again.append(Record(CELLS[0], "solve", 0, 0, "ok", {"work": 1.0}))
        again.append(Record(CELLS[0], "solve", 1, 0, "ok", {"work": 2.0}))
    assert [record.case for record in run_folder.records(tmp_path)] == [0, 1]


def changed_line(line: bytes) -> bytes:
    """Change what a line of the journal says, with the checksum of it."""
    changed = json.loads(line.replace(b"2.5", b"9.5"))
    return checksum.sealed({name: value for name, value in changed.items() if name != "x"})


@pytest.mark.parametrize("what", ["records", "manifest", "cards", "sources"])
def test_whatever_changes_is_judged_anew(
    long_run: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = load_run(long_run)
    if what == "records":
        path = long_run / run_folder.RECORDS
        path.write_bytes(b"\n".join(map(changed_line, path.read_bytes().splitlines())) + b"\n")
    elif what == "manifest":
        manifest.write_manifest(
            long_run, run_folder.read_manifest(long_run) | {"unwatched": {"x": "None."}}
        )
    elif what == "cards":
        changed = {name: replace(card, title="new") for name, card in before.task_cards.items()}
        real = loader.find_cards
        monkeypatch.setattr(
            loader, "find_cards", lambda a, *run: changed if "roots" in a else real(a, *run)
        )
    else:
        monkeypatch.setattr(findings_cache.source_digests, "digest", lambda sources: "other")
    judged = []
    monkeypatch.setattr(loader, "analyse", lambda *a: judged.append(1) or before)
    load_run(long_run)
    assert judged


def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    long_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load_run(long_run).to_json()
    for copy in (table.CACHE, findings_cache.CACHE):
        (long_run / copy).unlink()
        (long_run / copy).mkdir()  # root may write anywhere, but not over a folder
    assert load_run(long_run).to_json() == expected


def test_judging_makes_no_object_a_record(long_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = Record.__init__
    monkeypatch.setattr(
        Record, "__init__", lambda self, *a, **k: (made.append(1), real(self, *a, **k))[1]
    )
    load_run(long_run)
    assert len(made) == 1  # of 31: the one that failed


def measured(*words: str) -> tuple[float, float]:
    """Return the wall time and the peak memory of a command."""
    code = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(done.returncode, time.perf_counter() - start, used.ru_maxrss * 1024)\n"
    )
    program = shutil.which("adabench", path=str(Path(sys.executable).parent)) or "adabench"
    out = subprocess.run(
        [sys.executable, "-c", code, program, *words], capture_output=True, text=True, check=True
    ).stdout.split()
    assert out[0] == "0", words
    return float(out[1]), float(out[2])


@pytest.mark.slow
def test_a_million_records(tmp_path: Path) -> None:
    """Bar 4, where nothing else runs: 10 s and 1 GB a command, 2 s to open again."""
    folder = tmp_path / "run"
    make = [sys.executable, "-P", str(ROOT / "benchmarks" / "million.py"), "make", str(folder)]
    subprocess.run(make, check=True, env=os.environ)
    assert (folder / run_folder.RECORDS).read_bytes().count(b"\n") > 1_000_000
    for words in (("claims", str(folder)), ("compare", str(folder), str(folder)),
                  ("report", str(folder))):  # fmt: skip
        for copy in folder.glob("*.cache"):
            copy.unlink()
        seconds, peak = measured(*words)
        assert seconds < 10, words
        assert peak < 1e9, words
    seconds, peak = measured("run", "--resume", str(folder))
    assert seconds < 2
    assert (folder / "report.html").stat().st_size < 5_000_000
