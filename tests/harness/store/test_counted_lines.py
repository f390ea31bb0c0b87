"""Cases that are counted share lines of a journal, and are read as records like all others."""

import json
from pathlib import Path

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.store import journal, run_folder, table
from adabench.harness.store.journal_writer import LINE_CASES

CELL = Cell("t", "m", {"width": 2}, {"rate": 0.5}, "embedded", 0)
COUNTED, TIMED = Turn(CELL, 0, counts=True), Turn(Cell("t", "n", {}, {}, "embedded", 0), 0)


def counted(case: int, **more) -> Record:
    values = {"steps": case * 3, "share": case / 7, "right": 1}
    return Record(CELL, "solve", case, 0, "ok", values, **{"group": "ab"[case % 2], **more})


def written(folder: Path, records: list[Record], *turns: Turn) -> list[dict]:
    with run_folder.create(folder, turns or (COUNTED,), {}) as run:
        for record in run.to_the_end(records):
            run.append(record)
    text = (folder / run_folder.RECORDS).read_text()
    return [line for line in map(json.loads, text.splitlines()) if "v" in line]


def test_records_come_back_as_they_were_and_a_line_holds_fifty(tmp_path: Path) -> None:
    records = [counted(case) for case in range(2 * LINE_CASES + 1)]
    lines = written(tmp_path / "r", records)
    assert [(line["c"], line.get("to")) for line in lines] == [(0, 49), (50, 99), (100, None)]
    assert lines[0]["v"][2] == 1  # a column of one number
    assert run_folder.records(tmp_path / "r") == records
    read = table.read(tmp_path / "r")
    assert list(read.case) == list(range(101))
    assert list(read.columns["share"]) == [record.values["share"] for record in records]
    assert [read.groups[at] for at in read.group] == [record.group for record in records]


def test_what_is_not_alike_has_a_line_of_its_own(tmp_path: Path) -> None:
    other = Record(CELL, "solve", 3, 0, "ok", {"steps": 1, "share": 0.5})
    failed = Record(CELL, "solve", 5, 0, "error", {}, "ValueError: x")
    records = [counted(0), counted(1), counted(2, trained={"w": "1"}), other, counted(4), failed,
               counted(6), counted(8)]  # fmt: skip
    lines = written(tmp_path / "r", records)
    assert [line.get("to", line["c"]) - line["c"] + 1 for line in lines] == [2, 1, 1, 1, 1, 1, 1]
    by_case = {record.case: record for record in run_folder.records(tmp_path / "r")}
    assert by_case[5].status == "error"
    assert by_case[3].values == other.values
    assert len(by_case) == 8


def test_what_is_measured_never_shares_a_line(tmp_path: Path) -> None:
    timed = [Record(TIMED.cell, "solve", case, 0, "ok", {"latency_s": 0.5}) for case in range(3)]
    lines = written(tmp_path / "r", [*timed, counted(0), counted(1)], TIMED, COUNTED)
    assert [line.get("to") for line in lines] == [None, None, None, 1]


def test_a_line_that_is_cut_costs_its_cases_alone(tmp_path: Path) -> None:
    records = [counted(case) for case in range(60)]
    written(tmp_path / "r", records)
    path = tmp_path / "r" / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"to":59' in line)
    path.write_bytes(b"".join([*lines[:at], lines[at][:-9] + b"\n", *lines[at + 1 :]]))
    with run_folder.resume(tmp_path / "r") as run:
        assert run.remaining == (COUNTED,)
        assert {unit.case for unit in run.done} == set(range(50))
        for record in run.to_the_end(records[50:]):
            run.append(record)
    assert run_folder.records(tmp_path / "r") == records
    with run_folder.resume(tmp_path / "r") as run:
        assert run.remaining == ()


def test_a_line_is_not_counted_twice(tmp_path: Path) -> None:
    records = [counted(case) for case in range(10)]
    written(tmp_path / "r", records)
    path = tmp_path / "r" / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"to":9' in line)
    path.write_bytes(b"".join([*lines, lines[at]]))
    assert run_folder.records(tmp_path / "r") == records
    assert len(table.read(tmp_path / "r")) == 10


@pytest.mark.parametrize("column", [[1, 2], [], None, "x", {"a": 1}])
def test_columns_of_another_length_are_no_records(column: object, tmp_path: Path) -> None:
    line = {"k": CELL.key, "c": 0, "to": 2, "n": 0, "v": [column]}
    if isinstance(column, list):
        with pytest.raises(ValueError, match="for each case"):
            journal.single_lines(line)
        return
    known = journal.Declarations({CELL.key: CELL}, {0: ("steps",)})
    with pytest.raises(TypeError, match="no number"):
        known.record(journal.single_lines(line)[0])


def test_a_plan_says_which_turns_are_counted(tmp_path: Path) -> None:
    written(tmp_path / "r", [counted(0)], COUNTED, TIMED)
    manifest = run_folder.read_manifest(tmp_path / "r")
    assert run_folder.read_plan(manifest) == (COUNTED, TIMED)
    manifest["plan"]["turns"][0][2] = "other"
    with pytest.raises(StoreError, match="plan"):
        run_folder.read_plan(manifest)
