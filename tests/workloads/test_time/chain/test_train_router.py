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
from adabench.workloads.test_time.chain.recipes import ROUTER, TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate.problems import stream
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, engine, judge, pair
from adabench.workloads.test_time.chain.training import train_router

SHIPPED = sorted(FOLDER.glob(f"{ROUTER}-s*.json"))


@pytest.fixture(scope="module")
def trio() -> train_router.Trio:
    return train_router.Trio(engine("lm-s-s0"), engine("lm-l-s0"), judge("judge-s0"))


def test_problems_of_the_calibration_split_are_learned_from_and_no_others(
    monkeypatch, trio
) -> None:
    drawn: list[str] = []

    def watched(split, seed, lengths):
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(train_router, "stream", watched)
    plan = replace(recipes()[f"{ROUTER}-s0"], problems=2, steps=2, batch=4)
    train_router.train(plan, trio, lambda done, steps: None)
    assert set(drawn) == {"calibration"}


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
    problems = [next(stream("calibration", seed, (4,))) for seed in range(3)]
    rows = train_router.collect(trio, problems, 0, None)
    gains = np.array([row[1] for row in rows])
    assert len(rows) >= 3 * 5
    assert (gains == 0).mean() > 0.3, "the two models often write the same"
    assert all(len(row[0]) == inputs(128) for row in rows)
    scores, falls = (np.array([row[k] for row in rows]) for k in (2, 3))
    assert ((scores >= 0) & (scores <= 1) & (falls >= -1) & (falls <= 1)).all()
    assert (scores + gains <= 1 + 1e-6).all(), "the target's score is one too"


def test_a_draft_heavy_run_meets_other_contexts_than_the_oracles(trio) -> None:
    problems = [next(stream("calibration", seed, (6,))) for seed in range(6)]
    better, drafts = (train_router.collect(trio, problems, 0, stray) for stray in (None, 0.0))
    assert np.mean([row[2] for row in drafts]) < np.mean([row[2] for row in better])


def test_a_head_learns_what_can_be_told(trio) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(400, inputs(128), generator=generator)
    labels = rows[:, 0] > 1  # one in six
    plan = replace(recipes()[f"{ROUTER}-s0"], steps=60, batch=64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = train_router.RouterHead(128)
    train_router._fit(plan, head, rows, labels, lambda done, steps: None)
    with torch.no_grad():
        chances = head(rows).numpy().astype(np.float64)
    assert auc(chances, labels.numpy()) > 0.95


def test_there_is_a_recipe_for_each_training_seed_on_bases_that_are_shipped() -> None:
    found = [
        recipe
        for recipe in recipes().values()
        if recipe.kind == "router" and recipe.format == "splits"
    ]
    assert [recipe.seed for recipe in found] == list(TRAININGS)
    for recipe in found:
        for base in (recipe.trunk, recipe.policy, recipe.target):
            assert (FOLDER / f"{base}.safetensors").exists(), base


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_router_foretells_large_advantages_better_than_a_low_score_does(path) -> None:
    dev = json.loads(path.read_text(encoding="utf-8"))["dev"]
    assert dev["auc_router"] >= dev["auc_score"] + 0.1
    assert path.with_suffix(".safetensors").stat().st_size < 100_000


def test_run_seeds_take_the_shipped_routers_in_turn() -> None:
    assert len(SHIPPED) == 5
    names = []
    for seed in range(6):
        found = pair(seed)
        assert found is not None
        names.append(found.names[-1])
    assert names == [f"{ROUTER}-s{seed % 5}" for seed in range(6)]
