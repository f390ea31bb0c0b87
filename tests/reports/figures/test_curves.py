from dataclasses import replace

import pytest

from adabench.harness.errors import SelectionError
from adabench.reports.figures import curves


def without(findings, method):
    return replace(findings, summary=[r for r in findings.summary if r.method != method])


def test_what_was_swept_is_found(findings):
    assert curves.swept_conditions(findings, "paging") == ["slots", "noise", "kind", "trust"]
    assert curves.swept_conditions(findings, "chain") == ["level", "width"]


def test_cost_is_relative_to_the_oracle(findings):
    shown = curves.layout(findings, "paging", "noise")
    assert (shown.metric.name, shown.relative_to) == ("faults", "belady")
    assert "belady" not in {curve.method for curve in shown.curves}
    lru = next(curve for curve in shown.curves if curve.method == "lru")
    assert lru.values == (0.0, 0.1, 0.3, 0.5, 1.0)
    assert lru.estimates[0].estimate == pytest.approx(0.45 / 0.25)


def test_without_an_oracle_cost_is_absolute(findings):
    shown = curves.layout(without(findings, "belady"), "paging", "noise")
    assert shown.relative_to == ""
    assert max(e.estimate for curve in shown.curves for e in curve.estimates) > 1000


def test_an_oracle_recorded_at_some_values_only_is_not_used(findings):
    rows = [
        r for r in findings.summary if r.method != "belady" or r.conditions["noise"] in (0.0, 0.1)
    ]
    assert curves.layout(replace(findings, summary=rows), "paging", "noise").relative_to == ""


def test_the_axis_is_logarithmic_beyond_a_factor_of_ten(findings):
    assert curves.curves(findings, "paging", "noise").axes[0].get_yscale() == "linear"
    rows = [
        replace(r, metrics=r.metrics | {"faults": replace(r.metrics["faults"], estimate=1e7)})
        if r.method == "lru"
        else r
        for r in findings.summary
    ]
    figure = curves.curves(replace(findings, summary=rows), "paging", "noise")
    assert figure.axes[0].get_yscale() == "log"


def test_words_are_not_joined_by_lines(findings):
    shown = curves.layout(findings, "paging", "kind")
    assert shown.values == ("symmetric", "drop", "adversarial")
    assert not shown.has_order
    axes = curves.curves(findings, "paging", "kind").axes[0]
    lru = next(line for line in axes.lines if len(line.get_xdata()) == 3)
    assert lru.get_linestyle() == "None"


def test_what_was_not_swept_is_refused_with_a_hint(findings):
    with pytest.raises(SelectionError, match="noice") as refused:
        curves.curves(findings, "paging", "noice")
    assert "noise" in refused.value.hint


def test_the_words_beside_the_figure_hold_the_numbers(findings):
    assert "lru from 1.80 to 1.80" in curves.describe(findings, "paging", "noise")


def test_an_error_swept_from_zero_over_decades_stands_at_even_steps(findings) -> None:
    shown = curves.layout(findings, "paging", "noise")
    wide = replace(shown, values=(0, 1, 10, 1000))
    assert wide.has_order
    assert wide.is_even
    assert not replace(shown, values=(0, 1, 10)).is_even  # linear does
    assert not replace(shown, values=(1, 10, 1000)).is_even  # logarithmic does
    assert replace(shown, values=("a", "b")).is_even
