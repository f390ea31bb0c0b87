"""How a table of strategies is fitted on the chain, what ships, and what its claims are held to."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Difference, Ratio, Reach
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import TABLE, TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.problems import Problem, Split, split_of, stream
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    judge,
    models,
    restore_plan,
)
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import train_strategies as training
from adabench.workloads.test_time.methods import best_strategy
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import MECHANISMS

NAME = f"{TABLE}-s0"
SMALL = replace(recipes()[NAME], problems=8)
CLAIMS = {claim.id: claim for claim in registry.find("chain/compute_optimal").card.claims}


@pytest.fixture
def splits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits that a fit draws from, and fewer budgets to fit."""
    drawn: list[str] = []

    def watched(split: Split, seed: int, lengths: Sequence[int]) -> Iterator[Problem]:
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(training, "stream", watched)
    monkeypatch.setattr(training, "BUDGETS", (2, 4))
    monkeypatch.setattr(training, "PILOT", 4)
    return drawn


def test_a_table_is_fitted_to_dev_questions_alone(splits: list[str]) -> None:
    told: list[tuple[int, int]] = []
    parts = engine("lm-s-s0"), judge("judge-s0")
    table, dev = training.train(SMALL, *parts, lambda *done: told.append(done))
    assert set(splits) == {"dev"}
    assert told[-1] == (8, 8)
    assert table["predicted.choices"].shape == table["graded.choices"].shape == (5, 2)
    assert dev["questions"] == 8
    assert dev["missing"] == {}


def test_no_dev_question_is_one_of_a_run() -> None:
    asked = training.questions(recipes()[NAME], Models(engine("lm-s-s0"), None))
    prompts = {question.prompt for question in asked.cases()}
    assert len(prompts) > 230
    run = {q.prompt for seed in range(3) for q in load("embedded", seed, lengths="1..8").cases()}
    assert not prompts & run
    grader = asked.grader
    assert all(split_of(problem) == "dev" for problem in grader.problems)  # type: ignore[union-attr]


def test_a_table_is_written_with_its_card(tmp_path, splits, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "recipe", lambda name: SMALL)
    card = checkpoints.train(NAME, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{NAME}.safetensors", f"{NAME}.json"}
    assert (card["policy"], card["trunk"]) == ("lm-s-s0", "judge-s0")
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["dev"] == card["dev"]


def test_each_judge_of_a_policy_has_a_table_of_its_own() -> None:
    known = recipes()
    assert (known[NAME].policy, known[NAME].trunk) == ("lm-s-s0", "judge-s0")
    for seed in TRAININGS:
        recipe = known[f"{TABLE}-x-s{seed}"]
        assert (recipe.policy, recipe.trunk) == (f"lm-s-s{seed}", f"judge-x-s{seed}")
    assert known[NAME].forecast_s <= 360


def test_the_shipped_table_is_what_its_card_says_and_is_small() -> None:
    assert (FOLDER / f"{NAME}.safetensors").stat().st_size < 1000
    plan, dev = restore_plan(NAME), json.loads((FOLDER / f"{NAME}.json").read_text())["dev"]
    for table, said in ((plan.predicted, dev["predicted"]), (plan.graded, dev["graded"])):
        assert [list(row) for row in table.choices] == said
        assert len(table.cuts) == len(table.choices) - 1 == 4
        assert sorted(table.cuts, reverse=True) == list(table.cuts)
        assert {name for row in table.choices for name in row} <= set(MECHANISMS["search"])
    assert dev["questions"] >= 240
    assert len({row[1] for row in dev["predicted"]}) > 1, "what is best changes with difficulty"


def test_a_table_that_was_not_fitted_is_named_with_its_recipe(monkeypatch) -> None:
    there = trained_models.checkpoints.is_there
    monkeypatch.setattr(
        trained_models.checkpoints,
        "is_there",
        lambda name, folder: TABLE not in name and there(name, folder),
    )
    with pytest.raises(CapabilityMissing, match="was not fitted yet") as missing:
        models("lm-s", "several", 0).plans["search"]()
    assert f"adabench train {NAME}" in missing.value.hint
    assert not models("lm-s", "single", 0).plans
    assert not models("lm-l", "several", 0).plans


def allowed(r: float) -> float:
    """How many times one answer's FLOPs the small model may spend, by the paper's exchange."""
    shapes = {name: recipes()[f"{name}-s0"].shape for name in ("lm-s", "lm-l")}
    size = round(shapes["lm-l"].parameters / shapes["lm-s"].parameters)
    return size + 3 * (size - 1) / r


@pytest.mark.parametrize(
    ("name", "needs", "r"),
    [("CO-2", "CO-2-flops", 0.16), ("CO-2-equal", "CO-2-equal-flops", 0.79)],
)
def test_flops_are_matched_by_the_papers_exchange(name, needs, r) -> None:
    better, cheap = CLAIMS[name].expect, CLAIMS[needs].expect
    assert isinstance(better, Difference)
    assert isinstance(cheap, Ratio)
    assert CLAIMS[name].requires == (needs,)
    assert cheap.high == pytest.approx(allowed(r), rel=0.01)
    assert better.there == {"policy": "lm-l"}


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
    task = load("embedded", 0, problems=16, lengths="1..8")
    luck = best_strategy.luck(task, task.cases(), 16)
    assert best_strategy.CARD.wins_by_luck == (luck["by_chance"] >= luck["by_truth"])
