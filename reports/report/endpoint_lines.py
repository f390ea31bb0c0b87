"""What a run on a server says first: of each method tokens, requests, seconds and money a question."""

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.harness.contract.load import LATENCY, asks_server
from adabench.harness.plan.quantities import Prices, read_prices
from adabench.reports import highlights
from adabench.reports.number_format import quantity

MOST = 12
"""Methods; the tables have the others."""
ALONE = "latency_s"


def endpoint_lines(findings: Findings, task: str) -> list[str]:
    """Return the lines of a task whose model was a server's; none for one that ran here."""
    rows = [row for row in _rows(findings, task) if asks_server(row.conditions)]
    if not rows:
        return []
    said = str(findings.manifest.get("asked", {}).get("price") or "")
    prices = read_prices(said) if said else None
    money = f"{'per 1,000' if prices else '':>11}"
    head = f"  {'a question on the server':25} {'read':>8} {'written':>8} {'requests':>9} {'seconds':>10}{money}"
    lines = [head.rstrip(), *(_line(row, prices) for row in rows[:MOST])]
    if len(rows) > MOST:
        lines.append(f"  and {len(rows) - MOST} more methods")
    if any(LATENCY in row.metrics for row in rows):
        lines.append(f"  * under load: adabench serve --run {findings.run}")
    if prices is None:
        lines.append("  Money: say --price in=,out= for a million tokens.")
    return lines


def _rows(findings: Findings, task: str) -> list[SummaryRow]:
    """Return the default points of a task's methods, the fewest written tokens first."""
    found = [row for rows in highlights.by_role(findings, task).values() for row in rows]
    return sorted(found, key=lambda row: (_mean(row, "generated") or 0.0, row.method))


def _mean(row: SummaryRow, name: str) -> float | None:
    return row.metrics[name].estimate if name in row.metrics else None


def _line(row: SummaryRow, prices: Prices | None) -> str:
    read, written, requests = (_mean(row, name) for name in ("prefilled", "generated", "requests"))
    alone, loaded = _mean(row, ALONE), _mean(row, LATENCY)
    seconds = quantity(alone if loaded is None else loaded, "s") + ("" if loaded is None else "*")
    counts = f"{_count(read):>8} {_count(written):>8} {_count(requests):>9}"
    money = ""
    if prices is not None and read is not None and written is not None:
        money = f"{prices.per_thousand(read, written):11.3g}"
    return f"  {row.method:25.25} {counts} {seconds:>10}{money}".rstrip()


def _count(value: float | None) -> str:
    return "" if value is None else quantity(value, "count")
