"""Draws sheets as HTML tables. Every number is an element that carries its exact value.

`data-value` holds the number with all its digits, `data-ref` where it stands in the document of `adabench run --json`. Everything from a run is
escaped and set apart from the direction of the text around it; a longer name is cut, with the rest of it as its title.
"""

import math
import re
from collections.abc import Sequence
from html import escape

from adabench.reports.tables.cells import Cell, Column, Sheet

LONGEST, WORD = 160, 32
"""Characters of a text that are shown in a cell, and of a word that is not broken."""


def name(text: str, most: int = LONGEST) -> str:
    """Return a name from a run as HTML, in its own direction of writing."""
    if len(text) <= most and max(map(len, text.replace("_", " ").split()), default=0) <= WORD:
        return f"<bdi>{escape(text).replace('_', '_<wbr>')}</bdi>"
    if len(text) <= most:
        return f'<bdi class="long">{escape(text)}</bdi>'
    return f'<bdi class="long" title="{escape(text[:2000])}">{escape(text[: most - 1])}…</bdi>'


def number(value: float, text: str, ref: str = "", tag: str = "span", kind: str = "num") -> str:
    """Return a number: its exact value and origin as attributes, rounded text as content."""
    origin = f' data-ref="{escape(ref)}"' if ref else ""
    style = f' class="{kind}"' if kind else ""
    return f'<{tag}{style} data-value="{exact(value)}"{origin}>{escape(text)}</{tag}>'


def exact(value: float) -> str:
    """Return a number with all its digits, as JavaScript's `Number` reads it."""
    if math.isfinite(value):
        return str(value) if isinstance(value, int) else repr(float(value))
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def table(sheet: Sheet, kind: str = "", key: str = "", row_keys: Sequence[str] = ()) -> str:
    """Draw a sheet; one without rows is left out. Keys become ids, of the table or its rows."""
    if not sheet.rows:
        return ""
    heads = "".join(map(head, sheet.columns))
    keys = row_keys or [""] * len(sheet.rows)
    pairs = zip(sheet.rows, keys, strict=True)
    rows = "".join(_row(sheet.columns, row, own) for row, own in pairs)
    note = f"<small>{escape(sheet.caption[:2000])}</small>" if sheet.caption else ""
    title = f'<span class="title">{name(sheet.title)}{note}</span>'
    style = f" {kind}" if kind else ""
    identity = f' id="{key}"' if key else ""
    return (
        f'<div class="scroll{style}" tabindex="0" role="region" '
        f'aria-label="{escape(sheet.title[:LONGEST])}">'
        f"<table{identity}><caption>{title}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def head(column: Column) -> str:
    """Return the heading of a column."""
    minor = f"<small>{escape(column.minor)}</small>" if column.minor else ""
    kind = ' class="right"' if column.right else ""
    return f'<th scope="col"{kind}>{escape(column.name)}{minor}</th>'


def _row(columns: Sequence[Column], cells: Sequence[Cell], key: str) -> str:
    drawn = [
        cell_of(column, cell, "td" if place else "th")
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True))
    ]
    identity = f' id="{key}"' if key else ""
    return f"<tr{identity}>{''.join(drawn)}</tr>"


def cell_of(column: Column, cell: Cell, tag: str = "td") -> str:
    """Return a cell; a value that is no number of the document only serves to sort by."""
    kinds = " ".join(
        kind for kind in ("right" * column.right, "wrap" * column.wraps, cell.tone) if kind
    )
    attributes = ' scope="row"' if tag == "th" else ""
    attributes += f' class="{kinds}"' if kinds else ""
    if cell.value is not None and not cell.ref:
        attributes += f' data-sort="{exact(cell.value)}"'
    text = name(cell.text) if not column.wraps else f"<bdi>{escape(cell.text)}</bdi>"
    if cell.value is not None and cell.ref:
        text = number(cell.value, cell.text, cell.ref)
    return f"<{tag}{attributes}>{text}{_minor(cell, column.wraps)}</{tag}>"


def _minor(cell: Cell, whole: bool) -> str:
    """Return the lesser text of a cell; where a column wraps, whole."""
    if not cell.minor:
        return ""
    if whole and not cell.ends:
        return f"<small><bdi>{escape(cell.minor)}</bdi></small>"
    return f"<small>{interval(cell) if cell.ends else name(cell.minor)}</small>"


def interval(cell: Cell) -> str:
    """Return the lesser text of a cell, the two ends of its interval as numbers."""
    found = re.fullmatch(r"(.*)\[(.+?)(, |; )(.+)\]", cell.minor)
    if not found or not cell.ends:
        return escape(cell.minor)
    before, low, comma, high = found.groups()
    stem = cell.ref.rpartition("/")[0]
    ends = [
        number(value, text, f"{stem}/{key}" if stem else "")
        for value, text, key in zip(cell.ends, (low, high), ("low", "high"), strict=True)
    ]
    return f"{escape(before)}[{ends[0]}{comma}{ends[1]}]"
