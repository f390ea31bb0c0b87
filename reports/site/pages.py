"""Draws the pages of a site over many runs (`docs/publish.md`): an index, and a page a method.

Everything here is a pure function of the runs that the site keeps: no clock, no path, no network; the same runs give the same bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from adabench.harness.history.archive import ArchivedRun
from adabench.harness.history.series import Series
from adabench.reports.figures.style import file_stem
from adabench.reports.number_format import quantity
from adabench.reports.report import front_page, page_frame
from adabench.reports.site import history, scoreboard
from adabench.reports.site.history import commit, moment, setting
from adabench.reports.site.model import Site, headline_words, method_file, role, run_file
from adabench.reports.tables.cells import Cell, Column, Sheet, text_columns
from adabench.reports.tables.claim_sheets import VERDICTS

NEWS = 20
DATA = (
    '<ul><li><a href="data/index.json">data/index.json</a></li><li>'
    '<a href="data/history.json">data/history.json</a></li></ul>'
    "<p>Of every run: <code>data/runs/ID/findings.json</code>, <code>manifest.json</code>, "
    "<code>cases.npz</code> and, where it could be written, <code>cases.parquet</code>.</p>"
)


# The index


def index(site: Site) -> str:
    """Return the front page."""
    latest = site.runs[-1]
    lead = " · ".join([
        _some(len(site.runs), "run"), _some(len(site.addresses), "method"),
        _some(len(site.machines), "machine"), f"latest {moment(latest)} at {commit(latest)}",
    ])  # fmt: skip
    links = {address: method_file(address) for address in site.addresses}
    recent = history.shifts(site.series)[:NEWS]
    steps = page_frame.table(history.steps_sheet(recent, site.by_id), links)
    watched = f"Nothing, in {_some(len(site.series), 'history', 'histories')}."
    quiet = (
        f"<p>{watched if site.series else 'No history yet: it takes two runs on one machine.'}</p>"
    )
    parts = [
        _answers(site),
        page_frame.section("Papers", page_frame.table(scoreboard.sheet(site)), anchor="papers"),
        page_frame.section("What changed", steps or quiet, _note(site), anchor="steps"),
        page_frame.section(
            "Methods", page_frame.table(_methods_sheet(site), links), anchor="methods"
        ),
        page_frame.section("Runs", _runs(site), anchor="runs"),
        page_frame.section("Machines", page_frame.table(_machines_sheet(site)), anchor="machines"),
        page_frame.section("Data", DATA, anchor="data"),
    ]
    trail = [(f"#{key}", word) for key, word in (
        ("answers", "Answers"), ("papers", "Papers"), ("steps", "What changed"), ("methods", "Methods"), ("runs", "Runs"),
        ("machines", "Machines"), ("data", "Data"))]  # fmt: skip
    return page_frame.document(site.title, escape(lead), parts, trail)


def _answers(site: Site) -> str:
    """Return the sentence and the frontier of every task, each from the latest run that has it."""
    if not site.answers:
        return ""
    cells = "".join(site.answers.values())
    return (
        '<section id="answers" aria-label="Answers"><div class="answers">'
        f"{cells}</div>{front_page.KEY}</section>"
    )


def _some(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _note(site: Site) -> str:
    hints = [series for series in site.series if series.hint]
    text = (
        "A step is a change of level between runs on one machine, beyond the metric's margin, by "
        "the scatter between runs and by the paired cases of the two runs around it. Of histories "
        "without one, at most one in a thousand shows one, if runs scatter independently."
    )
    if hints:
        named = ", ".join(sorted({f"{s.task}/{s.method} {s.metric}" for s in hints}))
        text += f" The next run will tell whether there is one in: {named}."
    return f'<p class="note">{escape(text)}</p>'


def _methods_sheet(site: Site) -> Sheet:
    columns = (
        Column("method", right=False),
        Column("gap closed", "of the oracle's"),
        Column("headlines", "reproduced"),
        Column("runs"),
        Column("steps"),
        Column("latest run", right=False),
    )
    held = Counter(address for run in site.runs for address in {c.address for c in run.cells})
    stepped = Counter(f"{s.task}/{s.method}" for s, _ in site.steps)
    last = {cell.address: run for run in site.runs for cell in run.cells}
    body = tuple(
        (
            Cell(address, role(last[address], address), "strong"),
            _gap(site, address),
            Cell(_share(site, address)),
            Cell(f"{held[address]:,}", value=held[address]),
            Cell(f"{stepped[address]:,}", value=stepped[address]),
            Cell(moment(last[address]), commit(last[address])),
        )
        for address in site.addresses
    )  # fmt: skip
    return Sheet(
        "Latest of every method",
        columns,
        body,
        "Gaps and claims are those of the latest run that has them.",
    )


def _gap(site: Site, address: str) -> Cell:
    row = site.gaps.get(address)
    if row is None:
        return Cell("–", tone="mute")
    ends = "" if row["low"] is None else f"[{row['low']:.2f}, {row['high']:.2f}]"
    return Cell(f"{row['gap_closed']:.2f}", ends, value=row["gap_closed"])


def _share(site: Site, address: str) -> str:
    words = headline_words(r for (t, m, _), r in site.claims.items() if f"{t}/{m}" == address)
    return f"{words.count('reproduced')} of {len(words)}" if words else "–"


def _runs(site: Site) -> str:
    links = {run.id: run_file(run.id) for run in site.runs}
    columns = (
        Column("run", "folder", right=False),
        Column("started", "commit", right=False),
        Column("machine"),
        Column("tasks", right=False, wraps=True),
        Column("records"),
        Column("failed"),
        Column("headlines", "reproduced"),
    )
    return page_frame.table(
        Sheet("Newest first", columns, tuple(map(_run_row(site), site.runs[::-1]))), links
    )


def _run_row(site: Site) -> Any:
    place = {run.id: i + 1 for i, group in enumerate(site.machines) for run in group}

    def row(run: ArchivedRun) -> tuple[Cell, ...]:
        found = run.findings
        words = headline_words(found["claims"])
        return (
            Cell(run.id, run.name, "strong"),
            Cell(moment(run), commit(run)),
            Cell(str(place[run.id]), value=place[run.id]),
            Cell(", ".join(sorted({cell.task for cell in run.cells}))),
            Cell(f"{found['records']:,}", value=found["records"]),
            Cell(f"{found['errors']:,}", value=found["errors"]),
            Cell(f"{words.count('reproduced')} of {len(words)}" if words else "–"),
        )

    return row


def _machines_sheet(site: Site) -> Sheet:
    names = ("cpu_model", "cores", "memory_bytes", "gpus", "system", "virtual")
    columns = (
        Column("machine", right=False),
        Column("processor", right=False, wraps=True),
        Column("cores"),
        Column("memory"),
        Column("GPUs", right=False, wraps=True),
        Column("system", right=False),
        Column("runs"),
    )
    body = []
    for i, group in enumerate(site.machines):
        told: Mapping[str, Any] = group[0].manifest.get("environment") or {}
        cpu, cores, memory, gpus, system, virtual = (told.get(name) for name in names)
        body.append((
            Cell(str(i + 1), tone="strong"), Cell(str(cpu or "unknown"), "virtual" * bool(virtual)),
            Cell(str(cores or "–")), Cell(quantity(memory, "B")),
            Cell(", ".join(gpus or ()) or "none"), Cell(str(system or "unknown")),
            Cell(f"{len(group):,}", value=len(group)),
        ))  # fmt: skip
    return Sheet(
        "By what makes times differ",
        columns,
        tuple(body),
        "Runs on unlike hardware share no history.",
    )


# A method


def method(site: Site, address: str) -> str:
    """Return a method's page."""
    task, _, name = address.partition("/")
    own = [s for s in site.series if (s.task, s.method) == (task, name)]
    steps = [(series, change) for series in own for change in series.changes]
    last = next(r for r in reversed(site.runs) if any(c.address == address for c in r.cells))
    title = str(last.manifest["kept"]["methods"].get(address, {}).get("title") or name)
    lead = f"{role(last, address)} · {_some(len(own), 'history', 'histories')}"
    lead += f" · {_some(len(steps), 'step')}"
    parts = [
        _picture(address, history.series_to_draw(own, site.by_id), site),
        page_frame.table(history.steps_sheet(history.shifts(own), site.by_id)),
        _settings(own, site),
        page_frame.section("Claims", _claims(site, task, name)),
    ]
    trail = [("../index.html", "All methods"), (f"../{run_file(last.id)}", "Latest run")]
    return page_frame.document(f"{address}: {title}", escape(lead), parts, trail)


def _picture(address: str, shown: Sequence[Series], site: Site) -> str:
    if not shown:
        return "<p>No two runs on one machine have this method: there is no history yet.</p>"
    stem = file_stem("history", address)
    metrics = list(dict.fromkeys(series.metric for series in shown))
    words = (
        f"{address} at {setting(shown[0])}: {', '.join(metrics)} over "
        f"{_some(max(len(s.points) for s in shown), 'run')}. Whiskers: 95 % against the run before. "
        "Dashed: a step. Levels rest on the cases that neighbours share."
    )
    return page_frame.figure(history.picture(shown, site.by_id), stem, words)


def _settings(own: Sequence[Series], site: Site) -> str:
    by_setting: dict[str, list[Series]] = {}
    for series in own:
        by_setting.setdefault(setting(series), []).append(series)
    return "\n".join(
        page_frame.details_block(
            f"{name} ({_some(len(some), 'metric')})",
            "".join(_series(s, site) for s in some),
        )
        for name, some in by_setting.items()
    )


def _series(series: Series, site: Site) -> str:
    sheet = history.series_sheet(series, site.by_id)
    return page_frame.table(sheet, spoken=f"{sheet.title}, {setting(series)}")


def _claims(site: Site, task: str, name: str) -> str:
    rows = [row for (t, m, _), row in sorted(site.claims.items()) if (t, m) == (task, name)]
    body = tuple(
        (
            Cell(row["id"], tone="strong"),
            Cell(row["says"]),
            Cell(" ".join([VERDICTS[row["verdict"]][0], row["verdict"]]), row["reason"],
                 VERDICTS[row["verdict"]][1]),
        )
        for row in rows
    )  # fmt: skip
    columns = text_columns("claim", "says*", "verdict*")
    return page_frame.table(Sheet("Claims", columns, body, "The latest verdict on each."))
