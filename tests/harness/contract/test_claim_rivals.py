"""Neither `control_of` nor `apart_from` is a way for a published claim to be met by no control."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Claim, Difference, Gap, Knob, OutOfReach, Ratio
from adabench.harness.contract.claim import faults as claim_faults
from adabench.harness.contract.claim_rivals import faults, rivals
from adabench.harness.run import conformance

TASK = Card("Toy", knobs=(Knob("noise", (0, 1), 0),))
CLAIM = Claim("T-1", "says", "headline", "paper", None, Difference("score", "old", low=0.0))
CARDS = {
    "new": Card("New", role="adaptive"),
    "old": Card("Old", role="static"),
    "coin": Card("Coin", role="control"),
}


def problems(claim: Claim, **cards: Card) -> list[str]:
    return list(faults(claim, "new", TASK, CARDS | cards))


def test_a_claim_that_some_control_could_meet_is_fine() -> None:
    assert problems(CLAIM) == []
    assert problems(CLAIM, coin=Card("Coin", role="control", control_of=("new",))) == []
    assert problems(replace(CLAIM, apart_from=("old", "coin"))) == []


def test_a_control_of_others_alone_leaves_a_claim_that_nobody_could_meet() -> None:
    (problem,) = problems(CLAIM, coin=Card("Coin", role="control", control_of=("other",)))
    assert "T-1 can be met by no control" in problem
    assert "apart_from=" in problem


def test_a_control_that_is_made_for_other_conditions_is_none_of_the_claims() -> None:
    noisy = Card("Coin", role="control", conditions={"noise": 1})
    assert problems(CLAIM, coin=noisy)
    assert (
        problems(replace(CLAIM, expect=replace(CLAIM.expect, where={"noise": 1})), coin=noisy) == []
    )


def test_who_names_rivals_may_not_leave_all_controls_out() -> None:
    (problem,) = problems(replace(CLAIM, apart_from=("old",)))
    assert "names whom it must be told apart from and no control of new; add coin" in problem


def test_who_is_told_apart_from_nobody_says_why() -> None:
    (problem,) = problems(replace(CLAIM, apart_from=()))
    assert "does not say why (no_rival=)" in problem
    assert problems(replace(CLAIM, apart_from=(), no_rival="to answer less is no feat")) == []
    (fault,) = claim_faults(replace(CLAIM, no_rival="it is ours"))
    assert "does not leave them out" in fault


@pytest.mark.parametrize(
    "claim",
    [
        replace(CLAIM, source="own"),
        replace(CLAIM, expect=OutOfReach("no such model")),
        replace(CLAIM, expect=Ratio("score", "old", high=1.0, every=True)),
    ],
    ids=["own", "out of reach", "every case"],
)
def test_what_no_control_can_unmask_needs_none(claim: Claim) -> None:
    assert problems(claim, coin=Card("Coin", role="control", control_of=("other",))) == []


def test_rivals_are_those_that_are_named_or_those_of_the_method() -> None:
    other = Card("Other coin", role="control", control_of=("other",))
    cards = CARDS | {"other_coin": other}
    assert set(rivals(CLAIM, "new", TASK, cards)) == {"coin", "old"}
    assert list(rivals(replace(CLAIM, apart_from=("x", "new")), "new", TASK, cards)) == ["x"]


def test_a_coin_that_a_gap_is_measured_by_is_a_control_of_what_is_measured(monkeypatch) -> None:
    task = registry.find("chain")
    own = registry.methods("chain")
    coin = own["chain/random_escalation"]
    assert coin.card.controls("drop")
    lax = replace(coin, card=replace(coin.card, control_of=("arbitrage",)))
    assert any(isinstance(gap, Gap) and "drop" in gap.methods for gap in task.card.gaps)
    monkeypatch.setattr(registry, "methods", lambda task: {**own, coin.address: lax})
    assert list(conformance._gaps(task)) == [
        "its gaps measure drop by random_escalation, which is no control of it (control_of=)",
        "its gaps measure rsd by random_escalation, which is no control of it (control_of=)",
    ]


def test_a_control_of_a_family_may_name_methods_of_any_task_of_its_own() -> None:
    entry = registry.find("text/random_escalation")
    assert "drop" in entry.card.control_of
    assert "text/drop" not in registry.methods("text")
    assert list(conformance._complete(entry)) == []
    odd = replace(entry, card=replace(entry.card, control_of=("arbitrage", "nobody")))
    (problem,) = conformance._complete(odd)
    assert problem == "it is the control of 'nobody', which is no method of chain or text"
