"""Margins as users write them, and the kinds of metric they belong to."""

import pytest

from adabench.harness.compare import margins
from adabench.harness.compare.margins import Margin
from adabench.harness.contract.card import Card, Metric
from adabench.harness.errors import SelectionError

CARD = Card(
    "toy",
    metrics=(
        Metric("right", "", "higher", "quality", primary=True),
        Metric("steps", "iterations", "lower", "work", primary=True),
        Metric("wait_s", "s", "lower", "cost"),
        Metric("table_bytes", "B", "lower", "cost"),
        Metric("depth", "layers", "lower", "info"),
    ),
)


@pytest.mark.parametrize(
    ("word", "margin", "shown"),
    [
        ("latency_s=3%", Margin(0.03, True), "3%"),
        ("accuracy = 1 pt", Margin(0.01, False), "1pt"),
        ("loss=0.02", Margin(0.02, False), "2pt"),
        ("faults=0%", Margin(0.0, True), "0%"),
    ],
)
def test_a_margin_is_read_and_shown(word: str, margin: Margin, shown: str) -> None:
    (found,) = margins.parse_margins([word]).values()
    assert found.relative == margin.relative
    assert found.value == pytest.approx(margin.value)
    assert str(found) == shown


@pytest.mark.parametrize(
    "word", ["latency_s", "=3%", "latency_s=", "a=x%", "a=-1%", "a=nan", "a=inf%", "a=3%pt"]
)
def test_nonsense_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(SelectionError) as refused:
        margins.parse_margins([word])
    assert "latency_s=3%" in refused.value.hint


def test_the_last_word_on_a_name_holds() -> None:
    assert margins.parse_margins(["a=1%", "b=2%", "a=5%"])["a"].value == pytest.approx(0.05)


def test_as_much_up_as_down() -> None:
    low, high = Margin(0.25, True).ratios
    assert low * high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("right", "quality"),
        ("steps", "count"),
        ("wait_s", "timing"),
        ("latency_s", "timing"),
        ("table_bytes", "count"),
        ("rss_peak_bytes", "memory"),
        ("energy_j", "energy"),
        ("energy_est_j", "energy"),
        ("depth", None),
        ("samples", None),
        ("cpu_pressure", None),
    ],
)
def test_every_metric_has_its_kind(name: str, kind: str | None) -> None:
    assert margins.kind_of(name, CARD) == kind


def test_a_kind_has_a_margin_of_its_own_and_a_name_may_have_another() -> None:
    given = margins.parse_margins(["latency_s=10%"])
    assert margins.margin_for("latency_s", "timing", given).value == pytest.approx(0.10)
    assert margins.margin_for("cpu_s", "timing", given) == margins.DEFAULTS["timing"]


@pytest.mark.parametrize(
    ("word", "kind"), [("right=3%", "quality"), ("latency_s=1pt", "timing"), ("steps=1", "count")]
)
def test_a_margin_of_the_wrong_form_is_refused(word: str, kind: margins.Kind) -> None:
    given = margins.parse_margins([word])
    with pytest.raises(SelectionError) as refused:
        margins.margin_for(word.partition("=")[0], kind, given)
    assert f"is a {kind}" in refused.value.message


def test_an_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(SelectionError) as refused:
        margins.check_names(margins.parse_margins(["latncy_s=3%"]), ["latency_s", "right"])
    assert "latency_s" in refused.value.hint


def test_direction_is_the_cards_word_and_lower_without_one() -> None:
    assert margins.better("right", CARD) == "higher"
    assert margins.better("latency_s", CARD) == "lower"
