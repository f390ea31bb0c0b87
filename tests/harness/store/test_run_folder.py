"""Append-only runs: round trips, cut lines, full disks, two writers."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.contract.record import Cell, Record, Turn, record_from_json
from adabench.harness.errors import StoreError
from adabench.harness.store import run_folder

CELL = Cell("t", "m", {"width": 2}, {"rate": 0.5}, "embedded", 0)
OTHER = Cell("t", "n", {}, {"rate": 0.5}, "embedded", 0)
TURNS = (Turn(CELL, 0), Turn(OTHER, 0))

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
values = st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False))


def records_of(cell: Cell, count: int) -> list[Record]:
    return [Record(cell, "solve", case, 0, "ok", {"steps": case + 0.5}) for case in range(count)]


@given(values, names)
def test_a_record_survives_its_line(numbers: dict[str, float], note: str) -> None:
    record = Record(CELL, "solve", 3, 1, "ok", numbers, note, group="g")
    line = json.dumps(record.to_json(), allow_nan=False)
    assert record_from_json(json.loads(line)) == record


def test_the_provenance_of_energy_survives_its_line_and_costs_nothing_where_there_is_none() -> None:
    said = {"key": "energy_gpu_j", "kind": "counter.nvml", "j": 2.5, "u_j": 0.1}
    record = Record(CELL, "solve", 3, 1, "ok", {"energy_gpu_j": 2.5}, energy=(said,))
    assert record_from_json(json.loads(json.dumps(record.to_json()))) == record
    assert "energy" not in Record(CELL, "solve", 3, 1, "ok").to_json()


def test_a_value_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Record(CELL, "solve", 0, 0, "ok", {"x": float("nan")}).to_json()


def test_a_folder_with_files_of_somebody_is_not_made_a_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"not empty: it holds thesis\.tex"):
        run_folder.create(tmp_path, TURNS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with run_folder.create(tmp_path / "run", TURNS, {}):
        pass
    with run_folder.create(tmp_path / "run", TURNS, {}):  # nothing was recorded in it
        pass


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    written = records_of(CELL, 3) + records_of(OTHER, 2)
    with run_folder.create(tmp_path, TURNS, {"note": "x"}) as run:
        for record in written:
            run.append(record)
    assert run_folder.records(tmp_path) == written
    assert run_folder.read_manifest(tmp_path)["note"] == "x"
    with run_folder.resume(tmp_path) as again:
        assert again.remaining == ()
        assert again.done == set()  # nothing remains: what is done is of no use


def test_of_a_run_that_goes_on_it_is_known_what_is_done_of_the_rest(tmp_path: Path) -> None:
    prepared = Record(OTHER, "prepare", -1, 0, "ok", {})
    written = [prepared, *records_of(OTHER, 1), *records_of(CELL, 2)]
    with pytest.raises(KeyboardInterrupt), run_folder.create(tmp_path, TURNS, {}) as run:
        for record in written:
            run.append(record)
        raise KeyboardInterrupt
    with run_folder.resume(tmp_path) as again:
        assert again.remaining == TURNS[:1]
        assert again.done == {prepared.unit} | {record.unit for record in written[2:]}


def test_a_turn_counts_as_finished_only_when_another_begins(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder.create(tmp_path, TURNS, {}) as run:
        for record in records_of(CELL, 2):
            run.append(record)
        raise KeyboardInterrupt
    with run_folder.resume(tmp_path) as again:
        assert again.remaining == TURNS
        assert len(again.done) == 2


def test_failed_records_are_run_again_and_the_last_word_counts(tmp_path: Path) -> None:
    failed = Record(CELL, "solve", 0, 0, "error", {}, "ValueError: x\nTraceback ...\n  line")
    with run_folder.create(tmp_path, TURNS[:1], {}) as run:
        run.append(failed)
    [trace] = (tmp_path / "errors").iterdir()
    assert "Traceback" in trace.read_text()
    with run_folder.resume(tmp_path) as again:
        assert again.remaining == TURNS[:1]
        again.append(records_of(CELL, 1)[0])
    assert run_folder.records(tmp_path) == records_of(CELL, 1)


def test_a_preparation_does_not_finish_the_turn_it_serves(tmp_path: Path) -> None:
    with run_folder.create(tmp_path, TURNS, {}) as run:
        run.append(Record(OTHER, "prepare", -1, 0, "ok", {}))
        run.append(records_of(CELL, 1)[0])
    with run_folder.resume(tmp_path) as again:
        assert again.remaining == TURNS[1:]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with run_folder.create(tmp_path, TURNS, {}), pytest.raises(StoreError, match="another process"):
        run_folder.resume(tmp_path)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run_folder.create(tmp_path, TURNS, {}).__exit__(None, None, None)
    with run_folder.create(tmp_path, TURNS, {}) as run:  # an empty one may be
        run.append(records_of(CELL, 1)[0])
    with pytest.raises(StoreError) as refused:
        run_folder.create(tmp_path, TURNS, {})
    assert "--resume" in refused.value.hint


def test_no_run_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no run\.json"):
        run_folder.read_manifest(tmp_path)


FULL_DISK = """
import sys
from pathlib import Path
from adabench.harness.store import run_folder as store
from adabench.harness.errors import StoreError
from adabench.harness.contract.record import Cell, Record, Turn
cell = Cell("t", "m", {}, {}, "embedded", 0)
try:
    with store.create(Path(sys.argv[1]), (Turn(cell, 0),), {}) as run:
        for case in range(10_000):
            run.append(Record(cell, "solve", case, 0, "ok", {"steps": 1.5}))
except StoreError as problem:
    print(case, problem.message)
    sys.exit(problem.exit_code)
"""


def test_a_full_disk_ends_in_a_message_and_keeps_every_earlier_record(tmp_path: Path) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    done = subprocess.run(
        [sys.executable, "-P", "-c", FULL_DISK, str(tmp_path / "run")],
        preexec_fn=limited, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "could not be written" in done.stdout
    kept = run_folder.records(tmp_path / "run")
    assert [record.case for record in kept] == list(range(int(done.stdout.split()[0])))
    assert len(kept) > 10


def test_a_second_run_into_the_same_folder_leaves_the_first_one_s_plan_alone(
    tmp_path: Path,
) -> None:
    with run_folder.create(tmp_path, TURNS[:1], {"who": "first"}):
        with pytest.raises(StoreError, match="another process"):
            run_folder.create(tmp_path, TURNS[1:], {"who": "second"})
        assert run_folder.read_manifest(tmp_path)["who"] == "first"


@pytest.mark.parametrize("text", ['{"schema": 1}', "[]", "3", "{"])
def test_a_manifest_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / run_folder.MANIFEST).write_text(text)
    with pytest.raises(StoreError):
        run_folder.resume(tmp_path)
