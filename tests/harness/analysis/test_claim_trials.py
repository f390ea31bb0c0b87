"""A check tries published claims on small cases, and refuses those that a control meets as well."""

from pathlib import Path

import pytest

from adabench.harness.analysis.claim_trials import ClaimTrials, is_counted, unrecorded
from adabench.harness.contract import registry
from adabench.harness.contract.card import Claim, Frontier, Reach
from adabench.harness.contract.record import Cell, Record

READS = (
    "<all cards>",
    "cheats/adabench_cheats",
    "workloads/algorithms/paging/methods/shuffled_bits.py",
)
"""For tests/suite/dependencies.py."""

HOME = Path(__file__).parents[2] / "cheats"


@pytest.fixture
def thrifty(toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in with a method whose published claim a coin meets too."""
    info = tmp_path / "adabench_thrifty-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-thrifty\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "[adabench.methods]\nroots/thrifty = adabench_cheats.thrifty\n"
    )
    for path in (HOME, tmp_path):
        monkeypatch.syspath_prepend(str(path))


@pytest.mark.usefixtures("thrifty")
def test_a_claim_that_a_control_meets_is_refused_and_the_control_named() -> None:
    [problem] = ClaimTrials(registry.find("roots/thrifty")).problems()
    assert "TH-1 says nothing of the method: coin meets it too" in problem


@pytest.mark.usefixtures("thrifty")
def test_nothing_is_said_when_time_is_up() -> None:
    trials = ClaimTrials(registry.find("roots/thrifty"), most_s=0.0)
    assert list(trials.problems()) == []
    assert trials.records == {}


def test_the_published_claims_of_an_honest_method_pass() -> None:
    entry = registry.find("paging/mark_and_predict")
    assert any(map(is_counted, entry.card.claims))
    trials = ClaimTrials(entry)
    assert list(trials.problems()) == []
    assert {record.cell.method for made in trials.records.values() for record in made} == {
        "mark_and_predict", "shuffled_bits",
    }  # fmt: skip


def test_times_are_left_to_a_run() -> None:
    entry = registry.find("ledger/mor")
    timed = [claim for claim in entry.card.claims if claim.id == "mor-3-recursive"]
    assert timed
    assert not any(map(is_counted, timed))


def test_a_metric_that_no_control_records_is_found_out() -> None:
    """A claim on the share of a target is met by no coin that has no target."""
    cell = Cell("toy", "coin", {}, {}, "embedded", 0)
    coin = [Record(cell, "solve", case, 0, "ok", {"score": 1.0}) for case in range(2)]
    share = Claim("T-1", "", "headline", "", None, Frontier("share", "score", "old", low=0.0))
    assert unrecorded(share, coin) == ["share"]
    assert unrecorded(share, []) == [], "what was not run says nothing"
    other = Record(cell, "solve", 2, 0, "ok", {"score": 1.0, "share": 0.0})
    assert unrecorded(share, [*coin, other]) == []
    saved = Claim("T-2", "", "headline", "", 0.5, Reach("score", "score", "old", less="estimate"))
    assert unrecorded(saved, coin) == []
