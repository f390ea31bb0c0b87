"""Shows a comparison of two runs: the differences (`worse`, `ambiguous`, `better`), then the verdicts.

What is `same` is counted in the caption, what is `invalid` takes one line; both are shown on request.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from adabench.harness.compare.compare import WORDS, Comparison, Row, counts
from adabench.harness.compare.margins import POINT
from adabench.harness.compare.pair_verdicts import Word
from adabench.harness.contract.record import Cell as RecordCell
from adabench.harness.provenance.environment_diff import Unlike
from adabench.reports.number_format import quantity
from adabench.reports.tables.cells import Cell, Column, Sheet, Tone, text_columns

LOOKS: Mapping[Word, tuple[str, Tone]] = {
    "worse": ("✗", "bad"),
    "ambiguous": ("?", "open"),
    "invalid": ("∅", "mute"),
    "better": ("✓", "good"),
    "same": ("=", "mute"),
}
MOST_ROWS = 8
"""Of a table that nobody asked all of."""
FOLD = (0.5, 2.0)
"""Ratios outside are shown as a factor, not as a percentage."""


def verdict_sheet(found: Comparison, *, everything: bool = False) -> Sheet:
    """Return a row for every verdict, `same` ones only if everything is asked for."""
    where = _varied([row.cell for row in found.rows])
    shown = _shown(found, everything)
    numbers = _numbered(shown)
    columns = (
        *text_columns("verdict", "method", "metric"),
        Column("effect", "95 % interval"),
        Column("from", rank=3),
        Column("to", rank=3),
        Column("margin", rank=2),
        Column("n", rank=1),
        Column("note"),
    )
    rows = tuple(_cells(row, where.get(row.cell.task, ()), numbers) for row in shown)
    return Sheet(f"{found.other} against {found.base}", columns, rows, tally(counts([found])))


def unlike_sheet(found: Comparison) -> Sheet:
    """Return what differs between the environments of two runs."""
    columns = text_columns("differs", "key", "base", "other")
    rows = tuple(_unlike(item) for item in found.unlike)
    return Sheet(f"How {found.other} was run otherwise than {found.base}", columns, rows)


def footnotes(found: Comparison, *, everything: bool = False) -> list[str]:
    """Return the notes of the rows that `verdict_sheet` shows, numbered as there."""
    numbers = _numbered(_shown(found, everything))
    return [f"[{number}] {note}" for note, number in numbers.items()]


def other_lines(found: Comparison) -> list[str]:
    """Return a line for what the table leaves out beside what is the same: the rest, and what is invalid."""
    rest = len(_differences(found)) - MOST_ROWS
    lines = [f"And {rest} more rows like these: --all."] if rest > 0 else []
    invalid = [row for row in found.rows if row.verdict == "invalid"]
    if not invalid:
        return lines
    names = ", ".join(dict.fromkeys(row.metric for row in invalid))
    where = len({row.cell.key for row in invalid})
    notes = list(dict.fromkeys(row.note for row in invalid if row.note))
    why = f": {notes[0]}{', and other reasons' if len(notes) > 1 else ''}" if notes else ""
    return [*lines, f"∅ Invalid: {names} of {where} configurations{why} (--all)."]


def _differences(found: Comparison) -> list[Row]:
    return [row for row in found.rows if row.verdict not in ("same", "invalid")]


def _shown(found: Comparison, everything: bool) -> list[Row]:
    shown = sorted(
        found.rows if everything else _differences(found), key=lambda row: WORDS.index(row.verdict)
    )
    return shown if everything else shown[:MOST_ROWS]


def _numbered(rows: Iterable[Row]) -> dict[str, int]:
    """Give every note a number; equal ones share it."""
    notes = dict.fromkeys(row.note for row in rows if row.note)
    return {note: number for number, note in enumerate(notes, start=1)}


def tally(number: Mapping[Word, int]) -> str:
    """Return how often each word was given, in a sentence."""
    told = [f"{count} {word}" for word, count in number.items() if count]
    return f"{', '.join(told)}." if told else "Nothing was compared."


def lonely_lines(found: Comparison) -> list[str]:
    """Return a line for every operating point, or seeds of one, that only one run holds."""
    sides = (found.base, found.lonely.a), (found.other, found.lonely.b)
    return [line for name, cells in sides for line in _only_in(name, cells)]


def _only_in(name: str, cells: Sequence[RecordCell]) -> list[str]:
    seeds: dict[str, list[int]] = {}
    varying = _varied(cells)
    for cell in cells:
        place = " ".join([cell.address, *_place(cell, varying.get(cell.task, ()))])
        seeds.setdefault(place, []).append(cell.seed)
    return [
        f"Only in {name}: {place}, seed{'s' * (len(own) > 1)} {', '.join(map(str, sorted(own)))}"
        for place, own in seeds.items()
    ]


def _varied(cells: Sequence[RecordCell]) -> dict[str, tuple[str, ...]]:
    """Return, by task, the names of which the operating points have several values."""
    values: dict[str, dict[str, set[object]]] = {}
    for cell in cells:
        own = values.setdefault(cell.task, {})
        for name, value in {"scale": cell.scale, **cell.conditions, **cell.point}.items():
            own.setdefault(name, set()).add(value)
    return {
        task: tuple(name for name, found in own.items() if len(found) > 1)
        for task, own in values.items()
    }


def _place(cell: RecordCell, names: Iterable[str]) -> list[str]:
    all_of_it = {"scale": cell.scale, **cell.conditions, **cell.point}
    return [f"{name}={all_of_it[name]}" for name in names if name in all_of_it]


def _cells(row: Row, names: Iterable[str], numbers: Mapping[str, int]) -> tuple[Cell, ...]:
    mark, tone = LOOKS[row.verdict]
    found = row.change
    levels = (found.a, found.b) if found else (None, None)
    return (
        Cell(f"{mark} {row.verdict}", tone=tone),
        Cell(row.cell.address, " ".join(_place(row.cell, names)), "strong"),
        Cell(row.metric, f"({row.label})" if row.label else ""),
        _effect(row),
        *(Cell(quantity(level, row.unit), value=level) for level in levels),
        Cell(str(row.margin)),
        Cell(f"{found.n:,}" if found else "0", value=found.n if found else 0),
        Cell(f"[{numbers[row.note]}]" if row.note else ""),
    )


def _effect(row: Row) -> Cell:
    found = row.change
    if found is None:
        return Cell("–", tone="mute")
    say = _points if found.form == "difference" else _percent
    center, low, high = (say(end, row.unit) for end in (found.estimate, found.low, found.high))
    return Cell(center, "" if found.equal else f"[{low}, {high}]", value=found.estimate)


def _points(value: float, unit: str) -> str:
    """Write a difference: in points where the quality has no unit."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:+.3g}" if unit else f"{value / POINT:+.2f} pt"


def _percent(value: float, unit: str) -> str:
    """Write a ratio: its change in per cent, or a factor where that is large."""
    del unit
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    return f"{100 * (value - 1):+.2f} %" if FOLD[0] <= value <= FOLD[1] else f"x {value:.3g}"


def _unlike(item: Unlike) -> tuple[Cell, ...]:
    tone: Tone = "bad" if item.field == "hardware" else ""
    return (Cell(item.field, tone=tone), Cell(item.key), *map(Cell, item.sides))
