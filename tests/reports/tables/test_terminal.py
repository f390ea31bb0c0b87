import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from adabench.harness.analysis.findings import Findings, Tally
from adabench.harness.contract.card import Level
from adabench.reports.tables import terminal as tables
from adabench.reports.tables.claim_sheets import VERDICTS, claims_sheets
from adabench.reports.tables.sheets import summary_sheet

LABELLED = re.compile(r"^(unavailable|~[\d.,]+ [kMmµn]?J est\.|[\d.,]+ [kMmµn]?J \(counter\).*)$")


def printed(renderables, width):
    console = Console(file=io.StringIO(), width=width)
    for part in renderables:
        console.print(part)
    return console.file.getvalue()


def energy_cells(sheet):
    places = [i for i, column in enumerate(sheet.columns) if "energy" in column.name]
    assert places
    return [row[i] for row in sheet.rows for i in places]


@pytest.mark.parametrize("task", ["paging", "chain"])
def test_no_energy_without_a_label(findings, task):
    for cell in energy_cells(summary_sheet(findings, task)):
        assert LABELLED.match(cell.line), cell


def test_an_energy_of_an_unknown_instrument_says_so(findings):
    blind = replace(findings, manifest={})
    cells = energy_cells(summary_sheet(blind, "chain"))
    assert "instrument unknown" in cells[0].line


def test_labels_survive_the_narrow_table(findings):
    text = printed([tables.summary_table(findings)], 80)
    assert text.count("est.") >= 8
    assert "(counter)" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_tables_fit(findings, width):
    text = printed(tables.overview(findings), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text.replace("… not run", "") or width < 80


def test_nothing_is_dropped_in_silence(findings):
    assert "No room for slots_held" in printed([tables.summary_table(findings)], 80)
    assert "No room" not in printed([tables.summary_table(findings)], 220)


def test_piped_tables_are_plain(findings):
    assert "\x1b" not in printed(tables.overview(findings), 100)


def test_every_verdict_is_spelled_in_every_form(findings):
    terminal = printed(tables.claims_tables(findings), 80)
    markdown = tables.claims_markdown(findings)
    for word in VERDICTS:
        assert word in terminal
        assert word in markdown


def test_a_threshold_shows_its_side(findings):
    sheet = claims_sheets(findings)[0]
    place = [column.name for column in sheet.columns].index("threshold")
    assert sheet.rows[0][place].text == "≤ 1.05"
    row = findings.claims[0]
    address = f"{row.task}/{row.method}"
    card = findings.method_cards[address]
    level = tuple(
        replace(claim, expect=Level("faults", low=1.05)) if claim.id == row.id else claim
        for claim in card.claims
    )
    cards = {**findings.method_cards, address: replace(card, claims=level)}
    sheet = claims_sheets(replace(findings, method_cards=cards))[0]
    assert sheet.rows[0][place].text == "≥ 1.05"


def test_what_is_missing_is_a_dash(findings):
    row = summary_sheet(findings, "chain").rows[1]
    assert row[0].text == "greedy"
    assert row[1].text == "–"


def test_a_point_away_from_the_default_is_marked(findings):
    rows = [r for r in findings.summary if r.conditions.get("slots") != 100]
    sheet = summary_sheet(replace(findings, summary=rows), "paging")
    assert all(row[0].text.endswith(" *") for row in sheet.rows)
    assert "lru at slots=50" in sheet.caption


def test_markdown_keeps_its_columns_whatever_the_text(findings):
    for line in tables.claims_markdown(findings).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 8
    assert "<script>" not in tables.claims_markdown(findings)
    assert "| mark0 · adaptive · reconstructed | 0.97 [0.95, 0.99] |" in tables.summary_markdown(
        findings
    )


def test_an_empty_run_has_tables_too():
    empty = Findings("runs/empty", {}, {}, {}, Tally())
    printed(tables.overview(empty), 80)
    assert tables.summary_markdown(empty) == ""
