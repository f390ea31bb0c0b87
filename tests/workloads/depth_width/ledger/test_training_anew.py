"""Trainings that a run makes once more, and controls that were trained with coins."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from adabench.harness.contract.card import Point
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.depth_width.ledger.methods import greedy_tuned, random_routing, recursive
from adabench.workloads.depth_width.ledger.methods.mor import mor
from adabench.workloads.depth_width.ledger.models import Models
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.ledger.task import load
from adabench.workloads.depth_width.methods import greedy_skip, random_units, random_width
from adabench.workloads.depth_width.methods.acm import train_learners
from adabench.workloads.depth_width.methods.informed_routing import informed_routing, train_routers
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.recursion_routing import CAPACITIES, coin_k
from adabench.workloads.depth_width.substrate.work_counter import Work

MOR: Point = {
    "router": "expert", "capacity": "thirds", "kv": "recursion", "rule": "half", "threshold": 0.5,
}  # fmt: skip


def plan_of(name: str) -> Any:
    return recipes()[name]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(Models, "train_anew", lambda self, base: names.append(base))
    return names


@pytest.mark.parametrize(
    ("method", "point", "name"),
    [
        (mor, MOR, "mor-expert-thirds-recursion"),
        (mor, {**MOR, "kv": "shared"}, "mor-expert-thirds-shared"),
        (recursive, {"recursions": 3}, "recursive"),
        (informed_routing, {"sparsity": 0.75, "shift": 0.0}, "informed-75"),
        (greedy_skip, {"sparsity": 0.6, "shift": 0.0}, "greedy-60"),
        (greedy_tuned, {"sparsity": 0.75}, "tuned-75"),
    ],
)
def test_a_preparation_trains_its_own_checkpoint_if_asked(
    method: Any, point: Point, name: str, trained: list[str]
) -> None:
    task, prepare = load("embedded", 1, batches=1, sequences=4), method.prepare
    prepare(task, {**point, "training": "shipped"}, 1)
    assert trained == []
    prepare(task, {**point, "training": "anew"}, 1)
    assert trained == [name]
    with pytest.raises(SelectionError, match="training=again"):
        prepare(task, {**point, "training": "again"}, 1)


def test_training_anew_follows_the_recipe_of_the_run_s_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    followed: list[str] = []
    monkeypatch.setattr(train_backbone, "train", lambda recipe: followed.append(recipe.name))
    monkeypatch.setattr(train_routers, "train", lambda recipe, base: followed.append(recipe.name))
    task = load("embedded", 5, batches=1, sequences=4)
    task.train_anew("recursive")
    task.train_anew("tuned-75")
    assert followed == ["recursive-s2", "tuned-75-s2"]
    with pytest.raises(SelectionError, match="acm-40-s2"):
        task.train_anew("acm-40")


def test_a_coin_takes_as_many_of_a_sequence_as_top_k_would() -> None:
    model = plan_of("mor-expert-thirds-recursion-s0").load()
    shape, batch = model.shape, 3
    rows = torch.randn(batch * shape.tokens, shape.width)
    torch.manual_seed(0)
    admit = coin_k(model, CAPACITIES["thirds"], batch)()
    one, other = (admit(1, rows, torch.empty(0), Work()).keep for _ in range(2))
    assert one is not None
    assert other is not None
    for keep in (one, other):
        counts = torch.bincount(keep // shape.tokens, minlength=batch).tolist()
        assert counts == [int(2 / 3 * shape.tokens)] * batch
        assert keep.tolist() == sorted(keep.tolist())
    assert one.tolist() != other.tolist(), "the state decides, and not a coin"


def test_routers_of_coins_are_the_rates_of_the_router_that_they_control() -> None:
    plan = dataclasses.replace(plan_of("unit-coins-60-s0"), steps=2)
    assert isinstance(plan, train_routers.CoinsRecipe)
    assert plan.like is not None
    parts = train_routers.train(plan, plan.base.load())
    rates = train_routers.rates_of(plan.like.load())
    odds = [float(torch.sigmoid(router.get_parameter("bias"))[0]) for router in parts.routers]
    assert odds == pytest.approx(rates, abs=2e-4)
    assert all(not router.get_parameter("weight").any() for router in parts.routers)
    drawn = torch.full((20_000,), float(torch.logit(torch.tensor(rates[2]))))
    share = float(train_routers.straight_through(drawn, 0.5).mean())
    assert share == pytest.approx(rates[2], abs=0.02)


def test_coins_are_trained_as_long_as_what_they_control() -> None:
    known = recipes()
    for plan in known.values():
        if isinstance(plan, train_routers.CoinsRecipe | train_learners.CoinsRecipe):
            assert plan.like is not None
            assert plan.steps == plan.like.steps
            assert plan.seed == plan.like.seed
    for seed in checkpoints.SEEDS:
        ours = plan_of(f"mor-coins-thirds-recursion-s{seed}")
        theirs = plan_of(f"mor-expert-thirds-recursion-s{seed}")
        # One is shipped, the other made where it is wanted.
        same = {"name": theirs.name, "loss": "expert", "home": theirs.home}
        assert dataclasses.replace(ours, **same) == theirs


def test_tuning_under_coins_leaves_the_gates_alone() -> None:
    plan = dataclasses.replace(plan_of("width-coins-40-s0"), steps=1)
    assert isinstance(plan, train_learners.CoinsRecipe)
    assert plan.start is not None
    start = plan.start.load()
    train_learners.soften(start.modules)
    before = {n: p.clone() for n, p in start.modules.named_parameters()}
    made = train_learners.train(plan, plan.start.load)
    same = {n: torch.equal(p, before[n]) for n, p in made.modules.named_parameters()}
    assert all(same[name] for name in same if ".gate." in name)
    assert not all(same[name] for name in same if ".learners." in name)


@pytest.mark.parametrize("method", [random_units, random_width, random_routing])
def test_a_control_refuses_a_word_that_it_does_not_know(method: Any) -> None:
    point = {"sparsity": 0.6, "budget": 0.4, "capacity": "thirds", "weights": "luck"}
    task = load("embedded", 0, batches=1, sequences=4)
    with pytest.raises(SelectionError, match="weights=luck"):
        method.prepare(task, point, 0)


def test_coins_that_were_not_trained_are_said_to_be_missing(tmp_path: Path) -> None:
    plan = dataclasses.replace(plan_of("unit-coins-60-s0"), home=tmp_path)
    with pytest.raises(EnvironmentProblem, match=r"unit-coins-60-s0\.\S+ is missing"):
        plan.load()
