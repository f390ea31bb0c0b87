"""The lines of `records.jsonl`, schema 3: a record a line, short, and readable without us.

    {"n":0,"names":["latency_s","steps"],"x":"..."}             what the values of set 0 are called
    {"k":"9f86d081884c7d65","cell":{"task":...},"x":"..."}      a cell that the plan does not hold
    {"k":"60303ae22b998861","trained":{"mor-s1":"5e0c..."},"x":"..."}   what a cell's method had learnt
    {"k":"60303ae22b998861","c":3,"n":0,"v":[0.25,7],"x":"..."} a record
    {"k":"60303ae22b998861","end":1,"d":"...","x":"..."}        the end of a turn (`turn_ends.py`)

Cases that were counted together (`counts_pass.py`) share a line, whose values are columns:

    {"k":"60303ae22b998861","c":0,"to":49,"n":0,"v":[[3,5,...],7],"x":"..."}   cases 0 to 49

A column of one number is that number in every case, and `g` is a column, too, where groups differ.

A record names its cell by key; `run.json` holds the cells (`plan.cells`), a line before it
those that are not planned (preparing may stand at other knobs). Further keys of a record, each
left out where it says nothing: `r` repeat (0), `p` phase (solve), `s` status (ok), `g` group,
`t` note, `e` the provenance of energy. Values are raw: counts are integers, floats the shortest
text that reads back as the same number. With jq, as objects by name:

    jq -nc 'foreach inputs as $l ({}; if $l.names then .[$l.n|tostring] = $l.names else . end;
      select($l.v) + {l: $l} | [.[$l.n|tostring], $l.v] | transpose
      | map({(.[0]): .[1]}) | add + {cell: $l.k, case: $l.c})' records.jsonl

Every line ends in its checksum `x` (`checksum.py`). What a declaration says is said again when
the turn ends that it was made for, so that one damaged line costs one record. A line that is not
what was written is left out; the reader names it, and the turns that lack it run again.

Schema 2 had no checksums and no end lines, and a set's number could be given anew; it is still read.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, get_args

from adabench.harness.contract.record import Cell, Phase, Record, Status, finite, short

Names = tuple[str, ...]
Line = dict[str, Any]
PHASES, STATUSES = get_args(Phase), get_args(Status)
WRONG = (KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What a line raises that is neither record nor declaration."""


def lines(
    record: Record,
    names: MutableMapping[Names, int],
    cells: MutableMapping[str, Cell],
    trained: MutableMapping[str, Mapping[str, str]],
) -> Iterator[Line]:
    """Yield the lines that store a record: what it needs declared, then itself.

    A declaration counts as written (`names`, `cells`, `trained`) once the next line is asked for.
    """
    values, key = finite(record), record.cell.key
    if key not in cells:
        yield {"k": key, "cell": record.cell.to_json()}
        cells[key] = record.cell
    if record.trained and trained.get(key) != record.trained:
        yield {"k": key, "trained": dict(record.trained)}
        trained[key] = record.trained
    held = tuple(values)
    if held not in names:
        number = max(names.values(), default=-1) + 1
        yield {"n": number, "names": list(held)}
        names[held] = number
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


def column_lines(
    records: Sequence[Record],
    names: MutableMapping[Names, int],
    cells: MutableMapping[str, Cell],
    trained: MutableMapping[str, Mapping[str, str]],
) -> Iterator[Line]:
    """Yield the lines that store records of consecutive cases of a turn, alike but for their values."""
    *declared, line = lines(records[0], names, cells, trained)
    yield from declared
    if len(records) > 1:
        held = (map(short, (finite(one)[name] for one in records)) for name in records[0].values)
        groups = _column([one.group for one in records])
        line |= {"to": records[-1].case, "v": list(map(_column, map(list, held)))}
        line |= {"g": groups} if groups else {}
    yield line


def single_lines(line: Line) -> list[Line]:
    """Return a line of a record as it is, and one of columns as a line for each of its cases.

    Raises:
        KeyError, TypeError, ValueError: if its columns are not as long as it says.
    """
    if "to" not in line:
        return [line]
    first, last = line["c"], line["to"]
    number = last - first + 1
    rest = {key: value for key, value in line.items() if key not in ("c", "to", "v", "g", "x")}
    columns = [_spread(column, number) for column in line["v"]]
    groups = _spread(line.get("g", ""), number)
    return [
        {**rest, "c": case, "v": list(values), **({"g": group} if group else {})}
        for case, group, values in zip(
            range(first, last + 1), groups, zip(*columns, strict=True) if columns else [()] * number,
            strict=True,
        )
    ]  # fmt: skip


def _column(values: list[Any]) -> Any:
    """Return values, or the one that all of them are."""
    return values[0] if all(value == values[0] for value in values) else values


def _spread(column: Any, number: int) -> list[Any]:
    if type(column) is not list:
        return [column] * number
    if len(column) != number:
        raise ValueError("A column does not have a value for each case.")
    return column


@dataclass
class Declarations:
    """What the lines so far have declared."""

    cells: dict[str, Cell]
    names: dict[int, Names] = field(default_factory=dict)
    trained: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """By the keys of cells."""

    def declare(self, line: Line) -> None:
        """Take in a line that is no record.

        Raises:
            KeyError, TypeError: if it is no declaration either.
        """
        if "names" in line:
            self.names[line["n"]] = tuple(line["names"])
        elif "trained" in line:
            self.trained[line["k"]] = artefacts_of(line)
        else:
            self.cells[line["k"]] = Cell(**line["cell"])

    def record(self, line: Line) -> Record:
        """Return the record of a line.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        if not all(type(value) in (int, float) and isfinite(value) for value in line["v"]):
            raise TypeError("A value is no number.")
        phase, status = line.get("p", "solve"), line.get("s", "ok")
        if phase not in PHASES or status not in STATUSES:
            raise ValueError(f"There is no phase {phase!r}, or no status {status!r}.")
        if not type(line["c"]) is type(line.get("r", 0)) is int:
            raise TypeError("A case or a repeat is no whole number.")
        if not all(type(line.get(key, "")) is str for key in ("k", "t", "g")):
            raise TypeError("A key, a note or a group is no text.")
        if not all(type(said) is dict for said in line.get("e", ())):
            raise TypeError("What is said of energy is no object.")
        return Record(
            self.cells[line["k"]],
            phase,
            line["c"],
            line.get("r", 0),
            status,
            dict(zip(self.names[line["n"]], line["v"], strict=True)),
            line.get("t", ""),
            line.get("g", ""),
            tuple(line.get("e", ())),
            self.trained.get(line["k"], {}),
        )


def artefacts_of(line: Line) -> dict[str, str]:
    """Return the trained artefacts that a declaration names.

    Raises:
        TypeError: if it holds anything but texts.
    """
    found = line["trained"]
    words = (*found, *found.values()) if type(found) is dict else (None,)
    if not all(type(word) is str for word in (*words, line["k"])):
        raise TypeError("A trained artefact has a name and a digest, and both are texts.")
    return dict(found)
