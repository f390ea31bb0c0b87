"""What MoR's claims about stored keys are told apart from, on the run that is recorded."""

import functools
from pathlib import Path

import pytest

from adabench.harness.analysis.claims import discrimination
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.ratio_and_difference import rule_paired
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract import registry
from adabench.harness.contract.claim import Claim
from adabench.harness.store.table import read

RUN = Path(__file__).parents[4] / "docs/recorded/ledger"


@functools.cache
def evidence() -> Evidence:
    methods = {entry.name: entry.card for entry in registry.methods("ledger").values()}
    return Evidence("ledger", registry.find("ledger").card, methods, collapse(read(RUN)))


def claim_of(name: str) -> Claim:
    (found,) = (claim for claim in registry.find("ledger/mor").card.claims if claim.id == name)
    return found


@pytest.mark.parametrize("name", ["mor-5", "mor-5-shared"])
@pytest.mark.parametrize("rival", ["vanilla", "random_routing", "random_exit", "static_units"])
def test_nobody_else_stores_fewer_keys_and_answers_as_much(name: str, rival: str) -> None:
    claim, tried = claim_of(name), 0
    for stand_in in discrimination.stand_ins(claim, "mor", rival, evidence()):
        assert rule_paired(claim, "mor", stand_in).verdict != "reproduced"
        tried += 1
    assert tried or rival == "static_units"


def test_who_follows_his_own_formula_saves_no_keys_by_that() -> None:
    """A stack without a router meets the formula by itself, and is told apart by what is required."""
    formula = claim_of("mor-5-formula")
    ruled = [
        rule_paired(formula, "mor", stand_in).verdict
        for stand_in in discrimination.stand_ins(formula, "mor", "vanilla", evidence())
    ]
    assert "reproduced" in ruled
    assert "mor-5" in formula.requires
