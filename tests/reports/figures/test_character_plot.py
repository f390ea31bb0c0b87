"""Fronts drawn with characters: what is seen, how wide, and that pipes get no colour."""

import re
import unicodedata
from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow
from adabench.harness.contract.card import Card
from adabench.reports.figures.character_plot import Axis, Looks, front, fronts

ESCAPE = re.compile(r"\x1b\[")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 300])
def test_no_line_is_wider_than_the_terminal(findings: Findings, width: int) -> None:
    for looks in (Looks(width), Looks(width, colour=True), Looks(width, unicode=False)):
        text = re.sub(r"\x1b\[[\d;]*m", "", fronts(findings, looks))
        body = [line for line in text.splitlines() if "│" in line or "|" in line or " gap " in line]
        assert body
        assert max(map(len, body)) <= width


def test_every_method_has_a_letter_on_the_plot_and_in_the_legend(findings: Findings) -> None:
    text = front(findings, "paging", Looks(80, unicode=False))
    plot = "".join(line.partition("|")[2] for line in text.splitlines() if "|" in line)
    legend = re.findall(r"^ ?(\(?[a-z]\)?) ?[* ](\w+)", text.split("+-")[1], re.MULTILINE)
    names = {name for _, name in legend}
    assert {"lru", "belady", "mark0", "mark_and_predict"} <= names
    for letter, name in legend:
        if len(letter) == 1 and name != "on":
            assert letter in plot, name


def test_the_best_on_the_front_is_marked(findings: Findings) -> None:
    text = front(findings, "paging", Looks(80))
    [line] = [line for line in text.splitlines() if "mark0" in line]
    assert "*mark0" in line
    assert "gap 0.97" in line
    assert "*belady" not in text


def test_higher_quality_stands_higher(findings: Findings) -> None:
    lines = front(findings, "paging", Looks(80, unicode=False)).splitlines()
    letters = {}
    for line in lines:
        found = re.match(r"^ (\w) [* ](belady|random_eviction) ", line)
        if found:
            letters[found[2]] = found[1]
    rows = {
        name: min(i for i, line in enumerate(lines) if letter in line.partition("|")[2])
        for name, letter in letters.items()
    }
    assert rows["belady"] < rows["random_eviction"]


def test_a_pipe_gets_no_colour_and_old_terminals_plain_letters(findings: Findings) -> None:
    assert not ESCAPE.search(fronts(findings, Looks(100)))
    assert ESCAPE.search(fronts(findings, Looks(100, colour=True)))
    plain = fronts(findings, Looks(100, unicode=False))
    assert plain.isascii() or all(unicodedata.category(c) != "So" for c in plain)
    drawn = [line for line in plain.splitlines() if "|" in line]
    assert all(line.isascii() for line in drawn)


def test_a_hostile_name_cannot_move_the_cursor(findings: Findings) -> None:
    evil = "\x1b[2Jgone\n\u202e" + "x" * 10_000
    row = findings.summary[0]
    cards = {**findings.method_cards, f"paging/{evil}": Card("Evil")}
    rows = [*findings.summary, replace(row, method=evil)]
    text = fronts(replace(findings, summary=rows, method_cards=cards), Looks(80))
    assert not ESCAPE.search(text)
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) < 120


def test_a_wide_range_is_logarithmic_and_says_so(findings: Findings) -> None:
    rows = [
        SummaryRow("paging", name, {}, {"slots": slots}, {
            "slots_held": Estimate(slots, None, None, 1), "hit_rate": Estimate(hit, None, None, 1)})
        for name in ("lru", "fifo")
        for slots, hit in ((1.0, 0.1), (10.0, 0.2), (1000.0, 0.3))
    ]  # fmt: skip
    text = front(replace(findings, summary=rows), "paging", Looks(80))
    assert "logarithmic: slots held" in text
    assert Axis.of([1.0, 1000.0], "").at(31.6) == pytest.approx(0.5, abs=0.01)


def test_one_point_and_none_are_no_problem(findings: Findings) -> None:
    one = [row for row in findings.summary if row.method == "lru"][:1]
    assert "lru" in front(replace(findings, summary=one), "paging", Looks(60))
    assert "No plot" in fronts(replace(findings, summary=()), Looks(60))
