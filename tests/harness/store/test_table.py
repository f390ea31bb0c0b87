"""Columns: the same records in any order, in either schema, cached or not, give the same table."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.store import checksum, run_folder, table
from adabench.harness.store.manifest import write_manifest
from adabench.harness.store.table import Table, from_records

CELLS = [Cell("t", m, {"width": 2}, {"rate": 0.5}, "embedded", s) for m in "ab" for s in (0, 7)]
TURNS = tuple(Turn(cell, repeat) for cell in CELLS for repeat in range(3))
NAMES = ("latency_s", "steps", "right", "energy_gpu_j")

made_up = st.lists(
    st.builds(
        Record,
        st.sampled_from(CELLS),
        st.sampled_from(["solve", "solve", "solve", "prepare"]),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["ok", "ok", "ok", "error", "skipped"]),
        st.dictionaries(st.sampled_from(NAMES), st.floats(-1e9, 1e9) | st.integers(0, 2**50)),
        st.sampled_from(["", "not steady: it drifts", "budget spent; é\ud800"]),
        st.sampled_from(["", "zipf", "docs"]),
    ),
    max_size=30,
)


def rows(found: Table) -> list[tuple]:
    """Say a table in plain words, row by row."""
    return [
        (found.cells[found.cell[i]].key, int(found.case[i]), int(found.repeat[i]),
         found.groups[found.group[i]], found.notes[found.note[i]],
         {n: float(x[i]) for n, x in found.columns.items() if not math.isnan(x[i])})
        for i in range(len(found))
    ]  # fmt: skip


def told(records: list[Record]) -> list[tuple]:
    """Say anew what the rows of some records are."""
    last = {r.unit: r for r in records if r.phase == "solve" and r.status == "ok"}
    return [
        (r.cell.key, r.case, r.repeat, r.group, r.note, dict(r.values))
        for _, r in sorted(last.items(), key=lambda item: (item[0].key, *item[0][2:]))
    ]


def others(records: list[Record]) -> dict:
    """Say anew what is no row: the last word on each unit, an ok one if there is one."""
    latest: dict = {}
    for r in records:
        if r.unit not in latest or latest[r.unit].status != "ok" or r.status == "ok":
            latest[r.unit] = r
    return {u: r for u, r in latest.items() if r.phase == "prepare" or r.status != "ok"}


def written(folder: Path, records: list[Record]) -> Path:
    with run_folder.create(folder, TURNS, {}) as run:
        for record in records:
            run.append(record)
    return folder


@given(made_up)
def test_rows_are_the_last_ok_word_and_the_rest_stays_a_record(records: list[Record]) -> None:
    found = from_records(records)
    assert rows(found) == told(records)
    assert {r.unit: r for r in found.others} == others(records)
    assert found.total == len(told(records)) + len(others(records))


@given(made_up)
def test_a_run_reads_as_its_records_do(tmp_path_factory, records: list[Record]) -> None:
    records = [
        r for i, r in enumerate(records) if r not in records[:i]
    ]  # said again, it is not new
    folder = written(tmp_path_factory.mktemp("run"), records)
    found = table.read(folder)
    assert rows(found) == told(records)
    assert {r.unit: r for r in found.others} == others(records)
    assert {r.unit: r for r in run_folder.records(folder)} == others(records) | {
        r.unit: r for r in records if r.phase == "solve" and r.status == "ok"
    }


def set_schema(folder: Path, number: int) -> None:
    write_manifest(folder, run_folder.read_manifest(folder) | {"schema": number})


def grid(cells=CELLS, cases=4, repeats=3) -> list[Record]:
    return [
        Record(cell, "solve", case, repeat, "ok",
               {"steps": case + 0.5, "latency_s": 0.1 * (repeat + 1) * (case + 1)}, group=f"g{case}")
        for cell in cells for repeat in range(repeats) for case in range(cases)
    ]  # fmt: skip


def test_the_order_of_records_does_not_matter() -> None:
    records = grid()
    mixed = records.copy()
    random.Random(1).shuffle(mixed)
    assert rows(from_records(records)) == rows(from_records(mixed))


def test_repeats_collapse_to_the_median_of_timings_and_the_mean_of_the_rest() -> None:
    cell = CELLS[0]
    records = [
        Record(cell, "solve", 0, i, "ok", {"latency_s": t, "score": s} | more, group=g)
        for i, (t, s, more, g) in enumerate(
            [(3.0, 0.1, {"once": 5.0}, "b"), (1.0, 0.2, {}, "a"), (2.5, 0.3, {"part_j": 4.0}, "b")]
        )
    ]
    (row,) = rows(from_records(records).collapsed())
    assert row[:4] == (cell.key, 0, 0, "a")
    assert row[5] == {"latency_s": 2.5, "score": math.fsum([0.1, 0.2, 0.3]) / 3,
                      "once": 5.0, "part_j": 4.0}  # fmt: skip


def test_a_long_run_is_parsed_once_and_again_when_it_grew(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    failed = Record(CELLS[0], "solve", 9, 0, "error", {}, "ValueError: x")
    folder = written(tmp_path, [*grid(), failed])
    first = table.read(folder)
    assert (folder / table.CACHE).exists()
    with monkeypatch.context() as patch:
        patch.setattr(table.JournalReader, "blocks", None)  # whoever parses now falls over this
        again = table.read(folder)
    assert rows(again) == rows(first)
    assert (again.others, again.kinds, again.cells) == (first.others, first.kinds, first.cells)
    with run_folder.resume(folder) as run:
        run.append(replace(failed, status="ok", values={"steps": 1.0}))
    assert len(table.read(folder)) == len(first) + 1


@pytest.mark.parametrize("spoil", [b"", b"\x93NUMPY", b"not an array at all", None])
def test_a_copy_that_cannot_be_read_or_written_does_not_exist(
    tmp_path, monkeypatch, spoil: bytes | None
) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    folder = written(tmp_path, grid())
    expected = rows(table.read(folder))
    copy = folder / table.CACHE
    if spoil is None:
        copy.unlink()
        copy.mkdir()
    else:
        copy.write_bytes(copy.read_bytes()[:2000] if spoil == b"" else spoil)
    assert rows(table.read(folder)) == expected
    assert [p.name for p in folder.glob("table.cache.*")] == []


def changed_line(line: bytes) -> bytes:
    changed = json.loads(line.replace(b"[0.5,", b"[7.5,"))
    return checksum.sealed({name: value for name, value in changed.items() if name != "x"}) + b"\n"


def test_a_copy_of_another_content_of_the_same_length_is_not_used(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(table, "KEPT_FROM", 1)
    folder = written(tmp_path, grid())
    table.read(folder)
    path = folder / run_folder.RECORDS
    path.write_bytes(b"".join(map(changed_line, path.read_bytes().splitlines())))
    assert {row[5]["steps"] for row in rows(table.read(folder))} == {7.5, 1.5, 2.5, 3.5}


@pytest.mark.parametrize(
    "line",
    ['{"k":"nobody","c":0,"n":0,"v":[1,2]}', '{"k":"KEY","c":0,"n":0,"v":[1]}', "[]", "{}",
     '{"k":"KEY","c":0,"n":9,"v":[1,2]}', '{"k":"KEY","c":0,"n":0,"v":["x",2]}', "{"],
)  # fmt: skip
def test_a_line_that_is_no_record_is_named(tmp_path, line: str) -> None:
    folder = written(tmp_path, grid(CELLS[:1], 2, 1))
    path = folder / run_folder.RECORDS
    lines = [text for text in path.read_bytes().splitlines() if b'"end"' not in text][:3]
    old = b"\n".join([*lines, line.replace("KEY", CELLS[0].key).encode(), b""])
    path.write_bytes(old)
    set_schema(folder, 2)
    with pytest.raises(StoreError, match="Line 4 "):
        table.read(folder)
    with pytest.raises(StoreError, match="Line 4 "):
        run_folder.records(folder)


@pytest.mark.parametrize(
    "line",
    [{"k": "KEY", "c": 0, "n": 0, "v": [1]}, {}, {"k": "KEY", "c": 0, "n": 0, "v": ["x", 2]},
     {"k": "KEY", "c": 0, "s": "well", "n": 0, "v": [1, 2]}, {"k": "KEY", "c": "x", "n": 0, "v": [1, 2]},
     {"k": "KEY", "c": 2**70, "n": 0, "v": [1, 2]}, {"k": "KEY", "c": 0, "n": 0, "v": [10**400, 2]},
     {"k": "KEY", "c": 0, "r": None, "n": 0, "v": [1, 2]}, {"k": [], "c": 0, "n": 0, "v": [1, 2]},
     {"k": "KEY", "end": "x", "d": 3}, {"n": 3, "names": 7}, {"k": "KEY", "cell": {"task": "t"}}],
)  # fmt: skip
def test_a_line_of_a_right_checksum_that_is_no_record_is_named(tmp_path, line: dict) -> None:
    folder = written(tmp_path, grid(CELLS[:1], 2, 1))
    own = line | ({"k": CELLS[0].key} if line.get("k") == "KEY" else {})
    with (folder / run_folder.RECORDS).open("ab") as file:
        file.write(checksum.sealed(own) + b"\n")
    for read in (table.read, run_folder.records):
        with pytest.raises(StoreError, match="Line 6 "):
            read(folder)


def test_what_was_declared_is_declared_again_at_the_end_of_its_turn_and_by_whoever_goes_on(
    tmp_path,
) -> None:
    late = Record(CELLS[1], "solve", 0, 0, "ok", {"other": 3.0})
    folder = written(tmp_path, grid(CELLS[:1], 2, 1))
    with run_folder.resume(folder) as run:
        run.append(late)
    lines = [json.loads(line) for line in (folder / run_folder.RECORDS).read_text().splitlines()]
    assert [line.get("n") for line in lines if "names" in line] == [0, 0, 1, 0, 1]
    assert rows(table.read(folder))[-1][5] in ({"other": 3.0}, {"steps": 1.5, "latency_s": 0.2})
    assert late in run_folder.records(folder)


def test_a_cell_that_was_not_planned_is_declared(tmp_path) -> None:
    stranger = replace(CELLS[0], method="z")
    prepared = Record(stranger, "prepare", -1, 0, "ok", {"latency_s": 1.0})
    folder = written(tmp_path, [prepared])
    assert run_folder.records(folder) == [prepared]
    assert table.read(folder).others == (prepared,)


def test_a_record_of_a_dozen_values_takes_less_than_200_bytes(tmp_path) -> None:
    rng = np.random.default_rng(0)
    timed = {f"time_{i}_s": round(float(x), 9) for i, x in enumerate(rng.lognormal(-6, 1, 6))}
    counted = {f"count_of_something_{i}": int(x) for i, x in enumerate(rng.integers(0, 10**6, 6))}
    records = [Record(CELLS[0], "solve", i, 0, "ok", timed | counted, group="zipf")
               for i in range(50)]  # fmt: skip
    folder = written(tmp_path, records)
    assert (folder / run_folder.RECORDS).stat().st_size / 50 < 200
