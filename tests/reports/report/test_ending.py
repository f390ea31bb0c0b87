"""A run ends with few lines: the primary quality and cost of each task, one frontier, what may be trusted."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.load_run import load_run
from adabench.reports.figures.character_plot import Looks
from adabench.reports.report.ending import ending

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

RECORDED = Path(__file__).parents[3] / "docs" / "recorded"
TOUR = ("text", "ledger", "paging")


@cache
def recorded(name: str) -> Findings:
    """The findings of a recorded run: it takes a second to judge one."""
    return load_run(RECORDED / name)


@pytest.fixture(scope="module")
def tour() -> Findings:
    """The findings of three tasks in one, as the tour has them."""
    first, *others = (recorded(task) for task in TOUR)
    for one in others:
        first = replace(
            first,
            summary=(*first.summary, *one.summary),
            gaps=(*first.gaps, *one.gaps),
            claims=(*first.claims, *one.claims),
            task_cards={**first.task_cards, **one.task_cards},
            method_cards={**first.method_cards, **one.method_cards},
        )
    return first


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_tour_ends_with_forty_five_lines_that_fit(tour: Findings, columns: int) -> None:
    lines = ending(tour, Looks(columns)).splitlines()
    assert len(lines) <= 45
    assert all(len(line) <= columns for line in lines)


def test_every_task_shows_its_primary_quality_and_cost_and_no_interval(tour: Findings) -> None:
    text = ending(tour, Looks(80))
    heads = [line for line in text.splitlines() if line.split("   ")[0] in TOUR]
    assert len(heads) == len(TOUR)
    for head in heads:
        named = [m for m in tour.task_cards[head.split()[0]].metrics if m.primary]
        assert all(metric.name in head for metric in named)
    assert not re.search(r"\[[-\d.]+, [-\d.]+\]", text)


def test_the_best_stands_first_and_a_gap_is_closed_by_adaptive_methods_alone(
    tour: Findings,
) -> None:
    lines = ending(tour, Looks(80)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("paging"))
    rows = lines[start + 1 : start + 6]
    values = [float(re.split(r"\s{2,}|━", row.strip())[1]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert [row.split()[0] for row in rows if "closes" in row] == ["combiner", "mark0"]
    assert any(row.strip().startswith("oracle: belady") for row in rows)


def test_times_and_energy_are_told_as_they_are(tour: Findings) -> None:
    untimed = tuple(
        replace(row, metrics={k: v for k, v in row.metrics.items() if k != "latency_s"})
        for row in tour.summary
    )
    text = ending(replace(tour, summary=untimed), Looks(80))
    assert f"Time: valid for 0 of {len(untimed)} configurations." in text
    assert "Energy: no counter here." in text
