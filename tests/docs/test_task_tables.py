"""A task's page opens with what no other setting beats, and with one sentence where gaps have no number."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.load_run import load_run
from docs.task_tables import best_at_each_price, gap_closed

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"


@cache
def run(task: str) -> Findings:
    return load_run(RECORDED / task)


def address(task: str, method: str) -> str:
    return f"{task}/{method}"


def number_in(cell: str) -> float:
    """The number that a cell begins with."""
    return float(re.split(r"[ \[]", cell.strip("| "))[0].replace(",", ""))


@pytest.mark.parametrize("task", ["ledger_qa", "replanning"])
def test_prices_and_qualities_rise_together_and_nobody_knows_the_answers(task: str) -> None:
    head, _, table, picture = best_at_each_price(task, run(task), address)
    assert head == "## The best at each price"
    lines = [line.split(" | ") for line in table.splitlines()[2:]]
    found = [[number_in(cell) for cell in line[:2]] for line in lines]
    assert found == sorted(found)
    steps = [b[1] - a[1] for a, b in pairwise(found)]
    assert all(step > 0 for step in steps) or all(step < 0 for step in steps)
    methods = {line[2].strip("`").partition("/")[2] for line in lines}
    cards = {name.partition("/")[2]: card for name, card in run(task).method_cards.items()}
    assert methods
    assert not any(cards[name].role == "oracle" for name in methods)
    assert "on the frontier" in picture


def test_gaps_without_a_number_are_one_sentence() -> None:
    found = run("ledger_qa")
    words = [replace(row, gap_closed=None, status="no room here") for row in found.gaps]
    none = replace(found, gaps=tuple(words))
    _, sentence = gap_closed("ledger_qa", none, address)
    assert f"no room here ({len(words)})" in sentence
    assert "|" not in sentence
    one = replace(words[0], gap_closed=0.5, low=0.4, high=0.6, status="measured")
    assert "|" in gap_closed("ledger_qa", replace(found, gaps=(one, *words[1:])), address)[-1]
