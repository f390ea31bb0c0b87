"""A journal that was damaged: what is intact is read, what is not is named and run again."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.errors import StoreError
from adabench.harness.store import checksum, run_folder, table
from adabench.harness.store.manifest import write_manifest

CELLS = [Cell("t", m, {"width": 2}, {"rate": 0.5}, "embedded", s) for m in "ab" for s in (0, 7)]
TURNS = tuple(Turn(cell, repeat) for cell in CELLS for repeat in (0, 1))
STRANGER = Cell("t", "a", {"width": 99}, {"rate": 0.5}, "embedded", 0)
"""A cell that no turn plans: a preparation at other knobs."""
Damage = Callable[[list[bytes], random.Random], bytes]


def solved(turn: Turn) -> Iterator[Record]:
    if turn.repeat == 0 and turn.cell.seed == 0:
        yield Record(STRANGER, "prepare", -1, 0, "ok", {"latency_s": ord(turn.cell.method) / 7})
    for case in range(4):
        values = {"steps": case + 0.5, "latency_s": 0.1 * (1 + case)}
        yield Record(turn.cell, "solve", case, turn.repeat, "ok", values, group="g")
    yield Record(turn.cell, "solve", 4, turn.repeat, "skipped", {}, "not here")


def go_on(run: run_folder.Run) -> list[Record]:
    """Do what executing does: all that remains and is not done, to the end."""
    found = (r for turn in run.remaining for r in solved(turn) if r.unit not in run.done)
    written = []
    for record in run.to_the_end(found):
        run.append(record)
        written.append(record)
    return written


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with run_folder.create(tmp_path / "r", TURNS, {}) as run:
        go_on(run)
    return tmp_path / "r"


def flip(lines: list[bytes], chance: random.Random) -> bytes:
    data = bytearray(b"".join(lines))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def drop(lines: list[bytes], chance: random.Random) -> bytes:
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def double(lines: list[bytes], chance: random.Random) -> bytes:
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
    return b"".join(lines)


def cut(lines: list[bytes], chance: random.Random) -> bytes:
    data = b"".join(lines)
    return data[: chance.randrange(len(data))]


def zeros(lines: list[bytes], chance: random.Random) -> bytes:
    data = b"".join(lines)
    at = chance.randrange(len(data))
    return data[:at] + bytes(len(data) - at)


def hole(lines: list[bytes], chance: random.Random) -> bytes:
    data = b"".join(lines)
    at = chance.randrange(len(data) - 50)
    return data[:at] + bytes(50) + data[at + 50 :]


DAMAGES = (flip, drop, double, cut, zeros, hole)


def facts(folder: Path) -> dict[Unit, Record]:
    return {record.unit: record for record in run_folder.records(folder)}


def damage_and_go_on(folder: Path, damage: Damage, chance: random.Random) -> None:
    """Damage a journal, see what is read of it, go on with it, and see that it is whole."""
    path = folder / run_folder.RECORDS
    data, expected = path.read_bytes(), facts(folder)
    path.write_bytes(damage(data.splitlines(keepends=True), chance))
    intact = facts(folder)
    assert intact.items() <= expected.items()
    assert len(table.read(folder)) == sum(
        r.unit[1] == "solve" and r.status == "ok" for r in intact.values()
    )
    with run_folder.resume(folder) as run:
        again = go_on(run)
        assert run.remaining == ()
    assert {record.unit for record in again if record.status == "ok"} == {
        unit for unit in expected.keys() - intact.keys() if expected[unit].status == "ok"
    }
    assert facts(folder) == expected
    before = path.read_bytes()
    with run_folder.resume(folder) as run:
        assert run.remaining == ()
        assert go_on(run) == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_runs_again_and_nothing_else(
    whole: Path, damage: Damage, seed: int
) -> None:
    damage_and_go_on(whole, damage, random.Random(f"{damage.__name__} {seed}"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 104))
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hundred_damages_of_each_kind(whole: Path, damage: Damage, seed: int) -> None:
    damage_and_go_on(whole, damage, random.Random(f"{damage.__name__} {seed}"))


@pytest.mark.parametrize("number", range(16))
def test_each_bit_of_a_line_is_watched(whole: Path, number: int, caplog) -> None:
    path = whole / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    for at in range(0, len(lines[number]) - 1, 7):
        line = bytearray(lines[number])
        line[at] ^= 1 << (at % 8)
        if line[at] == ord("\n"):
            continue
        caplog.clear()
        path.write_bytes(b"".join([*lines[:number], bytes(line), *lines[number + 1 :]]))
        run_folder.records(whole)
        assert f"Line {number + 1} of {path} is damaged and left out" in caplog.text


def test_a_dropped_record_is_missed_by_its_turn_and_by_no_other(whole: Path, caplog) -> None:
    path = whole / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"c":2' in line)
    path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    with run_folder.resume(whole) as run:
        assert run.remaining == TURNS[:1]
        assert Unit(TURNS[0].cell.key, "solve", 2, 0) not in run.done
    assert (
        "ends the run of t/a (seed 0, repeat 0) with 6 records, of which 5 are there" in caplog.text
    )
    assert f"adabench run --resume {whole}" in caplog.text


def test_a_dropped_preparation_is_missed(whole: Path) -> None:
    path = whole / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"p":"prepare"' not in line))
    with run_folder.resume(whole) as run:
        assert run.remaining == TURNS[:1]  # it was prepared there
        assert "prepare" in {record.phase for record in go_on(run)}
        assert run.remaining == ()


def test_a_doubled_record_counts_once_and_is_named(whole: Path, caplog) -> None:
    path = whole / run_folder.RECORDS
    before = run_folder.records(whole)
    lines = path.read_bytes().splitlines(keepends=True)
    record = next(i for i, line in enumerate(lines) if b'"v"' in line)
    path.write_bytes(b"".join([*lines, lines[record], lines[-1]]))
    assert run_folder.records(whole) == before
    assert f"Lines {len(lines) + 1} to {len(lines) + 2} of {path} are there before" in caplog.text
    with run_folder.resume(whole) as run:
        assert run.remaining == ()
    assert table.read(whole).damage


def test_one_damaged_declaration_costs_no_record(whole: Path) -> None:
    path = whole / run_folder.RECORDS
    expected = facts(whole)
    lines = path.read_bytes().splitlines(keepends=True)
    told = Counter(line for line in lines if b'"names"' in line or b'"cell"' in line)
    assert set(told.values()) == {2}
    for line in told:
        first = lines.index(line)
        path.write_bytes(b"".join([*lines[:first], b"?" + line, *lines[first + 1 :]]))
        assert facts(whole) == expected
        assert len(table.read(whole)) == sum(
            r.phase == "solve" and r.status == "ok" for r in expected.values()
        )
        with run_folder.resume(whole) as run:
            assert run.remaining == ()


def test_records_whose_names_are_gone_run_again(whole: Path, caplog) -> None:
    path = whole / run_folder.RECORDS
    expected = facts(whole)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(line for line in lines if b'"names":["steps","latency_s"]' not in line)
    )
    with run_folder.resume(whole) as run:
        assert run.remaining == TURNS
        assert len(go_on(run)) == 40  # what was skipped is tried again, as ever
        assert run.remaining == ()
    assert facts(whole) == expected
    assert "damaged" in caplog.text


def test_a_failure_that_is_said_again_in_the_same_words_is_recorded_once(tmp_path: Path) -> None:
    failed = Record(CELLS[0], "solve", 1, 0, "error", {}, "ValueError: x")
    with run_folder.create(tmp_path, TURNS[:1], {}) as run:
        run.append(failed)
    before = (tmp_path / run_folder.RECORDS).read_bytes()
    for _ in range(3):
        with run_folder.resume(tmp_path) as run:
            assert run.remaining == TURNS[:1]
            for record in run.to_the_end(iter([failed])):
                run.append(record)
        assert (tmp_path / run_folder.RECORDS).read_bytes() == before


def test_a_turn_that_could_not_begin_is_finished_once_it_did(tmp_path: Path) -> None:
    lost = Record(CELLS[0], "solve", -1, 0, "error", {}, "3 workers died at this turn")
    with run_folder.create(tmp_path, TURNS[:1], {}) as run:
        run.append(lost)
    with run_folder.resume(tmp_path) as run:
        assert run.remaining == TURNS[:1]
        go_on(run)
        assert run.remaining == ()


def test_a_turn_whose_end_was_cut_off_is_ended_by_who_goes_on(whole: Path) -> None:
    path = whole / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with run_folder.resume(whole) as run:
        assert run.remaining == TURNS[-1:]
        assert {record.status for record in go_on(run)} == {"skipped"}
        assert run.remaining == ()
    assert path.read_bytes().splitlines()[-1] == lines[-1].strip()


def test_every_line_ends_in_its_checksum(whole: Path) -> None:
    lines = (whole / run_folder.RECORDS).read_bytes().splitlines()
    assert all(checksum.intact(line, checksum.value(line)) for line in lines)
    assert sum(b'"end":5' in line for line in lines) == len(TURNS)


def test_an_earlier_schema_is_read_and_not_added_to(whole: Path) -> None:
    write_manifest(whole, run_folder.read_manifest(whole) | {"schema": 2})
    path = whole / run_folder.RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"end"' not in line))
    assert len(run_folder.records(whole)) == 41
    assert run_folder.remaining(whole) == TURNS
    (whole / run_folder.OLD_TURNS).write_bytes(f"{CELLS[0].key} 0\n\xff\n".encode("latin-1"))
    assert run_folder.remaining(whole) == TURNS[1:]
    with pytest.raises(StoreError, match="can only be read"):
        run_folder.resume(whole)
