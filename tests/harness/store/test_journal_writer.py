"""What reaches the disk and when; what a full disk leaves; what of a finished run is not read again."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.store import (
    checksum,
    journal_reader,
    journal_writer,
    prepared_states,
    run_folder,
    table,
)
from adabench.harness.store.manifest import write_manifest
from adabench.harness.store.prepared_states import PreparedState
from adabench.harness.store.table import from_records

CELL = Cell("t", "a", {"width": 2}, {"rate": 0.5}, "embedded", 0)
TURNS = tuple(Turn(CELL, repeat) for repeat in range(3))


def record(repeat: int, case: int = 0, status: str = "ok") -> Record:
    values = {"steps": 10.0 * repeat + case, "right": 1.0} if status == "ok" else {}
    return Record(CELL, "solve", case, repeat, status, values)  # type: ignore[arg-type]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with run_folder.create(tmp_path / "r", TURNS, {}) as run:
        for turn in TURNS:
            run.append(record(turn.repeat))
    return tmp_path / "r"


def test_each_turn_is_brought_to_the_disk_when_it_ends_unless_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[int] = []
    monkeypatch.setattr(
        journal_writer, "_sync", lambda descriptor: ends.append(os.fstat(descriptor).st_size)
    )
    for name, wanted, options in (("a", 4, {}), ("b", 1, {"synced": False})):
        ends.clear()
        with run_folder.create(tmp_path / name, TURNS, {}, **options) as run:
            for turn in TURNS:
                run.append(record(turn.repeat))
        text = (tmp_path / name / run_folder.RECORDS).read_bytes()
        assert len(ends) == wanted  # one a turn, and one when it is closed
        for size in ends:
            assert b'"end"' in text[:size].splitlines()[-1]


def test_a_record_that_cannot_be_written_whole_is_rolled_back_and_said(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = whole / run_folder.RECORDS, os.write
    before = path.read_bytes()
    room = [20]

    def fill(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: room[0]]
        room[0] -= len(part)
        return write(descriptor, part)

    with run_folder.resume(whole) as run:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fill)
            with pytest.raises(StoreError, match="No space left on device"):
                run.append(record(0, case=5))
        assert path.read_bytes() == before
        run.append(record(0, case=5))
    assert len(run_folder.records(whole)) == 4


def test_a_long_finished_run_is_not_read_to_be_resumed_and_is_when_something_is_added(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    table.read(whole)
    size = (whole / run_folder.RECORDS).stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(journal_reader.JournalReader, "blocks", None)  # who reads falls over this
        with run_folder.resume(whole) as run:
            assert run.remaining == ()
    with run_folder.resume(whole) as run:
        run.append(record(1))  # it is there, word for word
        assert (whole / run_folder.RECORDS).stat().st_size == size
        run.append(record(1, case=1, status="error"))
        run.end_turn(TURNS[1])
        assert run.remaining == TURNS[1:2]
    with run_folder.resume(whole) as run:
        assert run.remaining == TURNS[1:2]


@pytest.mark.parametrize(
    "line",
    [{"k": CELL.key, "c": 0, "n": 0, "v": [1, 2, 3]}, {"k": CELL.key, "c": 0, "n": 0, "v": [1]},
     {"n": 0, "names": ["steps", "wrong"]}, {"n": 7, "names": [1]}, {"n": 0, "names": "steps"}],
)  # fmt: skip
def test_values_and_names_that_do_not_go_together_are_named(
    whole: Path, line: dict[str, object]
) -> None:
    number = len((whole / run_folder.RECORDS).read_bytes().splitlines()) + 1
    with (whole / run_folder.RECORDS).open("ab") as file:
        file.write(checksum.sealed(line) + b"\n")
    for read in (table.read, run_folder.records):
        with pytest.raises(StoreError, match=f"Line {number} "):
            read(whole)


def test_values_too_many_in_one_line_do_not_make_up_for_those_that_another_lacks(
    whole: Path,
) -> None:
    """Of schema 2, which has no checksums: four values of two lines are not two each."""
    one, three = ({"k": CELL.key, "c": c, "n": 0, "v": v} for c, v in ((8, [1.0]), (9, [2.0] * 3)))
    names = {"n": 0, "names": ["steps", "right"]}
    text = "".join(json.dumps(line) + "\n" for line in (names, one, three))
    (whole / run_folder.RECORDS).write_text(text)
    write_manifest(whole, run_folder.read_manifest(whole) | {"schema": 2})
    with pytest.raises(StoreError, match="Line 2 "):
        table.read(whole)


def test_a_cell_is_declared_under_its_own_key_alone(whole: Path) -> None:
    stranger = replace(CELL, method="b")
    number = len((whole / run_folder.RECORDS).read_bytes().splitlines()) + 1
    with (whole / run_folder.RECORDS).open("ab") as file:
        file.write(checksum.sealed({"k": CELL.key, "cell": stranger.to_json()}) + b"\n")
    for read in (table.read, run_folder.records):
        with pytest.raises(StoreError, match=f"Line {number} "):
            read(whole)


def test_what_failed_in_one_cell_is_not_made_up_for_by_another() -> None:
    cells = [replace(CELL, seed=seed) for seed in range(5)]
    solved = [Record(cell, "solve", 0, 0, "ok", {"steps": 1.0}) for cell in cells]
    for lacking in range(5):
        failed = replace(solved[lacking], status="error", values={}, note="ValueError: x")
        found = from_records([*solved[:lacking], failed, *solved[lacking + 1 :]])
        assert found.others == (failed,)
        assert (len(found), found.total) == (4, 5)
        assert {cell.seed for cell in found.all_cells} == set(range(5))
        assert from_records([failed, *solved]).others == ()


def test_a_copy_of_a_table_has_no_value_where_a_record_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    with run_folder.create(tmp_path / "r", TURNS, {}) as run:
        for turn in TURNS:
            values = {"steps": 1.0} | ({"right": 0.5} if turn.repeat == 1 else {})
            run.append(Record(CELL, "solve", 0, turn.repeat, "ok", values))
    parsed, copied = table.read(tmp_path / "r"), table.read(tmp_path / "r")
    for found in (parsed, copied):
        assert str(found.columns["right"][:].tolist()) == "[nan, 0.5, nan]"
        assert found.columns["steps"][:].tolist() == [1.0, 1.0, 1.0]


def test_a_number_that_is_too_large_is_no_value(whole: Path) -> None:
    path = whole / run_folder.RECORDS
    number = len(path.read_bytes().splitlines()) + 1
    text = b'{"k":"%s","c":4,"n":0,"v":[1e999,2]' % CELL.key.encode()
    with path.open("ab") as file:
        file.write(text + checksum.TAIL % checksum.crc32(text) + b"\n")
    with pytest.raises(StoreError, match=f"Line {number} "):
        table.read(whole)


def test_a_state_is_stored_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    method = SimpleNamespace(
        pack=lambda state: state, unpack=lambda task, point, data: {**data, "bound": task}
    )
    path = tmp_path / "new" / "folder" / prepared_states.file_name("x")
    prepared_states.save(path, method, PreparedState({"w": 3}, {"latency_s": 2.0}))
    found = prepared_states.load(path, method, "task", {})
    assert found is not None
    assert (found.state, found.values) == ({"w": 3, "bound": "task"}, {"latency_s": 2.0})
