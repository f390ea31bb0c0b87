"""How a table of strategies is fitted on the chain, what ships, and what its claims are held to."""

import json
import re
from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Difference, Ratio, Reach
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import ORDERS, TABLE, TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.order_problems import LONGEST, questions
from adabench.workloads.test_time.chain.substrate.problems import split_of_text
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    judge,
    models,
    restore_plan,
    splits_models,
)
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import train_strategies as training
from adabench.workloads.test_time.methods import best_strategy
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import MECHANISMS

NAMES = tuple(f"{TABLE}{ORDERS}-s{seed}" for seed in TRAININGS)
NAME = NAMES[0]
PLAN = recipes()[NAME]
SMALL = replace(PLAN, problems=8)
CLAIMS = {claim.id: claim for claim in registry.find("chain/compute_optimal").card.claims}


@pytest.fixture
def splits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits that a fit draws from, and fewer budgets to fit."""
    drawn: list[str] = []

    def watched(split, seed, count):
        drawn.append(split)
        return questions(split, seed, count)

    monkeypatch.setattr(training.order_problems, "questions", watched)
    monkeypatch.setattr(training, "BUDGETS", (2, 4))
    monkeypatch.setattr(training, "PILOT", 4)
    return drawn


def test_a_table_is_fitted_to_dev_questions_alone(splits: list[str]) -> None:
    told: list[tuple[int, int]] = []
    parts = engine(PLAN.policy), judge(PLAN.trunk)
    table, dev = training.train(SMALL, *parts, lambda *done: told.append(done))
    assert splits == ["dev"]
    assert told[-1] == (8, 8)
    assert table["predicted.choices"].shape == table["graded.choices"].shape == (5, 2)
    assert dev["questions"] == 8
    assert dev["missing"] == {}


def test_no_dev_question_is_one_of_a_run() -> None:
    asked = training.questions(PLAN, Models(engine(PLAN.policy), None))
    prompts = {question.prompt for question in asked.cases()}
    assert len(prompts) == PLAN.problems
    run = {q.prompt for seed in range(3) for q in load("embedded", seed, trainings=1).cases()}
    assert not prompts & run
    problems = asked.grader.problems
    assert {problem.prompt for problem in problems} == prompts
    assert {split_of_text(f"{one.first} {one.factors}") for one in problems} == {"dev"}
    assert {one.large for one in problems} == set(range(LONGEST + 1))


def test_a_table_is_written_with_its_card(tmp_path, splits, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "recipe", lambda name: replace(SMALL, problems=5))
    card = checkpoints.train(NAME, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{NAME}.safetensors", f"{NAME}.json"}
    assert (card["policy"], card["trunk"]) == ("lm-s-orders-s0", "judge-orders-s0")
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["dev"] == card["dev"]


def test_each_judge_of_a_policy_has_a_table_of_its_own() -> None:
    for seed, name in zip(TRAININGS, NAMES, strict=True):
        recipe = recipes()[name]
        parts = (f"lm-s{ORDERS}-s{seed}", f"judge{ORDERS}-s{seed}")
        assert (recipe.policy, recipe.trunk) == parts
        assert recipe.forecast_s <= 360


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_table_is_what_its_card_says_and_is_small(name: str) -> None:
    assert (FOLDER / f"{name}.safetensors").stat().st_size < 1000
    plan, dev = restore_plan(name), json.loads((FOLDER / f"{name}.json").read_text())["dev"]
    for table, said in ((plan.predicted, dev["predicted"]), (plan.graded, dev["graded"])):
        assert [list(row) for row in table.choices] == said
        assert len(table.cuts) == len(table.choices) - 1 == 4
        assert sorted(table.cuts, reverse=True) == list(table.cuts)
        assert {name for row in table.choices for name in row} <= set(MECHANISMS["search"])
    assert dev["questions"] == recipes()[name].problems >= 160
    assert len({row[0] for row in dev["predicted"]}) > 1, "what is best changes with difficulty"


def test_a_table_that_was_not_fitted_is_named_with_its_recipe(monkeypatch) -> None:
    there = trained_models.checkpoints.is_there
    monkeypatch.setattr(
        trained_models.checkpoints,
        "is_there",
        lambda name, folder: TABLE not in name and there(name, folder),
    )
    with pytest.raises(CapabilityMissing, match="was not fitted yet") as missing:
        models("lm-s", 0).plans["search"]()
    assert f"adabench train {NAME}" in missing.value.hint
    assert not models("lm-l", 0).plans
    assert not splits_models("lm-s", 0).plans


def test_run_seeds_take_the_tables_of_their_trainings(monkeypatch) -> None:
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, folder: True)
    for part in ("engine", "judge", "pair", "reviser"):
        monkeypatch.setattr(trained_models, part, lambda *names: None)
    asked: list[str] = []
    monkeypatch.setattr(trained_models, "strategy_plan", asked.append)
    for seed in range(6):
        models("lm-s", seed, 5).plans["search"]()
        models("lm-s", seed).plans["search"]()
    assert asked[::2] == [*NAMES, NAME]
    assert asked[1::2] == [NAME] * 6


def stated(text: str, name: str) -> float:
    """Return the number that a text gives by a name."""
    found = re.search(rf"\b{name} = ([\d.]*\d)", text)
    assert found, text
    return float(found[1])


@pytest.mark.parametrize(
    ("name", "needs"), [("CO-2", "CO-2-flops"), ("CO-2-equal", "CO-2-equal-flops")]
)
def test_flops_are_matched_by_the_papers_exchange(name, needs) -> None:
    """The small model may spend M + 3 (M - 1) / R times one answer's FLOPs: M by parameters, R < 1 tokens."""
    better, cheap = CLAIMS[name].expect, CLAIMS[needs].expect
    assert isinstance(better, Difference)
    assert isinstance(cheap, Ratio)
    assert CLAIMS[name].requires == (needs,)
    assert better.there == {"policy": "lm-l"}
    small, large = (recipes()[f"{base}{ORDERS}-s0"].shape.parameters for base in ("lm-s", "lm-l"))
    times, r = stated(CLAIMS[needs].paper, "M"), stated(CLAIMS[needs].says, "R")
    assert times == round(large / small)
    assert r == stated(CLAIMS[name].says, "R") < 1
    assert cheap.high == pytest.approx(times + 3 * (times - 1) / r, rel=0.01)


def test_the_bill_is_flops_and_the_rival_is_weighted_by_the_same_judge() -> None:
    """Nothing is reached at fewer samples alone, and what is left out of a bill is said."""
    for name in ("CO-1", "CO-1-whole", "CO-1-billed"):
        claim = CLAIMS[name]
        assert isinstance(claim.expect, Reach)
        assert (claim.expect.cost, claim.expect.against) == ("flops_counted", "judged_vote")
        assert claim.expect.there == {"N": 64}
    assert CLAIMS["CO-1"].expect.less == CLAIMS["CO-1-whole"].expect.less == "difficulty_flops"
    assert "left out" in CLAIMS["CO-1"].says
    assert CLAIMS["CO-1-billed"].expect.less == ""
    assert registry.find("chain/judged_vote").card.defaults["aggregate"] == "last"


def test_every_headline_of_the_abstract_is_a_claim() -> None:
    methods = registry.methods("chain").values()
    ours = [one for method in methods if method.card.slug == "compute-optimal"
            for one in method.card.claims]  # fmt: skip
    headlines = {claim.id for claim in ours if claim.source == "headline"}
    assert headlines >= {"CO-1", "CO-2", "CO-3"}


def test_the_oracle_wins_by_luck_as_its_card_says() -> None:
    task = load("embedded", 1, problems=16, trainings=1)
    luck = best_strategy.luck(task, task.cases(), 4)
    assert best_strategy.CARD.wins_by_luck == (luck["by_chance"] >= luck["by_truth"])
