"""The drawing of a comparison: order, wording of effects, footnotes, and what one run has alone."""

import math

import pytest

from adabench.harness.compare.change import Form, MetricChange
from adabench.harness.compare.compare import Comparison, Row
from adabench.harness.compare.margins import Kind, Margin
from adabench.harness.compare.pair_verdicts import Word
from adabench.harness.compare.pairing import UnmatchedCells
from adabench.harness.contract.record import Cell
from adabench.harness.provenance.environment_diff import Unlike
from adabench.reports.tables import comparison as compared


def cell(method: str = "lru", seed: int = 0, slots: int = 10) -> Cell:
    return Cell("paging", method, {}, {"slots": slots, "noise": 0.1}, "embedded", seed)


def row(
    verdict: Word,
    estimate: float = 1.05,
    *,
    form: Form = "ratio",
    unit: str = "s",
    note: str = "",
    own: Cell | None = None,
    kind: Kind = "timing",
) -> Row:
    spread = 0.01
    found = MetricChange(
        form, 1.0, estimate, estimate, estimate - spread, estimate + spread, 30, 30, 0.0, 1.0, 1.0
    )
    margin = Margin(0.02, form != "difference")
    return Row(own or cell(), "m", unit, kind, "lower", margin, verdict, found, note=note)


NOBODY = UnmatchedCells((), ())


def comparison(
    *rows: Row, lonely: UnmatchedCells = NOBODY, unlike: tuple[Unlike, ...] = ()
) -> Comparison:
    return Comparison("A", "B", unlike, False, rows, lonely, {})


def test_bad_news_comes_first_and_sameness_is_counted() -> None:
    words: tuple[Word, ...] = ("same", "better", "invalid", "worse", "ambiguous", "same")
    found = comparison(*(row(word) for word in words))
    sheet = compared.verdict_sheet(found)
    assert [cells[0].text.split()[1] for cells in sheet.rows] == ["worse", "ambiguous", "better"]
    assert sheet.caption == "1 worse, 1 ambiguous, 1 invalid, 1 better, 2 same."
    every = compared.verdict_sheet(found, everything=True).rows
    assert [cells[0].text.split()[1] for cells in every] == [
        "worse", "ambiguous", "invalid", "better", "same", "same",
    ]  # fmt: skip


def test_what_is_invalid_takes_one_line_with_metrics_places_and_the_reason() -> None:
    rows = [row("invalid", note="why", own=cell(slots=slots)) for slots in (10, 20, 20)]
    assert compared.other_lines(comparison(*rows, row("worse"))) == [
        "∅ Invalid: m of 2 configurations: why (--all)."
    ]
    assert compared.other_lines(comparison(row("worse"), row("same"))) == []


def test_a_table_that_nobody_asked_all_of_holds_eight_rows_the_worst_first() -> None:
    found = comparison(*[row("ambiguous")] * 9, *[row("worse")] * 3)
    sheet = compared.verdict_sheet(found)
    assert [cells[0].text.split()[1] for cells in sheet.rows] == ["worse"] * 3 + ["ambiguous"] * 5
    assert compared.other_lines(found) == ["And 4 more rows like these: --all."]
    assert len(compared.verdict_sheet(found, everything=True).rows) == 12


@pytest.mark.parametrize(
    ("item", "text", "minor"),
    [
        (row("worse", 1.05), "+5.00 %", "[+4.00 %, +6.00 %]"),
        (row("worse", 12.5), "x 12.5", "[x 12.5, x 12.5]"),
        (row("worse", math.inf), "∞", "[∞, ∞]"),
        (row("worse", -0.02, form="difference", unit=""), "-2.00 pt", "[-3.00 pt, -1.00 pt]"),
        (row("worse", -0.2, form="difference", unit="nat"), "-0.2", "[-0.21, -0.19]"),
    ],
)
def test_effects_are_worded_by_their_form(item: Row, text: str, minor: str) -> None:
    (cells,) = compared.verdict_sheet(comparison(item)).rows
    assert (cells[3].text, cells[3].minor) == (text, minor)


def test_equal_notes_share_a_footnote() -> None:
    found = comparison(*(row("invalid", note=note) for note in ("why", "other", "why", "")))
    marks = [cells[-1].text for cells in compared.verdict_sheet(found, everything=True).rows]
    assert marks == ["[1]", "[2]", "[1]", ""]
    assert compared.footnotes(found, everything=True) == ["[1] why", "[2] other"]


def test_only_what_differs_names_an_operating_point() -> None:
    found = comparison(*(row("worse", own=cell(slots=slots)) for slots in (10, 20)))
    assert [cells[1].minor for cells in compared.verdict_sheet(found).rows] == [
        "slots=10", "slots=20",
    ]  # fmt: skip


def test_lonely_seeds_stand_in_one_line() -> None:
    alone = UnmatchedCells((cell(seed=3), cell(seed=4)), (cell("flush"),))
    assert compared.lonely_lines(comparison(lonely=alone)) == [
        "Only in A: paging/lru, seeds 3, 4",
        "Only in B: paging/flush, seed 0",
    ]


def test_differences_stand_with_both_values() -> None:
    sheet = compared.unlike_sheet(comparison(unlike=(Unlike("hardware", "gpus", ["H100"], []),)))
    assert [part.text for part in sheet.rows[0]] == ["hardware", "gpus", "H100", "none"]
