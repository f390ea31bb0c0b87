"""Checkpoints: safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and what it
scored on the `dev` split. Everything is measured on the file as it is shipped: in eight bits, heads and policies of the
format `splits` in fp16, and what goes on from another policy in four bits of the differences.
"""

from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from adabench.workloads.shared.language_model.contract import Engine
from adabench.workloads.shared.training import checkpoints, int8_packing, reward_curve
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.test_time.chain.recipes import EFFORT, Recipe, recipes
from adabench.workloads.test_time.chain.substrate import order_problems
from adabench.workloads.test_time.chain.substrate import problems as data
from adabench.workloads.test_time.chain.substrate.configuration_pool import pool_of
from adabench.workloads.test_time.chain.substrate.step_modes import restore_score
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    judge,
    restore,
    restore_plan,
    routed_engine,
    router_head,
    start_of,
    thought_engine,
)
from adabench.workloads.test_time.chain.training import (
    order_figures,
    order_training,
    short_training,
    train_by_reward,
    train_effort,
    train_experts,
    train_judge,
    train_models,
    train_paths,
    train_responses,
    train_revisions,
    train_router,
    train_scale_score,
    train_strategies,
)

DEV_SEED, DEV_PROBLEMS = 5, 100
DEV_ORDERS = 160
"""Questions to which a judge is held."""


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    return checkpoints.find_recipe(name, recipes())


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    A judge's trunk, and its policy or a score's, are read from `folder`, or from the shipped ones.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    plan = recipe(name)
    folder.mkdir(parents=True, exist_ok=True)
    if plan.kind == "score":
        return _train_score(plan, progress, folder)
    if plan.kind == "responses":
        return _collect_responses(plan, progress, folder)
    if plan.kind == "table":
        return _train_table(plan, progress, folder)
    if plan.kind == "rewarded":
        return _train_by_reward(plan, progress, folder)
    if plan.start:
        moved = _differences(plan, _language_model(plan, progress, folder), folder)
        return ship(plan, moved, folder, lambda: held_out(plan, folder), _code(plan))
    weights: dict[str, Any] = {}
    for prefix, module in _modules(plan, progress, folder).items():
        whole = plan.format == "orders" and not prefix
        store = int8_packing.packed if whole else checkpoints.halves
        weights |= {f"{prefix}{key}": value for key, value in store(module.state_dict()).items()}
    return ship(plan, weights, folder, lambda: held_out(plan, folder), _code(plan))


def _modules(plan: Recipe, progress: Progress, folder: Path) -> dict[str, nn.Module]:
    """Return what a recipe trains, by the prefix of its weights' names."""
    if plan.kind == "lm":
        return {"": _language_model(plan, progress, folder)}
    if plan.kind == "router":
        return {"head.": train_router.train(plan, trio(plan, folder), progress)}
    trunk, policy = restore(plan.trunk, folder), engine(plan.policy, folder)
    if plan.kind == "reviser":
        return {"": train_revisions.train(plan, trunk, policy, progress)}
    model, head = train_judge.train(plan, trunk, policy, progress)
    return {"": model, "head.": head}


def _train_score(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Fit a score to a policy and write it; its numbers are few, and stay in single precision."""
    score, dev = train_scale_score.train(plan, engine(plan.policy, folder), progress)
    restore_score.cache_clear()
    return ship(plan, score, folder, lambda: dev, _code(plan))


def _train_by_reward(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train a policy on by reward; write its curve beside it."""
    start = restore(plan.policy, _place(plan.policy, folder))
    learn = train_effort if plan.name.startswith(EFFORT) else train_by_reward
    outcome = learn.train(plan, start, progress)
    reward_curve.write(folder / f"{plan.name}{reward_curve.SUFFIX}", outcome.curve)
    weights, facts = _differences(plan, outcome.model, folder), {"remarks": outcome.remarks}
    return ship(plan, weights, folder, lambda: held_out(plan, folder), _code(plan), facts=facts)


def _differences(plan: Recipe, model: nn.Module, folder: Path) -> dict[str, Any]:
    """Return by how much a model differs from its start, in four bits on the scale of the differences.

    In eight on the scale of the weights most of them would be lost.
    """
    before = start_of(plan, _place(plan.start, folder)).state_dict()
    moved = {key: value - before[key] for key, value in model.state_dict().items()}
    return int8_packing.paired(int8_packing.packed(moved, int8_packing.PAIRED_LEVELS))


def _collect_responses(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Let a pool answer and write down what came of it, in whole numbers."""
    pool = pool_of(lambda name: engine(name, _place(name, folder)), plan)
    responses, worth = train_responses.collect(plan, pool, progress)
    return ship(plan, responses, folder, lambda: worth, _code(plan))


def _train_table(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Fit a table of strategies to a policy and its judge, and write it."""
    policy = engine(plan.policy, _place(plan.policy, folder))
    own = judge(plan.trunk, _place(plan.trunk, folder))
    table, dev = train_strategies.train(plan, policy, own, progress)
    restore_plan.cache_clear()
    return ship(plan, table, folder, lambda: dev, _code(plan))


def _language_model(plan: Recipe, progress: Progress, folder: Path) -> nn.Module:
    if plan.make == "slack":
        return train_effort.taught(plan, restore(plan.trunk, _place(plan.trunk, folder)), progress)
    if plan.make == "upcycled":
        return train_experts.train(plan, start_of(plan, _place(plan.start, folder)), progress)
    if plan.make == "side_by_side":
        policy = engine(plan.trunk, _place(plan.trunk, folder))
        return train_paths.train(plan, start_of(plan, _place(plan.start, folder)), policy, progress)
    if plan.make == "third":
        start = restore(plan.trunk, folder) if plan.trunk else None
        return order_training.train(plan, progress, start=start)
    if plan.make == "second":
        trunk = restore(plan.trunk, _place(plan.trunk, folder)) if plan.trunk else None
        return short_training.train(plan, progress, start=trunk)
    return train_models.train(plan, progress)


def held_out(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return what a checkpoint scores on problems of the `dev` split."""
    restore.cache_clear()
    return {name: round(value, 4) for name, value in _figures(plan, folder).items()}


def _figures(plan: Recipe, folder: Path) -> dict[str, float]:
    if plan.kind == "router":
        return train_router.report(trio(plan, folder), router_head(plan.name, folder))
    if plan.kind == "judge":
        asked = order_problems.questions("dev", DEV_SEED, DEV_ORDERS)
        return train_judge.report(engine(plan.policy, folder), judge(plan.name, folder), asked)
    if plan.make == "upcycled":
        return _of_splits(routed_engine(plan.name, folder))
    if plan.make == "side_by_side":
        with checkpoints.one_thread():
            return train_paths.report(thought_engine(plan.name, folder))
    policy = engine(plan.name, folder)
    if plan.kind == "reviser":
        return train_revisions.report(policy)
    if plan.name.startswith(EFFORT):
        return train_effort.report(policy)
    if plan.format == "orders":
        return order_figures.report(policy, plan.mistaken)
    return _of_splits(policy)


def _of_splits(policy: Engine) -> dict[str, float]:
    """Return by length and way of drawing the share of questions of the format `splits` that are right."""
    found = {}
    for length in range(1, data.LONGEST + 1):
        problems = list(islice(data.stream("dev", DEV_SEED, [length]), DEV_PROBLEMS))
        for label, temperature in (("greedy", 0.0), ("sampled", 1.0)):
            found[f"{label}_d{length}"] = train_models.accuracy(policy, problems, temperature)
    return found


def _code(plan: Recipe) -> list[ModuleType]:
    """Return the training that a recipe's file depends on."""
    if plan.name.startswith(EFFORT):
        return [train_effort]
    makes = {
        "first": train_models, "second": short_training, "third": order_training,
        "upcycled": train_experts, "side_by_side": train_paths,
    }  # fmt: skip
    trainings = {
        "lm": makes[plan.make], "judge": train_judge, "router": train_router,
        "score": train_scale_score, "responses": train_responses, "table": train_strategies,
        "reviser": train_revisions, "rewarded": train_by_reward,
    }  # fmt: skip
    return [trainings[plan.kind]]


def trio(plan: Recipe, folder: Path) -> train_router.Trio:
    """Return the models that a router's recipe names; in `folder`, else where they were put."""
    draft, target = (engine(name, _place(name, folder)) for name in (plan.policy, plan.target))
    reader = judge(plan.trunk, _place(plan.trunk, folder))
    return train_router.Trio(draft, target, reader)


def _place(name: str, folder: Path) -> Path | None:
    """Return `folder` if a checkpoint is there; None: where it was put."""
    return folder if (folder / f"{name}{checkpoints.SUFFIX}").exists() else None
