"""The tables of oracle gaps and realised speedups: order, words, and columns with nothing in them."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import Compared, Findings, GapRow, SpeedupRow
from adabench.reports import shown_points
from adabench.reports.tables import terminal
from adabench.reports.tables.sheets import gap_sheet, speedup_sheet


def row(method: str, closed: float | None, low: float | None, high: float | None) -> GapRow:
    status = "measured" if closed is not None else "no room here"
    return GapRow("paging", method, status, closed, low, high, "belady", "lru", "coin",  # type: ignore[arg-type]
                  reason="" if closed is not None else "it leads by nothing")  # fmt: skip


def names(sheet) -> list[str]:
    return [cells[0].text for cells in sheet.rows]


def test_nothing_is_sorted_by_a_mean_whose_interval_holds_zero(findings: Findings) -> None:
    rows = [
        row("z_open", 0.45, -0.1, 0.8), row("worse", -0.5, -0.7, -0.3), row("word", None, None, None),
        row("a_open", 0.01, -0.2, 0.2), row("best", 0.4, 0.3, 0.5), row("good", 0.2, 0.1, 0.3),
        row("m_open", -0.3, -0.7, 0.1), row("less_bad", -0.2, -0.3, -0.1),
    ]  # fmt: skip
    sheet = gap_sheet(replace(findings, gaps=rows), "paging")
    assert names(sheet) == [
        "best", "good", "a_open", "m_open", "z_open", "less_bad", "worse", "word",
    ]  # fmt: skip
    assert min(rows, key=shown_points.gap_order).method == "best"


def test_a_word_stands_where_there_is_no_number(findings: Findings) -> None:
    sheet = gap_sheet(findings, "chain")
    place = [column.name for column in sheet.columns].index("gap closed")
    assert {cells[0].text: cells[place].text for cells in sheet.rows} == {
        "tree": "0.44", "coin": "no room here",
    }  # fmt: skip
    assert "It shares no cost range." in terminal.markdown(sheet)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [(-23.44, "-23.4 %"), (4.251, "+4.25 %"), (0.0, "0.00 %"), (34512.3, "+34,512 %")],
)
def test_percentages_carry_their_sign(findings: Findings, estimate: float, text: str) -> None:
    own = replace(
        row("mark0", 0.4, 0.3, 0.5), cost_at_equal_quality=Compared(estimate, None, None, "%")
    )
    sheet = gap_sheet(replace(findings, gaps=[own]), "paging")
    place = [column.name for column in sheet.columns].index("cost at equal quality")
    assert sheet.rows[0][place].text == text


def test_columns_that_hold_only_dashes_are_not_shown(findings: Findings) -> None:
    shown = [column.name for column in gap_sheet(findings, "chain").columns]
    assert "cost at equal quality" not in shown
    assert "gap closed" in shown
    assert "cost at equal quality" in [c.name for c in gap_sheet(findings, "paging").columns]


def test_a_speedup_that_nobody_has_is_no_table(findings: Findings) -> None:
    assert not speedup_sheet(findings, "paging").rows
    everywhere = speedup_sheet(findings)
    assert names(everywhere) == ["chain/tree", "chain/tree"]
    assert "paging (unsaved)" in everywhere.caption
    only = SpeedupRow("chain", "tree", "latency_s", "tokens", None, None, None, reason="quality")
    sheet = speedup_sheet(replace(findings, speedups=[*findings.speedups, only]), "chain")
    place = [column.name for column in sheet.columns].index("realised speedup")
    assert (sheet.rows[-1][place].text, sheet.rows[-1][place].minor) == ("–", "quality")
