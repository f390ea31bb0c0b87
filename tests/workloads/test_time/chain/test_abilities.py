"""What the chain says that its methods lack is what they refuse to run without."""

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.errors import MissingAbility, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.chain import task as chain

METHODS = sorted(entry.name for entry in registry.methods("chain").values())
KNOWN = {"scores", "draft", "pool", "revisions"}
FITTED = ("A table of strategies", "not fitted", "modes")
"""What refusals say that are of no ability of the policy's, but of what was fitted to it."""


@pytest.mark.parametrize(
    ("conditions", "absent"),
    [
        ({}, set()),
        ({"policy": "lm-x"}, KNOWN),
        ({"policy": "lm-l"}, KNOWN),
        ({"layout": "single"}, KNOWN - {"scores"}),
        ({"trainings": 2}, KNOWN - {"scores"}),
    ],
)
def test_what_is_missing_is_what_the_models_lack(
    conditions: dict[str, Scalar], absent: set[str]
) -> None:
    found = chain.missing_abilities(conditions)
    assert found.keys() == absent | {"orders"}
    assert all(why.endswith(".") and remedy.endswith(".") for why, remedy in found.values())
    if "trainings" in conditions:  # they are not all here
        return
    models = chain.load("embedded", 0, problems=1, **conditions).models  # type: ignore[arg-type]
    parts = {
        "scores": models.judge, "draft": models.pair, "pool": models.pool,
        "revisions": models.reviser,
    }  # fmt: skip
    assert {name for name, part in parts.items() if part is None} == absent


def test_a_policy_that_there_is_not_is_refused_as_ever() -> None:
    with pytest.raises(SelectionError, match="no policy 'lm-z'"):
        chain.missing_abilities({"policy": "lm-z"})


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_refused_just_where_its_card_says_so(name: str) -> None:
    entry = registry.find(f"chain/{name}")
    where = chain.load("embedded", 0, policy="lm-x", lengths="1", problems=1)
    method, card = registry.load(entry), entry.card
    state = where.oracle_substrate() if card.role == "oracle" else where.substrate()
    point = {**card.defaults, **({"N": 2} if "N" in card.defaults else {})}
    lacks = KNOWN | {"orders"}
    needed = any(one.name in lacks and one.is_needed(point) for one in card.abilities)
    refusal = ""
    try:
        if hasattr(method, "prepare"):
            state = method.prepare(state, point, 0)
        method.solve(state, next(where.cases()), point)
    except (CapabilityMissing, MissingAbility) as problem:
        refusal = str(problem)
    unfitted = any(word in refusal for word in FITTED)
    assert unfitted or bool(refusal) == needed, f"{refusal or 'It runs'}; its card says otherwise."
