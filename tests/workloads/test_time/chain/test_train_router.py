"""How a router learns: from which problems, which labels, and what its card says of it."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.step_router import inputs
from adabench.workloads.test_time.chain.recipes import DEEPER, ORDERS, ROUTER, TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.order_problems import LONGEST, questions
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, engine, judge, pair
from adabench.workloads.test_time.chain.training import train_router

NAMES = tuple(f"{ROUTER}{ORDERS}-s{seed}" for seed in TRAININGS)
PLAN = recipes()[NAMES[0]]
INPUTS = inputs(DEEPER.width)


@pytest.fixture(scope="module")
def trio() -> train_router.Trio:
    return train_router.Trio(engine(PLAN.policy), engine(PLAN.target), judge(PLAN.trunk))


def test_problems_of_the_calibration_split_are_learned_from_and_no_others(
    monkeypatch, trio
) -> None:
    drawn: list[str] = []

    def watched(split, seed, count):
        drawn.append(split)
        return questions(split, seed, count, [2, 5])

    monkeypatch.setattr(train_router, "questions", watched)
    plan = replace(PLAN, problems=2, steps=2, batch=4)
    train_router.train(plan, trio, lambda done, steps: None)
    assert drawn == ["calibration"]


def test_labels_are_advantages_and_nothing_that_knows_an_answer_is_imported() -> None:
    tree = ast.parse(Path(train_router.__file__).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not any("truth" in module for module in imported)
    assert not names & {"truth", "answer", "apply", "trace"}


def test_the_same_words_have_no_advantage_and_the_target_goes_on_where_it_is_better(trio) -> None:
    problems = questions("calibration", 0, 3, [2])
    rows = train_router.collect(trio, problems, 0, None)
    gains = np.array([row[1] for row in rows])
    assert len(rows) == 3 * (LONGEST + 1), "and one to have stopped"
    assert (gains == 0).mean() > 0.3, "the two models often write the same"
    assert all(len(row[0]) == INPUTS for row in rows)
    scores, falls = (np.array([row[k] for row in rows]) for k in (2, 3))
    assert ((scores >= 0) & (scores <= 1) & (falls >= -1) & (falls <= 1)).all()
    assert (scores + gains <= 1 + 1e-6).all(), "the target's score is one too"


def test_a_draft_heavy_run_meets_other_contexts_than_the_oracles(trio) -> None:
    problems = questions("calibration", 0, 6, [4])
    better, drafts = (train_router.collect(trio, problems, 0, stray) for stray in (None, 0.0))
    assert np.mean([row[2] for row in drafts]) < np.mean([row[2] for row in better])


def test_a_head_learns_what_can_be_told(trio) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(400, INPUTS, generator=generator)
    labels = rows[:, 0] > 1  # one in six
    plan = replace(PLAN, steps=60, batch=64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = train_router.RouterHead(DEEPER.width)
    train_router._fit(plan, head, rows, labels, lambda done, steps: None)
    with torch.no_grad():
        chances = head(rows).numpy().astype(np.float64)
    assert auc(chances, labels.numpy()) > 0.95


def test_there_is_a_recipe_for_each_training_seed_on_bases_that_are_shipped() -> None:
    found = [recipe for recipe in recipes().values() if recipe.kind == "router"]
    assert [(recipe.name, recipe.seed) for recipe in found] == list(
        zip(NAMES, TRAININGS, strict=True)
    )
    for recipe in found:
        assert recipe.policy == f"lm-s{ORDERS}-s{recipe.seed}"
        for base in (recipe.trunk, recipe.policy, recipe.target):
            assert (FOLDER / f"{base}.safetensors").exists(), base


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_router_foretells_large_advantages_better_than_a_low_score_does(name) -> None:
    dev = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["dev"]
    assert dev["auc_router"] >= dev["auc_score"] + 0.1
    assert dev["auc_router"] > dev["auc_drop"]
    assert (FOLDER / f"{name}.safetensors").stat().st_size < 20_000


def test_run_seeds_take_the_trainings_in_turn_and_one_target_serves_them_all(monkeypatch) -> None:
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    monkeypatch.setattr(trained_models, "judge", lambda name: name)
    monkeypatch.setattr(trained_models, "router_head", lambda name: name)
    monkeypatch.setattr(trained_models, "StepRouter", lambda *parts: parts)
    assert {pair(seed).names[-1] for seed in range(6)} == {NAMES[0]}
    for seed in range(6):
        found, k = pair(seed, 5), seed % 5
        draft, target, scorer, router = found.names
        assert (draft, scorer, router) == (
            f"lm-s{ORDERS}-s{k}", f"judge{ORDERS}-s{k}", NAMES[k],
        )  # fmt: skip
        assert target == f"lm-l{ORDERS}-s0"
        assert (found.policy, found.judge, found.others) == (draft, scorer, {"target": target})
        assert found.router == (scorer, router, ROUTER)
