"""The lines of `records.jsonl`, schema 2: a record a line, short, and readable without us.

    {"n":0,"names":["latency_s","steps"]}             what the values of set 0 are called
    {"k":"9f86d081884c7d65","cell":{"task":...}}      a cell that the plan does not hold
    {"k":"60303ae22b998861","c":3,"n":0,"v":[0.25,7]} a record

A record names its cell by key; `run.json` holds the cells (`plan.cells`), a line before it
those that are not planned (preparing may stand at other knobs). Further keys of a record, each
left out where it says nothing: `r` repeat (0), `p` phase (solve), `s` status (ok), `g` group,
`t` note, `e` the provenance of energy. A set of names counts until its number is given
anew, so a run that is taken up again numbers from 0. Values are raw: counts are integers, floats
the shortest text that reads back as the same number. With jq, as objects by name:

    jq -nc 'foreach inputs as $l ({}; if $l.names then .[$l.n|tostring] = $l.names else . end;
      select($l.v) + {l: $l} | [.[$l.n|tostring], $l.v] | transpose
      | map({(.[0]): .[1]}) | add + {cell: $l.k, case: $l.c})' records.jsonl

Schema 1 repeated the whole cell and every name in each line; it is still read.
"""

import json
import logging
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from adabench.harness.contract.record import Cell, Record, finite, short
from adabench.harness.errors import StoreError
from adabench.harness.store import packed_run

log = logging.getLogger(__name__)

BLOCK = 1 << 20
"""Bytes that are parsed at once: small enough that what they become stays in the cache."""
Names = tuple[str, ...]
Line = dict[str, Any]
OLD = (("p", "phase", "solve"), ("s", "status", "ok"), ("g", "group", ""), ("t", "note", ""))
"""A record's key, its name in schema 1, and what it is where a line leaves it out."""


def lines(
    record: Record, names: MutableMapping[Names, int], cells: MutableMapping[str, Cell]
) -> Iterator[Line]:
    """Yield the lines that store a record: what it needs declared, then itself.

    A declaration counts as written (`names`, `cells`) once the next line is asked for.
    """
    values, key = finite(record), record.cell.key
    if key not in cells:
        yield {"k": key, "cell": record.cell.to_json()}
        cells[key] = record.cell
    held = tuple(values)
    if held not in names:
        yield {"n": len(names), "names": list(held)}
        names[held] = len(names)
    yield (
        {"k": key, "c": record.case}
        | ({"r": record.repeat} if record.repeat else {})
        | ({"p": record.phase} if record.phase != "solve" else {})
        | ({"s": record.status} if record.status != "ok" else {})
        | ({"g": record.group} if record.group else {})
        | ({"t": record.note} if record.note else {})
        | ({"e": [dict(said) for said in record.energy]} if record.energy else {})
        | {"n": names[held], "v": [short(value) for value in values.values()]}
    )


@dataclass
class Declarations:
    """What the lines so far have declared."""

    cells: dict[str, Cell]
    names: dict[int | Names, Names] = field(default_factory=dict)
    _old: dict[bytes, str] = field(default_factory=dict)

    def declare(self, line: Line) -> None:
        """Take in a line that is no record.

        Raises:
            KeyError, TypeError: if it is no declaration either.
        """
        if "names" in line:
            self.names[line["n"]] = tuple(line["names"])
        else:
            self.cells[line["k"]] = Cell(**line["cell"])

    def from_old(self, line: Line) -> Line:
        """Return a line of schema 1 as one of schema 2, with its own set of names.

        Raises:
            KeyError, TypeError: if it is none.
        """
        text = orjson.dumps(line["cell"], option=orjson.OPT_SORT_KEYS)
        if text not in self._old:
            cell = Cell(**line["cell"])
            self._old[text] = cell.key
            self.cells.setdefault(cell.key, cell)
        names = tuple(line["values"])
        self.names[names] = names
        found: Line = {"k": self._old[text], "c": line["case"], "r": line["repeat"]}
        for short_name, name, usual in OLD:
            if line[name] != usual:
                found[short_name] = line[name]
        if line.get("energy"):
            found["e"] = line["energy"]
        return found | {"n": names, "v": list(line["values"].values())}

    def record(self, line: Line) -> Record:
        """Return the record of a line.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        if not all(type(value) in (int, float) for value in line["v"]):
            raise TypeError("A value is no number.")
        return Record(
            self.cells[line["k"]],
            line.get("p", "solve"),
            line["c"],
            line.get("r", 0),
            line.get("s", "ok"),
            dict(zip(self.names[line["n"]], line["v"], strict=True)),
            line.get("t", ""),
            line.get("g", ""),
            tuple(line.get("e", ())),
        )


def records(path: Path, cells: Mapping[str, Cell]) -> Iterator[Record]:
    """Yield every record of a journal in its order; `cells` are the planned ones by key.

    Raises:
        StoreError: if the file cannot be read, or a line is neither record nor declaration.
    """
    known = Declarations(dict(cells))
    for number, block in blocks(path):
        for i, line in enumerate(block):
            try:
                if "v" in line:
                    yield known.record(line)
                elif "values" in line:
                    yield known.record(known.from_old(line))
                else:
                    known.declare(line)
            except (KeyError, TypeError, ValueError) as broken:
                raise damage_error(path, number + i) from broken


def blocks(path: Path) -> Iterator[tuple[int, list[Line]]]:
    """Yield the parsed lines of a journal in blocks, each with the number of its first line.

    A cut last line is left out.

    Raises:
        StoreError: if the file cannot be read or a line is not JSON.
    """
    number, rest = 1, b""
    try:
        with packed_run.open_file(path) as file:
            while data := file.read(BLOCK):
                whole, line_end, rest = (rest + data).rpartition(b"\n")
                if line_end:
                    parsed = _parsed(path, number, whole)
                    yield number, parsed
                    number += len(parsed)
        if rest:
            log.warning("%s ends in a cut line (a crash?), which is ignored.", path)
    except packed_run.UNREADABLE as problem:
        raise StoreError(f"{path} cannot be read: {packed_run.reason(problem)}.") from problem


def _parsed(path: Path, number: int, whole: bytes) -> list[Line]:
    try:
        found: list[Line] = orjson.loads(b"[" + whole.replace(b"\n", b",") + b"]")
    except ValueError:
        texts = whole.split(b"\n")
        found = [_line(path, number + i, text) for i, text in enumerate(texts)]
    for i, line in enumerate(found):
        if type(line) is not dict:
            raise damage_error(path, number + i)
    return found


def _line(path: Path, number: int, text: bytes) -> Line:
    """Parse what orjson refuses and JSON allows, such as half a surrogate pair in a note."""
    try:
        parsed: Line = json.loads(text)
    except ValueError as broken:
        raise damage_error(path, number) from broken
    return parsed


def damage_error(path: Path, number: int) -> StoreError:
    """Return the error that names a line which is no record."""
    return StoreError(
        f"Line {number} of {path} is not a record.",
        "If you edited the file, undo it; a crash never damages lines in the middle.",
    )
