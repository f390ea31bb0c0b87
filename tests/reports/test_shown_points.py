from dataclasses import replace

from adabench.reports import shown_points


def test_the_default_operating_point_is_chosen(findings):
    row = shown_points.default_row(findings, "paging", "mark_and_predict")
    assert row.point == {"trust": 0.9}
    assert row.conditions == {"slots": 100, "noise": 0.0, "kind": "symmetric"}
    assert shown_points.departures(findings, row) == {}


def test_the_nearest_recorded_point_stands_in_for_a_missing_default(findings):
    rows = [r for r in findings.summary if r.conditions.get("slots") != 100]
    row = shown_points.default_row(replace(findings, summary=rows), "paging", "lru")
    assert shown_points.departures(findings, row) == {"slots": 50}


def test_a_plot_varies_the_budget_and_nothing_else(findings):
    rows = shown_points.settled_rows(findings, "paging", ("slots",))
    assert {row.conditions["slots"] for row in rows} == {25, 50, 100, 200}
    assert {(row.conditions["noise"], row.conditions["kind"]) for row in rows} == {
        (0.0, "symmetric")
    }


def test_words_keep_the_order_of_the_card():
    assert shown_points.in_order(["b", 2, "a", 0.5], ("b", "a")) == [0.5, 2, "b", "a"]


def test_methods_come_by_role(findings):
    assert shown_points.methods(findings, "chain") == [
        "tree",
        "greedy",
        "majority",
        "coin",
        "pass_at_n",
    ]
