"""The list of papers counts numbers that were reached apart from statements without one."""

from dataclasses import replace

from adabench.harness.analysis.findings import ClaimRow
from docs.paper_index import decided, numbers_reached

ROW = ClaimRow(
    "a", "toy", "new", "reproduced", 0.5, 0.4, 0.6, 0.7, 10, source="headline", effect=0.5
)
ANY = replace(ROW, effect=None)


def rows(row: ClaimRow, *words: str) -> list[ClaimRow]:
    return [replace(row, verdict=word) for word in words]


def test_a_number_that_is_reached_is_no_gain_of_any_size() -> None:
    every = [
        *rows(ROW, "reproduced", "direction only", "undecided", "not testable here"),
        *rows(ANY, "reproduced", "reproduced", "not run", "holds", "violated"),
    ]
    said = numbers_reached(every)
    assert "to half at least: 1 of 3**" in said
    assert "that were found: 2 of 3." in said
    assert "that hold: 1 of 2." in said
    assert decided(every) == "6 of 8"
