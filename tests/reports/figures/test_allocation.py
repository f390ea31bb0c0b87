"""The allocation picture: classes as columns, methods as rows, nothing where nothing was recorded."""

from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow, Tally
from adabench.harness.contract.card import Card, Metric
from adabench.reports.figures import allocation
from adabench.reports.report.page import render

NAMES = ("depth_filler", "depth_operand", "depth_k4")
TASK = Card(
    "Ledger",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("executions", "layers", "lower", "work", primary=True),
        *(Metric(name, "layers", "lower", "info") for name in NAMES),
    ),
    allocation=NAMES,
)


def found(**depths: tuple[float | None, ...]) -> Findings:
    def row(method: str, values: tuple[float | None, ...]) -> SummaryRow:
        known = {"accuracy": 1.0, "executions": 2.0}
        known |= {n: v for n, v in zip(NAMES, values, strict=True) if v is not None}
        metrics = {name: Estimate(value, None, None, 1) for name, value in known.items()}
        return SummaryRow("ledger", method, {}, {}, metrics)

    cards = {f"ledger/{name}": Card(name, role="adaptive") for name in depths}
    summary = [row(name, values) for name, values in depths.items()]
    return Findings("r", {}, {"ledger": TASK}, cards, Tally(), summary)


@pytest.fixture
def two() -> Findings:
    return found(mor=(3.0, 6.5, 7.0), flat=(4.0, 4.0, None))


def test_columns_are_the_classes_without_their_common_beginning() -> None:
    assert allocation.classes(NAMES) == ["filler", "operand", "k4"]
    assert allocation.classes(["filler", "k1"]) == ["filler", "k1"]


def test_rows_keep_what_was_not_recorded_apart_from_zero(two: Findings) -> None:
    assert dict(allocation.rows(two, "ledger")) == {
        "mor": (3.0, 6.5, 7.0),
        "flat": (4.0, 4.0, None),
    }


def test_every_value_is_written_into_its_box(two: Findings) -> None:
    figure = allocation.allocation(two, "ledger")
    texts = [text.get_text() for text in figure.axes[0].texts]
    for value in ("3.00", "6.50", "7.00", "4.00", "-"):
        assert value in texts
    shades = [patch.get_facecolor() for patch in figure.axes[0].patches]
    assert len(set(shades)) == 4


def test_the_page_shows_it_and_says_it_in_words(two: Findings) -> None:
    page = render(two)
    assert "Where the compute goes" in page
    assert "mor spends least on filler (3.00) and most on k4 (7.00)" in page


def test_a_task_without_classes_has_no_picture(two: Findings) -> None:
    plain = replace(two, task_cards={"ledger": replace(TASK, allocation=())})
    assert not allocation.has_allocation(plain, "ledger")
    assert "Where the compute goes" not in render(plain)
    assert not allocation.has_allocation(found(mor=(None, None, None)), "ledger")
