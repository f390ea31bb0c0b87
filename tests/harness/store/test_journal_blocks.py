"""A journal in blocks of any size, cut anywhere; the words for what is damaged; accounts by hand."""

import os
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.errors import StoreError
from adabench.harness.store import checkpoint_folders, checksum, journal_reader, run_folder, table
from adabench.harness.store.journal_reader import drop_cut_line
from adabench.harness.store.table import from_records
from adabench.harness.store.turn_ends import TurnAccount, TurnEnds

CELLS = [Cell("t", m, {"width": 2}, {"rate": 0.5}, "embedded", s) for m in "ab" for s in (0, 7)]
TURNS = tuple(Turn(cell, repeat) for cell in CELLS for repeat in (0, 1))
KEY = CELLS[0].key


def write(folder: Path, cases: int = 3) -> Path:
    """A finished run in which every record has a value of its own, and every second a second name."""
    with run_folder.create(folder, TURNS, {}) as run:
        for number, turn in enumerate(TURNS):
            for case in range(cases):
                values = {"steps": 100.0 * number + case} | ({"right": 0.5} if case % 2 else {})
                run.append(Record(turn.cell, "solve", case, turn.repeat, "ok", values, group="g"))
    return folder


def rows(found: table.Table) -> list[tuple[str, int, int, list[float]]]:
    columns = [found.columns[name][:] for name in sorted(found.columns)]
    return [
        (found.cells[found.cell[i]].key, int(found.case[i]), int(found.repeat[i]),
         [float(column[i]) for column in columns])
        for i in range(len(found))
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 100, 333])
def test_a_journal_reads_the_same_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path / "r")
    expected, records = str(rows(table.read(folder))), run_folder.records(folder)
    path = folder / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    monkeypatch.setattr(journal_reader, "BLOCK", size)
    assert str(rows(table.read(folder))) == expected
    assert run_folder.records(folder) == records
    path.write_bytes(b"".join([*lines[:9], b"?" + lines[9], *lines[10:]]))
    table.read(folder)
    assert f"Line 10 of {path} is damaged and left out." in caplog.text
    assert len(run_folder.records(folder)) == len(records) - (b'"v"' in lines[9])


@pytest.mark.parametrize("tail", [0, 1, 65_534, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_a_cut_line_is_dropped_however_long_it_is(tmp_path: Path, tail: int) -> None:
    path = tmp_path / "records.jsonl"
    for whole in (b"", b"\n", b"one\n", b"one\ntwo\n" + b"x" * 70_000 + b"\n"):
        path.write_bytes(whole + b"x" * tail)
        drop_cut_line(path)
        assert path.read_bytes() == whole


def test_damage_names_stretches_of_lines_and_eight_at_most(tmp_path: Path) -> None:
    folder = write(tmp_path / "r", cases=6)
    path = folder / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)

    def said(*numbers: int) -> str:
        spoilt = [b"?" + line if n in numbers else line for n, line in enumerate(lines, 1)]
        path.write_bytes(b"".join(spoilt))
        return next(one for one in table.read(folder).damage if "damaged" in one)

    # The second turn declares nothing: six records and the end; so do those behind it.
    at = next(n for n, line in enumerate(lines, 2) if b'"end"' in line)
    assert said(at) == f"Line {at} of {path} is damaged and left out."
    found = said(at, at + 2, at + 3, at + 4, at + 7, at + 8)
    words = f"Lines {at}, {at + 2} to {at + 4}, {at + 7} to {at + 8} of {path} are damaged"
    assert found.startswith(words)
    apart = [n for n in range(at, len(lines), 2) if b'"v"' in lines[n - 1]]
    eight = ", ".join(map(str, apart[:8]))
    assert said(*apart[:8]).startswith(f"Lines {eight} of {path} are")
    assert said(*apart[:9]).startswith(f"Lines {eight} and 1 stretches more of {path} are")


def test_a_turn_that_lacks_records_is_named_and_eight_at_most(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    turns = tuple(Turn(CELLS[0], repeat) for repeat in range(10))
    with run_folder.create(folder, turns, {}) as run:
        for turn in turns:
            run.append(
                Record(turn.cell, "solve", 0, turn.repeat, "ok", {"steps": 1.0 + turn.repeat})
            )
    path = folder / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    for lacking in (8, 10):
        left = [line for line in lines if b'"v"' not in line]
        kept = [line for line in lines if b'"v"' in line][lacking:]
        ends = [line for line in left if b'"end"' in line]
        others = [line for line in left if b'"end"' not in line]
        path.write_bytes(b"".join([*others, *kept, *ends]))
        damage = table.read(folder).damage
        named = [one for one in damage if "ends the run of" in one]
        assert len(named) == 8
        more = [one for one in damage if "more runs of" in one]
        assert len(more) == (lacking > 8)
        assert all(one.startswith("2 more runs") for one in more)
        assert damage[-1].endswith(f"runs again with: adabench run --resume {folder}")


def line(case: int, status: str = "ok", repeat: int = 0, key: str = KEY) -> dict:
    return (
        {"k": key, "c": case} | ({"r": repeat} if repeat else {})
        | ({"s": status} if status != "ok" else {}) | {"n": 0, "v": []}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "finished", "done"),
    [
        ([(0, "ok"), (1, "ok")], True, {0, 1}),
        ([(0, "ok"), (1, "skipped")], True, {0}),
        ([(0, "ok"), (1, "error")], False, {0}),
        ([(0, "ok"), (1, "timeout")], False, {0}),
        ([(0, "error"), (0, "ok")], True, {0}),
        ([(0, "timeout"), (1, "ok"), (0, "ok")], True, {0, 1}),
        ([(0, "error"), (1, "ok"), (2, "error"), (0, "ok")], False, {0, 1}),
        ([(-1, "error")], False, set()),
        ([(-1, "error"), (0, "ok")], True, {0}),
        ([(-1, "error"), (0, "skipped")], False, set()),
        ([], True, set()),
    ],
)
def test_a_turn_is_finished_if_the_last_word_on_each_case_is_ok_or_skipped(
    told: list[tuple[int, str]], finished: bool, done: set[int]
) -> None:
    ends = TurnEnds()
    for number, (case, status) in enumerate(told):
        assert ends.take(line(case, status), 1000 + number)
    assert not ends.finished(TURNS[0])
    assert ends.end(9, ends.line((KEY, 0)))
    assert ends.finished(TURNS[0]) == finished
    assert set(ends.account((KEY, 0)).done) == done
    assert ends.done([KEY]) == {Unit(KEY, "solve", case, 0) for case in done}
    assert ends.done([]) == set()


def test_a_word_is_taken_once_and_a_late_one_opens_its_turn_anew() -> None:
    ends = TurnEnds()
    assert ends.take(line(0), 1)
    assert not ends.take(line(0), 1)
    assert ends.holds(line(0), 1)
    assert not ends.holds(line(0), 2)
    assert not ends.holds(line(0, "error"), 1)
    assert not ends.holds(line(0, repeat=1), 1)
    end = ends.line((KEY, 0))
    assert ends.end(2, end)
    assert not ends.end(3, end)
    assert not ends.take(line(0), 1)
    assert ends.finished(TURNS[0])
    assert ends.take(line(1), 3)
    assert not ends.finished(TURNS[0])
    assert ends.end(4, ends.line((KEY, 0)))
    assert ends.finished(TURNS[0])
    ends.drop(line(1), 3)
    assert not ends.finished(TURNS[0])
    assert not ends.holds(line(1), 3)


def test_an_end_that_does_not_agree_says_how_many_are_lacking() -> None:
    ends = TurnEnds()
    for case in range(3):
        ends.take(line(case), case + 1)
    preparation = {"k": KEY, "c": -1, "p": "prepare", "n": 0, "v": []}
    assert ends.take(preparation, 7)
    assert not ends.take(preparation, 7)
    assert ends.holds(preparation, 7)
    end = ends.line((KEY, 0))
    assert (end["end"], end["p"]) == (3, ["00000007"])
    short = TurnEnds()
    short.take(line(0), 1)
    short.take(line(2), 3)
    assert short.end(5, end)
    assert list(short.mismatches()) == [((KEY, 0), 5, 4, 2)]
    assert not short.finished(TURNS[0])
    short.take(preparation, 7)
    short.end(6, end)
    assert list(short.mismatches()) == [((KEY, 0), 6, 4, 3)]
    assert ends.end(8, end)
    assert list(ends.mismatches()) == []
    assert Unit(KEY, "prepare", -1, 0) in ends.done([])
    ends.drop(preparation, 7)
    assert not ends.finished(TURNS[0])
    assert ends.done([]) == set()


def test_a_digest_follows_the_order_of_the_records() -> None:
    one, other = TurnAccount(), TurnAccount()
    for packed in (5, 2**40):
        one.take(packed)
    for packed in (2**40, 5):
        other.take(packed)
    assert one.digest() != other.digest()
    assert len(one.digest()) == 16
    # Eight bytes a record, little-endian: the same on every machine.
    text = b"".join(packed.to_bytes(8, "little") for packed in (5, 2**40))
    assert one.digest() == blake2b(text, digest_size=8).hexdigest()


@pytest.mark.parametrize("case", [-2, 2**30 - 1, 2**40])
def test_no_task_has_a_case_of_such_a_number(case: int) -> None:
    with pytest.raises(ValueError, match="No task has a case"):
        TurnEnds().take(line(case), 1)
    assert TurnEnds().take(line(2**30 - 2), 1)
    assert TurnEnds().take(line(-1), 1)


def test_a_line_is_intact_by_its_own_bytes_alone() -> None:
    text = checksum.sealed({"k": KEY, "c": 3, "v": [0.25]})
    assert text.endswith(b'"}')
    assert checksum.intact(text, checksum.value(text))
    for at in range(len(text)):
        spoilt = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        assert not checksum.intact(spoilt, checksum.value(spoilt))
    assert not checksum.intact(text[:-1], checksum.value(text[:-1]))


def test_no_line_holds_what_is_no_number_in_json() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            checksum.sealed({"v": [value]})


@pytest.mark.parametrize(
    "spoilt",
    [
        {"p": "warm", "c": 0, "n": 0, "v": [1.0]}, {"p": "prepare", "s": "well", "c": 0, "n": 0, "v": [1.0]},
        {"trained": {"m-s0": 3}}, {"trained": {"m-s0": "5e0c", "m-s1": None}}, {"trained": ["m-s0"]},
    ],
)  # fmt: skip
def test_a_line_of_a_right_checksum_with_an_unknown_word_is_named(
    tmp_path: Path, spoilt: dict[str, object]
) -> None:
    folder = write(tmp_path / "r")
    path = folder / run_folder.RECORDS
    number = len(path.read_bytes().splitlines()) + 1
    with path.open("ab") as file:
        file.write(checksum.sealed({"k": KEY, **spoilt}) + b"\n")
    for read in (table.read, run_folder.records):
        with pytest.raises(StoreError, match=f"Line {number} "):
            read(folder)


def test_what_was_trained_comes_back_with_every_record_of_its_cell(tmp_path: Path) -> None:
    trained = {"m-s0": "5e0c", "m-s1": "77aa"}
    with run_folder.create(tmp_path / "r", TURNS[:1], {}) as run:
        run.append(Record(CELLS[0], "solve", 0, 0, "ok", {"steps": 1.0}, trained=trained))
        run.append(Record(CELLS[0], "solve", 1, 0, "ok", {"steps": 2.0}, trained=trained))
    assert [one.trained for one in run_folder.records(tmp_path / "r")] == [trained, trained]
    assert table.read(tmp_path / "r").trained == {KEY: trained}


def test_a_cut_last_line_is_said_and_a_whole_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path / "r")
    assert len(run_folder.records(folder)) == 24
    assert "cut line" not in caplog.text
    with (folder / run_folder.RECORDS).open("ab") as file:
        file.write(b'{"k":')
    assert len(run_folder.records(folder)) == 24
    assert "ends in a cut line (a crash?), which is ignored" in caplog.text


def test_the_card_of_a_checkpoint_is_its_last_file_and_folders_are_none(tmp_path: Path) -> None:
    for name in ("m.safetensors", "m.json", "m.zip", "mm.json", ".m.json"):
        (tmp_path / name).touch()
    (tmp_path / "m.parts").mkdir()
    found = [path.name for path in checkpoint_folders.files_of(tmp_path, "m")]
    assert found == ["m.safetensors", "m.zip", "m.json"]
    assert checkpoint_folders.holds(tmp_path, "m")
    assert not checkpoint_folders.holds(tmp_path, "mm")
    assert not checkpoint_folders.holds(tmp_path / "none", "m")


def test_repeats_collapse_within_their_case_and_cell_alone() -> None:
    records = [
        Record(turn.cell, "solve", case, turn.repeat, "ok",
               {"time_s": float(10 * n + case), "size_bytes": float(n * n), "steps": float(n * n)})
        for n, turn in enumerate(TURNS) for case in (0, 1)
    ]  # fmt: skip
    found = from_records(records).collapsed()
    assert len(found) == 8
    expected = {}
    for n, turn in enumerate(TURNS):
        for case in (0, 1):
            expected.setdefault((turn.cell.key, case), []).append(n)
    for i in range(8):
        own = expected[found.cells[found.cell[i]].key, int(found.case[i])]
        assert found.columns["time_s"][i] == np.median([10 * n for n in own]) + found.case[i]
        assert found.columns["steps"][i] == np.mean([n * n for n in own])
        assert found.repeat[i] == 0
    thrice = [
        Record(CELLS[0], "solve", 0, n, "ok", {"size_bytes": x, "steps": x})
        for n, x in enumerate((1.0, 2.0, 9.0))
    ]
    (row,) = range(len(collapsed := from_records(thrice).collapsed()))
    assert (collapsed.columns["size_bytes"][row], collapsed.columns["steps"][row]) == (2.0, 4.0)


def test_a_line_that_is_written_by_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write may take a part of what it is given: the rest follows, and nothing twice."""
    write_all = os.write
    monkeypatch.setattr(os, "write", lambda to, data: write_all(to, bytes(data)[:13]))
    folder = write(tmp_path / "r")
    monkeypatch.undo()
    assert len(run_folder.records(folder)) == 24
    assert run_folder.remaining(folder) == ()
