"""Draws a recorded case as the task does (`harness/contract/drawing.py`), as SVG in the page; no method runs.

The case is made anew from scale, seed and conditions of the recorded cell nearest to the task's defaults, and shown only if its content hash
was recorded. Tones are classes of the page's style: what is lost is dashed, what is new is thicker, the way is thickest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture, check_picture, painter
from adabench.harness.contract.record import Cell
from adabench.harness.errors import AdabenchError, SelectionError
from adabench.harness.store import packed_run, table
from adabench.harness.store.table import Table
from adabench.reports.report.markup import name

UNITS = 1000
"""Of the window's longer side; coordinates are whole, which keeps pages small."""
DOT = 6


@dataclass(frozen=True)
class CaseDrawing:
    """A picture and the cell it belongs to, or the reason why there is none."""

    picture: Picture | None = None
    cell: Cell | None = None
    reason: str = ""


def draw_case(findings: Findings, task: str) -> CaseDrawing | None:
    """Return the picture of a recorded case; None where the task draws none or the run is not here.

    A plug-in may raise anything: a picture that fails costs the page nothing but the picture.
    """
    try:
        entry = registry.find(task)
    except SelectionError:  # it is in the run, but no longer installed
        return None
    try:
        paint = painter(entry)
        if paint is None or not packed_run.size_bytes(Path(findings.run) / "records.jsonl"):
            return None
        records = table.read(Path(findings.run), str(findings.manifest.get("records_sha256", "")))
        cell = choose_cell(records, task, findings.task_cards[task].defaults)
        drawn = paint(cell.scale, cell.seed, cell.conditions) if cell else None
        if cell is None or drawn is None:
            return None
        if drawn.instance not in recorded_cases(records, cell):
            return CaseDrawing(reason="the instance drawn by this version is not the recorded one")
        return CaseDrawing(check_picture(drawn), cell)
    except AdabenchError as problem:
        return CaseDrawing(reason=problem.message)
    except Exception as problem:  # noqa: BLE001, a plug-in may raise anything
        return CaseDrawing(reason=f"drawing it raised {type(problem).__name__}: {problem}")


def choose_cell(records: Table, task: str, wanted: Point) -> Cell | None:
    """Return the recorded cell nearest to the default conditions, of those the least seed."""

    def distance(cell: Cell) -> tuple[int, int, str]:
        differ = sum(wanted.get(key) != value for key, value in cell.conditions.items())
        return differ, cell.seed, cell.key

    return min((cell for cell in records.cells if cell.task == task), key=distance, default=None)


def recorded_cases(records: Table, cell: Cell) -> frozenset[float]:
    """Return the hashes of the instances that were solved where `cell` was."""
    hashes = records.columns.get("instance")
    if hashes is None:
        return frozenset()
    here = (cell.task, cell.scale, cell.seed, dict(cell.conditions))
    found: set[float] = set()
    for at, other in enumerate(records.cells):
        if (other.task, other.scale, other.seed, dict(other.conditions)) == here:
            found |= set(hashes[records.bounds[at] : records.bounds[at + 1]].tolist())
    return frozenset(found)


def figure(findings: Findings, task: str) -> str:
    """Return a task's picture as HTML; a note where it cannot be shown, nothing where there is
    none.
    """
    found = draw_case(findings, task)
    if found is None:
        return ""
    if found.picture is None or found.cell is None:
        return f'<p class="note">No picture of a case: {name(found.reason, 600)}.</p>'
    drawn, cell = found.picture, found.cell
    held = ", ".join([f"seed {cell.seed}", *(f"{k} {v}" for k, v in cell.conditions.items())])
    origin = f"Drawn from the recorded instance ({held}); no method ran for it."
    panels = "".join(f"<div>{_panel(panel, drawn)}</div>" for panel in drawn.panels)
    return (
        f"<h3>{name(drawn.title)}</h3>"
        f'<figure class="picture"><div class="panels">{panels}</div>{_legend(drawn)}'
        f"<figcaption>{name(drawn.words, 2000)} {name(origin, 600)}</figcaption></figure>"
    )


def _panel(panel: Panel, drawn: Picture) -> str:
    low_x, low_y, high_x, high_y = drawn.window
    scale = UNITS / max(high_x - low_x, high_y - low_y)
    width, height = round((high_x - low_x) * scale), round((high_y - low_y) * scale)
    to = _Plane(low_x, high_y, scale)
    shapes = "".join(_mark(mark, to) for mark in panel.marks if mark.places)
    return (
        f"<p>{name(panel.title)}</p>"
        f'<svg role="img" aria-label="{escape(panel.title)}" viewBox="0 0 {width} {height}">'
        f"{shapes}</svg>"
    )


@dataclass(frozen=True)
class _Plane:
    """From the task's coordinates, y upwards, to the drawing's whole ones."""

    left: float
    top: float
    scale: float

    def point(self, x: float, y: float) -> tuple[int, int]:
        return round((x - self.left) * self.scale), round((self.top - y) * self.scale)


def _mark(mark: Mark, to: _Plane) -> str:
    """Draw a mark; all of its shapes are one path, since there may be thousands."""
    draw = {"segments": _segments, "line": _line, "discs": _discs, "boxes": _boxes, "dots": _dots}
    return f'<path class="{mark.kind} {mark.tone}" d="{draw[mark.kind](mark.places, to)}"/>'


Places = Sequence[tuple[float, ...]]


def _segments(places: Places, to: _Plane) -> str:
    ends = ((to.point(x, y), to.point(u, v)) for x, y, u, v in places)
    return "".join(f"M{x} {y}l{u - x} {v - y}" for (x, y), (u, v) in ends)


def _line(places: Places, to: _Plane) -> str:
    points = (to.point(x, y) for x, y in places)
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _discs(places: Places, to: _Plane) -> str:
    return "".join(_disc(to.point(x, y), round(r * to.scale)) for x, y, r in places)


def _dots(places: Places, to: _Plane) -> str:
    return "".join(_disc(to.point(x, y), DOT) for x, y in places)


def _disc(centre: tuple[int, int], r: int) -> str:
    x, y = centre
    return f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"


def _boxes(places: Places, to: _Plane) -> str:
    corners = ((to.point(x, y), to.point(u, v)) for x, y, u, v in places)
    return "".join(f"M{x} {y}H{u}V{v}H{x}z" for (x, y), (u, v) in corners)


SWATCHES = {
    "segments": "M0 7h28", "line": "M0 7h28", "boxes": "M2 2h24v10h-24z",
    "discs": "M8 7a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z", "dots": "M9 7a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
}  # fmt: skip


def _legend(drawn: Picture) -> str:
    """Name every label once."""
    marks = [mark for panel in drawn.panels for mark in panel.marks if mark.label and mark.places]
    entries = {mark.label: mark for mark in reversed(marks)}
    items = "".join(
        '<li><svg viewBox="0 0 28 14" aria-hidden="true">'
        f'<path class="{mark.kind} {mark.tone} swatch" d="{SWATCHES[mark.kind]}"/></svg>'
        f"{name(label)}</li>"
        for label, mark in reversed(entries.items())
    )
    return f'<ul class="key">{items}</ul>' if items else ""
