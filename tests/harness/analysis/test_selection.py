"""No printed gap depends on what else was selected: recorded runs with unrelated methods dropped."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from adabench.harness.analysis.analyse import settled_cards
from adabench.harness.analysis.findings import Compared, GapRow
from adabench.harness.analysis.gap_anchors import anchors, gap_of
from adabench.harness.analysis.load_run import find_cards
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.oracle_gap import gap_row, oracle_gaps
from adabench.harness.contract import registry
from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder
from adabench.harness.store.table import from_records

RECORDED = Path(__file__).parents[3] / "docs" / "recorded"
RUNS = sorted(
    path.name
    for path in RECORDED.iterdir()
    if path.is_dir() and not run_folder.has_only_findings(path)
    and not path.name.startswith("reproduction_")  # cells of unlike sizes, and no gaps
)  # fmt: skip


def rows(records: Sequence[Record], only: str = "") -> dict[str, GapRow]:
    """The oracle gaps of some records, as a run that holds no others would print them.

    `only` is the method whose row is wanted: the rows of a run are drawn up one by one.
    """
    dots = collapse(from_records(records))
    cells = {(dot.task, dot.method) for dot in dots}
    tasks = find_cards({task for task, _ in cells})
    methods = find_cards({f"{task}/{method}" for task, method in cells})
    cards = settled_cards(dots, tasks, methods)
    if not only:
        found = oracle_gaps(dots, *cards)
    else:
        all_ = anchors(dots, *cards, "adaptive", "control")
        found = tuple(gap_row(one, {}) for one in all_ if one.method == only)
    return {f"{row.task}/{row.method}": row for row in found}


def related(task: str, method: str) -> set[str]:
    """A method, and what its gap lies between."""
    cards = {entry.name: entry.card for entry in registry.methods(task).values()}
    gap = gap_of(method, registry.find(task).card, cards)
    return {method, *gap.mixture, gap.oracle, gap.coin, cards[method].skips_from}


def figures(row: GapRow) -> dict[str, object]:
    """Everything that a row prints, number by number."""
    found: dict[str, object] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, Compared):
            found |= {f"{field.name}/{part.name}": getattr(value, part.name)
                      for part in fields(value)}  # fmt: skip
        else:
            found[field.name] = value
    return found


def subsets(task: str, method: str, all_: set[str]) -> Iterator[set[str]]:
    """Yield what is left when all unrelated methods are dropped, and when some are."""
    needed = related(task, method)
    yield needed
    draw = random.Random(method)
    yield needed | {name for name in sorted(all_ - needed) if draw.random() < 0.5}


@pytest.mark.parametrize("name", RUNS)
def test_dropping_unrelated_methods_changes_no_gap(name: str) -> None:
    records = run_folder.records(RECORDED / name)
    whole = rows(records)
    assert whole
    methods = {address.partition("/")[2] for address in whole}
    names = {record.cell.method for record in records}
    for method in sorted(methods):
        task = next(row.task for row in whole.values() if row.method == method)
        for left in subsets(task, method, names):
            fewer = rows([r for r in records if r.cell.method in left], method)
            now, before = (figures(found[f"{task}/{method}"]) for found in (fewer, whole))
            for figure, value in before.items():
                if isinstance(value, float):
                    assert now[figure] == pytest.approx(value, rel=1e-9, abs=1e-12), figure
                else:
                    assert now[figure] == value, figure
