"""What the chain says that its methods lack is what they refuse to run without."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.errors import MissingAbility, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.order_problems import Product
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
from adabench.workloads.test_time.substrate.question_task import GradedTask

METHODS = sorted(entry.name for entry in registry.methods("chain").values())
KNOWN = {"scores", "draft", "pool", "revisions"}
SUCCESSORS = {"successors", "efforts", "experts", "merges"}
FITTED = ("A table of strategies", "not fitted", "modes")
"""What refusals say that are of no ability of the policy's, but of what was fitted to it."""
LARGER = {"policy": "lm-x"}
SPLITS = {"format": "splits", "trainings": 1}
EXPERTS = {"format": "splits", "policy": "moe-s"}


@pytest.mark.parametrize(
    ("conditions", "absent"),
    [
        ({}, SUCCESSORS),
        ({"trainings": 1}, SUCCESSORS),
        (LARGER, KNOWN | SUCCESSORS),
        ({"policy": "lm-l"}, KNOWN | SUCCESSORS),
        (SPLITS, KNOWN | {"orders", "efforts", "experts", "merges"}),
        (EXPERTS, KNOWN | {"orders", "efforts", "successors", "merges"}),
    ],
)
def test_what_is_missing_is_what_the_models_lack(
    conditions: dict[str, Scalar], absent: set[str]
) -> None:
    found = chain.missing_abilities(conditions)
    assert found.keys() == absent
    assert all(why.endswith(".") and remedy.endswith(".") for why, remedy in found.values())
    models = chain.load("embedded", 0, problems=1, **conditions).models  # type: ignore[arg-type]
    parts = {
        "scores": models.judge, "draft": models.pair, "pool": models.pool,
        "revisions": models.reviser, "successors": models.successors or None,
    }  # fmt: skip
    assert {name for name, part in parts.items() if part is None} == absent - {
        "orders", "efforts", "experts", "merges",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("base", "ability"),
    [
        ("arbitrage-router", "draft"), ("radar-responses", "pool"), ("lm-s-revisions", "revisions"),
    ],
)  # fmt: skip
def test_what_one_training_lacks_none_of_them_has(
    base: str, ability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it what another training has; with fewer trainings it is there."""
    gone = f"{base}-orders-s2"
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, _: name != gone)
    for count, absent in ((2, set()), (3, {ability}), (5, {ability})):
        found = chain.missing_abilities({"trainings": count})
        assert found.keys() - SUCCESSORS == absent
    why, remedy = found[ability]
    assert why.startswith("With trainings=5 ")
    assert f"adabench train 'chain/{base}-orders-s*'" in remedy


def test_a_policy_that_there_is_not_is_refused_as_ever() -> None:
    for conditions in ({}, SPLITS):
        with pytest.raises(SelectionError, match="no policy 'lm-z'"):
            chain.missing_abilities({**conditions, "policy": "lm-z"})


def of_one_step(conditions: dict[str, Scalar]) -> GradedTask:
    """Return the task with a question of one operation, which is soon answered."""
    where = chain.load("embedded", 0, problems=1, lengths="1", **conditions)  # type: ignore[arg-type]
    if "format" in conditions:
        return where
    problem = Product(5, (3,))
    asked = (Question(0, problem.prompt, "k0"),)
    return replace(where, questions=asked, grader=OrderAnswers((problem,)))


@pytest.mark.parametrize("conditions", [LARGER, SPLITS], ids=["larger", "splits"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_refused_just_where_its_card_says_so(
    name: str, conditions: dict[str, Scalar]
) -> None:
    entry = registry.find(f"chain/{name}")
    where, lacks = of_one_step(conditions), chain.missing_abilities(conditions)
    method, card = registry.load(entry), entry.card
    state = where.oracle_substrate() if card.role == "oracle" else where.substrate()
    point = {**card.defaults, **({"N": 2} if "N" in card.defaults else {})}
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
