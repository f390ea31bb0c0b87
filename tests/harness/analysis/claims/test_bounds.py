"""Theorems: one case can break them, and none can make them more than hold."""

from adabench.harness.contract.card import Bound
from tests.harness.analysis.claims.toy_run import judged, record


def bounded(values, **claim):
    records = [record("new", s, faults=f, limit=b, faults_se=e) for s, (f, b, e) in values]
    return judged(Bound("faults", "limit", **claim), records, source="theorem")


def test_it_holds_or_names_the_case():
    row = bounded(enumerate([(5, 10, 0), (9, 10, 0)]))
    assert (row.verdict, row.estimate, row.bar, row.n) == ("holds", 0.9, 1, 2)
    row = bounded(enumerate([(5, 10, 0), (11, 10, 0)]))
    assert (row.verdict, row.estimate) == ("violated", 1.1)
    assert "seed 1" in row.reason


def test_on_a_mean_three_standard_errors_are_allowed():
    assert bounded([(0, (12.9, 10, 1))], over="mean").verdict == "holds"
    assert bounded([(0, (13.1, 10, 1))], over="mean").verdict == "violated"
    assert bounded([(0, (12.9, 10, 1))], over="every").verdict == "violated"


def test_zero_is_compared_and_not_divided_by():
    assert bounded([(0, (0, 0, 0))]).verdict == "holds"
    assert bounded([(0, (1, 0, 0))]).verdict == "violated"


def test_it_looks_at_every_recorded_condition():
    records = [record("new", faults=5, limit=10), record("new", noise=1, faults=20, limit=10)]
    row = judged(Bound("faults", "limit"), records)
    assert row.verdict == "violated"
    assert "noise=1" in row.reason
    assert judged(Bound("faults", "limit", where={"noise": 0}), records).verdict == "holds"


def test_a_bound_that_was_not_recorded_decides_nothing():
    assert judged(Bound("faults", "limit"), [record("new", faults=5)]).verdict == "not run"
