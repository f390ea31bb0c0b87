"""Reads a journal a block of lines at a time: what is intact, once, and what is not by its number.

Of schema 3 a line counts if its checksum fits, and once. A record whose names, or whose cell, are
declared only further on (the line that declared them first is damaged) comes last. Damage is no
error: it is collected, and `damage()` says it in sentences. Of the schemas before, which
have nothing to tell damage by, a line that cannot be read is an error.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import orjson

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.store import checksum, packed_run
from adabench.harness.store.journal import WRONG, Declarations, Line, artefacts_of, single_lines
from adabench.harness.store.turn_ends import TurnEnds

log = logging.getLogger(__name__)

BLOCK = 1 << 20
"""Bytes that are parsed at once: small enough that what they become stays in the cache."""
SCHEMA = 3
SHOWN = 8
"""Stretches of lines, and turns, that one sentence names."""
Numbered = tuple[Sequence[int], list[Line]]


@dataclass
class JournalReader:
    """One reading of a journal; what it is found to hold is complete once `blocks` has ended."""

    path: Path
    cells: Mapping[str, Cell]
    """The planned ones by key."""
    schema: int = SCHEMA
    ends: TurnEnds = field(default_factory=TurnEnds)
    sets: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Of schema 3: the names that are declared."""
    declared: dict[str, Cell] = field(default_factory=dict)
    """Of schema 3: the cells that are declared, beside those planned."""
    trained: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of schema 3: the trained artefacts of cells, by their keys."""
    lost_sets: set[int] = field(default_factory=set)
    """Sets of names that a record has and nothing declares; their numbers are not given again."""
    damaged: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    _late: list[tuple[int, int, Line]] = field(default_factory=list)
    """Records whose names or cell are not declared yet."""

    def blocks(self) -> Iterator[Numbered]:
        """Yield the lines that are records and declarations, with their numbers.

        A cut last line is left out.

        Raises:
            StoreError: if the file cannot be read, or a line is not what it should be.
        """
        number, rest = 1, b""
        try:
            with packed_run.open_file(self.path) as file:
                while data := file.read(BLOCK):
                    whole, line_end, rest = (rest + data).rpartition(b"\n")
                    if line_end:
                        texts = whole.split(b"\n")
                        yield self._block(number, texts)
                        number += len(texts)
        except packed_run.UNREADABLE as problem:
            raise StoreError(
                f"{self.path} cannot be read: {packed_run.reason(problem)}."
            ) from problem
        if rest:
            log.warning("%s ends in a cut line (a crash?), which is ignored.", self.path)
        if self._late:
            yield self._last_block()

    def records(self) -> Iterator[Record]:
        """Yield every record in its order.

        Raises:
            StoreError: as `blocks`.
        """
        known = Declarations(dict(self.cells))
        for numbers, block in self.blocks():
            for number, line in zip(numbers, block, strict=True):
                try:
                    if "v" in line:
                        yield known.record(line)
                    else:
                        known.declare(line)
                except WRONG as broken:
                    raise damage_error(self.path, number) from broken

    def damage(self, turns: Iterable[Turn] = ()) -> tuple[str, ...]:
        """Return what is damaged in sentences; `turns` are those that should be whole."""
        found = []
        if self.damaged:
            found.append(f"{_lines(self.damaged, self.path)} damaged and left out.")
        if self.doubled:
            found.append(f"{_lines(self.doubled, self.path)} there before and counted once.")
        lacking = {name: rest for name, *rest in self.ends.mismatches()}
        for name, (number, want, have) in list(lacking.items())[:SHOWN]:
            found.append(
                f"Line {number} of {self.path} ends {self._turn(*name)} with {want} records, of "
                f"which {have} are there."
            )
        if len(lacking) > SHOWN:
            found.append(f"{len(lacking) - SHOWN} more runs of {self.path} lack records.")
        if found and any(not self.ends.finished(turn) for turn in turns):
            found[-1] += (
                f" What is missing runs again with: adabench run --resume {self.path.parent}"
            )
        return tuple(found)

    def _turn(self, key: str, repeat: int) -> str:
        cell = self.cells.get(key)
        if cell is None:
            return f"a run of {key}"
        return f"the run of {cell.address} (seed {cell.seed}, repeat {repeat})"

    def _block(self, number: int, texts: list[bytes]) -> Numbered:
        numbers: Sequence[int] = range(number, number + len(texts))
        if self.schema < SCHEMA:
            return numbers, self._parsed(numbers, texts)
        sums = list(map(checksum.value, texts))
        whole = list(map(checksum.intact, texts, sums))
        if not all(whole):
            self.damaged += (n for n, good in zip(numbers, whole, strict=True) if not good)
            texts, numbers = list(compress(texts, whole)), list(compress(numbers, whole))
            sums = list(compress(sums, whole))
        lines = self._parsed(numbers, texts)
        counts: list[bool] = []
        try:
            counts.extend(map(self._take, numbers, sums, lines))
        except WRONG as broken:
            raise damage_error(self.path, numbers[len(counts)]) from broken
        if not all(counts):
            numbers, lines = list(compress(numbers, counts)), list(compress(lines, counts))
        return self._single(numbers, lines)

    def _single(self, numbers: Sequence[int], lines: list[Line]) -> Numbered:
        """Return lines of columns as a line for each of their cases, under the same number."""
        if not any("to" in line for line in lines):
            return numbers, lines
        found: list[tuple[int, Line]] = []
        for number, line in zip(numbers, lines, strict=True):
            try:
                found += ((number, one) for one in single_lines(line))
            except WRONG as broken:
                raise damage_error(self.path, number) from broken
        return [number for number, _ in found], [line for _, line in found]

    def _take(self, number: int, value: int, line: Line) -> bool:
        """Take in a line of schema 3; say no if it is not to be handed on, or not yet."""
        if "v" in line:
            if not self.ends.take(line, value):
                self.doubled.append(number)
                return False
            if self._is_declared(line):
                return True
            self._late.append((number, value, line))
            return False
        if "end" in line:
            if not self.ends.end(number, line):
                self.doubled.append(number)
            return False
        if "names" in line:
            names = tuple(line["names"])
            if self.sets.setdefault(line["n"], names) != names or set(map(type, names)) - {str}:
                raise ValueError("A set of names is declared as two, or holds what is no name.")
            return True
        if "trained" in line:
            self.trained[line["k"]] = artefacts_of(line)
            return True
        cell = Cell(**line["cell"])
        if cell.key != line["k"]:
            raise ValueError("A configuration is not what its key says.")
        self.declared[cell.key] = cell
        return True

    def _is_declared(self, line: Line) -> bool:
        key = line["k"]
        return line["n"] in self.sets and (key in self.cells or key in self.declared)

    def _last_block(self) -> Numbered:
        """Return the records that had to wait; what they need may never have been declared."""
        numbers, lines = [], []
        for number, value, line in self._late:
            if self._is_declared(line):
                numbers.append(number)
                lines.append(line)
            else:
                self.damaged.append(number)
                self.lost_sets |= {line["n"]} - self.sets.keys()
                self.ends.drop(line, value)
        self.damaged.sort()
        self._late.clear()
        return self._single(numbers, lines)

    def _parsed(self, numbers: Sequence[int], texts: list[bytes]) -> list[Line]:
        try:
            found: list[Line] = orjson.loads(b"[" + b",".join(texts) + b"]")
        except ValueError:
            found = [_line(self.path, n, text) for n, text in zip(numbers, texts, strict=True)]
        for number, line in zip(numbers, found, strict=False):
            if type(line) is not dict:
                raise damage_error(self.path, number)
        if len(found) != len(texts):  # several in one line
            raise damage_error(self.path, numbers[0])
        return found


def drop_cut_line(path: Path) -> None:
    """Drop what a crash left behind the last whole line.

    Raises:
        OSError: if the file cannot be changed.
    """
    with path.open("rb") as file:
        end = size = file.seek(0, os.SEEK_END)
        tail = b""
        while end and b"\n" not in tail:
            start = max(end - 65_536, 0)
            file.seek(start)
            tail, end = file.read(end - start), start
    whole = end + tail.rfind(b"\n") + 1
    if whole < size:
        log.warning("%s ends in a cut line (a crash?), which is dropped.", path)
        os.truncate(path, whole)


def damage_error(path: Path, number: int) -> StoreError:
    """Return the error that names a line which is no record."""
    return StoreError(
        f"Line {number} of {path} is not a record.",
        "If you edited the file, undo it; a crash never damages lines in the middle.",
    )


def _line(path: Path, number: int, text: bytes) -> Line:
    """Parse what orjson refuses and JSON allows, such as half a surrogate pair in a note."""
    try:
        parsed: Line = json.loads(text)
    except (ValueError, RecursionError) as broken:
        raise damage_error(path, number) from broken
    return parsed


def _lines(numbers: Sequence[int], path: Path) -> str:
    """Name lines by their stretches: `Lines 3, 7 to 9 of records.jsonl are`."""
    if len(numbers) == 1:
        return f"Line {numbers[0]} of {path} is"
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1] = [stretches[-1][0], number]
        else:
            stretches.append([number])
    words = [" to ".join(map(str, stretch)) for stretch in stretches[:SHOWN]]
    more = f" and {len(stretches) - SHOWN} stretches more" if len(stretches) > SHOWN else ""
    return f"Lines {', '.join(words)}{more} of {path} are"
