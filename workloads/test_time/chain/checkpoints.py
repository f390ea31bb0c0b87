"""Checkpoints: safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and what it
scored on the `dev` split. Everything is measured on the file as it is shipped: in fp16, and where a recipe's
format is `orders` in eight bits, heads aside.
"""

from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from adabench.workloads.shared.training import checkpoints, int8_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship
from adabench.workloads.test_time.chain.recipes import ATTEMPT_JUDGE, Recipe, recipes
from adabench.workloads.test_time.chain.substrate import problems as data
from adabench.workloads.test_time.chain.substrate.configuration_pool import pool_of
from adabench.workloads.test_time.chain.substrate.step_modes import restore_score
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    judge,
    restore,
    restore_plan,
    router_head,
)
from adabench.workloads.test_time.chain.training import (
    order_figures,
    order_training,
    short_training,
    train_judge,
    train_models,
    train_responses,
    train_revision_judge,
    train_revisions,
    train_router,
    train_scale_score,
    train_strategies,
)
from adabench.workloads.test_time.chain.training.forms import ORDERS, form_of

DEV_SEED, DEV_LENGTHS, DEV_PROBLEMS = 5, (4, 6), 100
DEV_ORDERS = 160
"""Questions of the format `orders` to which a judge is held."""


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
    make = train_judge if plan.kind == "judge" else train_revision_judge
    model, head = make.train(plan, trunk, policy, progress)
    return {"": model, "head.": head}


def _train_score(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Fit a score to a policy and write it; its numbers are few, and stay in single precision."""
    score, dev = train_scale_score.train(plan, engine(plan.policy, folder), progress)
    restore_score.cache_clear()
    return ship(plan, score, folder, lambda: dev, _code(plan))


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
    if plan.format == "orders":
        start = restore(plan.trunk, folder) if plan.trunk else None
        return order_training.train(plan, progress, start=start)
    if plan.make == "second":
        return short_training.train(plan, progress)
    start = restore(plan.trunk, folder) if plan.trunk else None
    return train_models.train(plan, progress, start=start)


def held_out(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return what a checkpoint scores on problems of the `dev` split."""
    restore.cache_clear()
    if plan.kind == "router":
        found = train_router.report(trio(plan, folder), router_head(plan.name, folder))
        return {name: round(value, 4) for name, value in found.items()}
    if plan.kind == "judge":
        found = _judge_figures(plan, folder)
        return {name: round(value, 4) for name, value in found.items()}
    if plan.kind == "revision-judge":
        judges = judge(plan.name, folder), judge(ATTEMPT_JUDGE, FOLDER)
        found = train_revision_judge.report(engine(plan.policy, folder), *judges)
        return {name: round(value, 4) for name, value in found.items()}
    policy = engine(plan.name, folder)
    if plan.kind == "reviser":
        found = train_revisions.report(policy, form_of(plan))
        return {name: round(value, 4) for name, value in found.items()}
    if plan.format == "orders":
        figures = order_figures.report(policy, plan.mistaken)
        return {name: round(value, 4) for name, value in figures.items()}
    found = {}
    for length in range(1, data.LONGEST + 1):
        problems = list(islice(data.stream("dev", DEV_SEED, [length]), DEV_PROBLEMS))
        for label, temperature in (("greedy", 0.0), ("sampled", 1.0)):
            found[f"{label}_d{length}"] = train_models.accuracy(policy, problems, temperature)
    return {name: round(value, 4) for name, value in found.items()}


def _judge_figures(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return how well a judge of single solutions tells right from wrong, and chooses."""
    policy, own = engine(plan.policy, folder), judge(plan.name, folder)
    if plan.format == "orders":
        asked = ORDERS.problems("dev", DEV_SEED, DEV_ORDERS)
        return train_judge.report(policy, own, asked, form=ORDERS)
    problems = list(islice(data.stream("dev", DEV_SEED, DEV_LENGTHS), DEV_PROBLEMS))
    return train_judge.report(policy, own, problems)


def _code(plan: Recipe) -> list[ModuleType]:
    """Return the training that a recipe's file depends on."""
    own = short_training if plan.make == "second" else train_models
    if plan.make == "third":
        own = order_training
    trainings = {
        "lm": own, "judge": train_judge, "router": train_router, "score": train_scale_score,
        "responses": train_responses,
        "table": train_strategies,
        "reviser": train_revisions, "revision-judge": train_revision_judge,
    }  # fmt: skip
    return [trainings[plan.kind]]


def trio(plan: Recipe, folder: Path) -> train_router.Trio:
    """Return the models that a router's recipe names; in `folder`, else where they were put."""
    draft, target = (engine(name, _place(name, folder)) for name in (plan.policy, plan.target))
    reader = judge(plan.trunk, _place(plan.trunk, folder))
    return train_router.Trio(draft, target, reader, form_of(plan))


def _place(name: str, folder: Path) -> Path | None:
    """Return `folder` if a checkpoint is there; None: where it was put."""
    return folder if (folder / f"{name}{checkpoints.SUFFIX}").exists() else None
