"""Says what the tables hold, before anyone has decided how they look: `terminal.py` and `markup.py` draw the same sheets.

An energy carries its label or reads `unavailable`; a number that is not there is a dash and never a zero; a verdict is a word, its colour comes
second; refuted claims stand in the same place and weight as confirmed ones.
"""

from collections.abc import Sequence
from dataclasses import replace

from adabench.harness.analysis.findings import ClaimRow, Findings, GapRow, SpeedupRow, SummaryRow
from adabench.harness.contract.card import Card, Metric, Point
from adabench.reports import shown_points
from adabench.reports.tables.cells import (
    Cell,
    Column,
    Sheet,
    cost_cell,
    energy_cell,
    gap_cell,
    labelled_name,
    metric_cell,
    place,
    pointer,
    quality_cell,
    speedup_cell,
    text_of,
)

TIMES = {
    "ttft_s": "to the first token",
    "itl_s": "between steps",
    "tpot_s": "per output token",
    "aux_s": "neither model",
    "cpu_s": "processor",
    "latency_s": "latency",
}
SERVING, BESIDE = ("ttft_s", "itl_s", "tpot_s"), ("aux_s", "cpu_s", "latency_s")

BRIEF_FIDELITY = {"code-confirmed": "by code", "reconstructed": "recon.", "special-case": "special"}


def summary_sheet(findings: Findings, task: str) -> Sheet:
    """Return every method of a task at its default operating point."""
    card = findings.task_cards[task]
    names = shown_points.methods(findings, task)
    rows = [r for name in names if (r := shown_points.default_row(findings, task, name))]
    metrics = _shown(card, rows)
    columns = (
        Column("method", "role · fidelity", right=False),
        Column("gap closed", rank=1),
        *(_heading(metric, rank) for rank, metric in metrics),
        Column("latency", rank=3),
        Column("energy", rank=2 if _has_energy(rows) else 4),
        Column("n", rank=5),
    )
    body = tuple(_summary_cells(findings, row, [m for _, m in metrics]) for row in rows)
    return Sheet(
        f"{task}: methods at their default operating point", columns, body, _notes(findings, rows)
    )


def _shown(card: Card, rows: Sequence[SummaryRow]) -> list[tuple[int, Metric]]:
    """Return (rank, metric) of the quality, the work and the costs that some row has."""
    quality, work = shown_points.primary(card, "quality"), shown_points.primary(card, "work")
    costs = shown_points.cost_metrics(card)
    ranked = [(0, quality), (4, work), *((3 if m is costs[0] else 6, m) for m in costs)]
    return [(rank, m) for rank, m in ranked if m and any(m.name in row.metrics for row in rows)]


def _heading(metric: Metric, rank: int) -> Column:
    arrow = "↑" if metric.better == "higher" else "↓"
    unit = "" if metric.unit in ("", "1", "s", "J", "bytes", "B", metric.name) else metric.unit
    return Column(f"{metric.name} {arrow}", unit, rank)


def _summary_cells(findings: Findings, row: SummaryRow, metrics: list[Metric]) -> tuple[Cell, ...]:
    card = shown_points.card_of(findings, row.task, row.method)
    brief = f"{card.role} · {BRIEF_FIDELITY.get(card.fidelity, card.fidelity)}"
    mark = " *" if shown_points.departures(findings, row) else ""
    return (
        Cell(row.method + mark, f"{card.role} · {card.fidelity}", "strong", brief=brief),
        gap_cell(findings, shown_points.gap_of(findings, row.task, row.method)),
        *(metric_cell(findings, row, m, None if m.role == "quality" else "") for m in metrics),
        metric_cell(findings, row, shown_points.metric_named(card, "latency_s"), ""),
        energy_cell(findings, row),
        Cell(f"{_count(row):,}", value=_count(row)),
    )


def _notes(findings: Findings, rows: Sequence[SummaryRow]) -> str:
    away = [
        f"{row.method} at " + ", ".join(f"{k}={v}" for k, v in departed.items())
        for row in rows
        if (departed := shown_points.departures(findings, row))
    ]
    counts = sorted({_count(row) for row in rows})
    note = f"Means with 95 % intervals, n = {' to '.join(f'{n:,}' for n in _ends(counts))}."
    note += "" if _has_energy(rows) else " Energy unavailable."
    return f"{note} * default not recorded, nearest shown: {'; '.join(away)}." if away else note


def _has_energy(rows: Sequence[SummaryRow]) -> bool:
    return any("energy_j" in row.metrics or "energy_est_j" in row.metrics for row in rows)


def _ends(counts: Sequence[int]) -> Sequence[int]:
    return counts if len(counts) < 2 else (counts[0], counts[-1])


def _count(row: SummaryRow) -> int:
    return max((estimate.n for estimate in row.metrics.values()), default=0)


def times_sheet(findings: Findings, task: str) -> Sheet:
    """Return what latency is made of, where a method serves token by token; else no rows."""
    card = findings.task_cards[task]
    names = shown_points.methods(findings, task)
    rows = [r for method in names if (r := shown_points.default_row(findings, task, method))]
    rows = [row for row in rows if any(name in row.metrics for name in SERVING)]
    parts = [name for name in (*SERVING, *BESIDE) if any(name in row.metrics for row in rows)]
    columns = (Column("method", right=False), *(Column(TIMES[name], name) for name in parts))
    body = tuple(
        (
            Cell(row.method, tone="strong"),
            *(metric_cell(findings, row, shown_points.metric_named(card, name)) for name in parts),
        )
        for row in rows
    )
    note = "At the default operating point. Means with 95 % intervals."
    return Sheet(f"{task}: what latency is made of", columns, body, note)


def gap_sheet(findings: Findings, task: str | None = None) -> Sheet:
    """Return the oracle gap closed per method, with its cost and quality beside the mixture."""
    rows = [row for row in findings.gaps if task in (None, row.task)]
    rows.sort(key=lambda row: (row.task, *shown_points.gap_order(row)))
    columns = (
        Column("method", right=False),
        Column("gap closed", "95 % interval"),
        Column("cost at equal quality", "%", rank=1),
        Column("quality at equal cost", "points", rank=1),
        Column("oracle", right=False, rank=2),
        Column("mixture", "random router", right=False, rank=4, wraps=True),
        Column("n", rank=3),
        Column("why there is no number", right=False, wraps=True, rank=2),
    )
    body = tuple((_address(row, task), *_gap_cells(findings, row)) for row in rows)
    title = f"{task}: oracle gap closed" if task else "Oracle gap closed"
    note = (
        "1 is the oracle, 0 the static mixture, -1 the random router. Cost and quality: the "
        "default point beside the best static mixture."
    )
    return _without_dashes(Sheet(title, columns, body, note))


def _without_dashes(sheet: Sheet) -> Sheet:
    """Return a sheet without columns that hold nothing but dashes."""
    said = [
        not i or any(row[i].text not in ("", "–") for row in sheet.rows)
        for i in range(len(sheet.columns))
    ]
    columns = tuple(column for column, shown in zip(sheet.columns, said, strict=True) if shown)
    rows = tuple(
        tuple(cell for cell, shown in zip(row, said, strict=True) if shown) for row in sheet.rows
    )
    return replace(sheet, columns=columns, rows=rows)


def _address(
    row: GapRow | SpeedupRow | ClaimRow, task: str | None, where: Point | None = None
) -> Cell:
    """Name a row's method; its task too, where the table is about several; and where it stood."""
    name = row.method if task else f"{row.task}/{row.method}"
    return Cell(name, " ".join(f"{k}={v}" for k, v in (where or {}).items()), tone="strong")


def _gap_cells(findings: Findings, row: GapRow) -> tuple[Cell, ...]:
    at = place(findings.gaps, row)
    return (
        gap_cell(findings, row),
        cost_cell(findings, row),
        quality_cell(findings, row),
        Cell(row.oracle or "–"),
        Cell(row.mixture or "–", row.coin),
        Cell(f"{row.n:,}", value=row.n, ref=pointer("gap", at, "n")),
        Cell(row.reason),
    )


def speedup_sheet(findings: Findings, task: str | None = None) -> Sheet:
    """Return how much of the saved work became time or energy; of tasks with a number only."""
    rows = [row for row in findings.speedups if task in (None, row.task)]
    told = {row.task for row in rows if row.speedup is not None}
    columns = (
        Column("method", right=False),
        Column("against", right=False, rank=2),
        Column("into", right=False),
        Column("realised speedup", "95 % interval"),
        Column("work ratio", rank=1),
        Column("n", rank=3),
        Column("remark", right=False, wraps=True),
    )
    body = tuple(
        (
            _address(row, task, row.conditions),
            Cell(row.against or "–"),
            Cell(labelled_name(findings, row.metric)),
            speedup_cell(findings, row),
            _work_cell(findings, row),
            _number_cell(findings, row),
            Cell(row.remark),
        )
        for row in rows
        if row.task in told
    )
    title = f"{task}: realised speedup" if task else "Realised speedup"
    note = "1: all saved work became time (or joules). 0: none. Below 0: slower for the saving."
    return _without_dashes(Sheet(title, columns, body, f"{note}{_untold(rows, told)}"))


def _untold(rows: Sequence[SpeedupRow], told: set[str]) -> str:
    """Say which tasks have no realised speedup, each with its words."""
    words: dict[str, list[str]] = {}
    for row in rows:
        if row.task not in told and row.reason not in words.setdefault(row.task, []):
            words[row.task].append(row.reason)
    named = ", ".join(f"{task} ({', '.join(why)})" for task, why in words.items())
    return f" Without one: {named}." if named else ""


def _work_cell(findings: Findings, row: SpeedupRow) -> Cell:
    if row.work_ratio is None:
        return Cell("–", tone="mute")
    ref = pointer("speedup", place(findings.speedups, row), "work_ratio")
    return Cell(text_of(row.work_ratio), f"× {row.work}", value=row.work_ratio, ref=ref)


def _number_cell(findings: Findings, row: SpeedupRow) -> Cell:
    ref = pointer("speedup", place(findings.speedups, row), "n")
    return Cell(f"{row.n:,}", value=row.n, ref=ref)
