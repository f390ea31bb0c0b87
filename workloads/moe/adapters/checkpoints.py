"""Checkpoints: packed safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, and what the file as it is
shipped, packed, scores on held-out sequences.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from adabench.workloads.moe.adapters.recipes import (
    RATES,
    START_RATES,
    SURVEY,
    TEXT,
    TEXT_RATES,
    TEXT_STATES,
    Recipe,
    recipes,
)
from adabench.workloads.moe.adapters.substrate import (
    inventory,
    pretrained,
    tuned_rates,
    tuning_kinds,
)
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.pretrained import BASE, FOLDER, HISTORY
from adabench.workloads.moe.adapters.substrate.text_base import text_base
from adabench.workloads.moe.adapters.training import (
    pretrain,
    text_tuning,
    train_base,
    tune_rates,
)
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training import checkpoints, weight_packing
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.recipe_card import ship


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    The base and what it goes on from are read from `folder`, or from where they were put.

    Raises:
        SelectionError: if there is no recipe of that name.
        EnvironmentProblem: if what it builds on was not trained yet.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    folder.mkdir(parents=True, exist_ok=True)
    with checkpoints.one_thread():
        weights = _weights(recipe, progress, folder)
        packed = weight_packing.packed(weights, recipe.levels)
        base = train_base if recipe.kind == BASE else pretrain
        module = text_tuning if _is_text(recipe) else tune_rates if _is_grid(recipe) else base
        return ship(
            recipe, packed, folder, lambda: held_out(recipe, folder), [module], under="held_out"
        )


def _weights(recipe: Recipe, progress: Progress, folder: Path) -> dict[str, Tensor]:
    if recipe.kind == BASE:
        return train_base.train(recipe, progress)
    if _is_text(recipe):
        return _of_texts(recipe, progress, folder)
    if _is_grid(recipe):
        return tune_rates.train(recipe, pretrained.trained_base(_read(BASE, folder)), progress)
    trunk = _read(recipe.trunk, folder) if recipe.trunk else None
    return pretrain.train(recipe, pretrained.trained_base(_read(BASE, folder)), progress, trunk)


def _of_texts(recipe: Recipe, progress: Progress, folder: Path) -> dict[str, Tensor]:
    if recipe.kind == TEXT_STATES:
        return text_tuning.encode(progress)
    stored, trunk = _read(pretrained.STATES, folder), _read(recipe.trunk, folder)
    base = text_base(smollm2.load()[0], stored, int(stored["trained_on"]))
    answers = text_tuning.stored_answers(stored)
    if recipe.kind.startswith(TEXT_RATES):
        return text_tuning.score_rates(recipe, base, answers, progress)
    rate = text_tuning.best_rate(recipe.kind, trunk["scores"].tolist())
    return text_tuning.train(recipe, base, answers, rate, progress)


def held_out(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Return what a file as it is shipped scores on sequences that it was not trained on."""
    pretrained.forget()
    weights = _read(recipe.name, folder)
    if "scores" in weights:
        scores = [round(float(one), 4) for one in weights["scores"]]
        kind = recipe.kind
        text = kind.startswith(TEXT_RATES)
        rates = (
            tuned_rates.text_grid(kind.replace("rates-", "")) if text else tuned_rates.grid(kind)
        )
        return dict(zip((f"{rate:g}" for rate in rates), scores, strict=True))
    if recipe.kind == TEXT_STATES:
        return {"texts": sum(name.isdigit() for name in weights)}
    if _is_text(recipe):
        return {
            key.removeprefix(HISTORY): float(one) for key, one in weights.items() if HISTORY in key
        }
    if recipe.kind == BASE:
        return {"accuracy_plain": round(pretrained.plain_accuracy(Base(weights)), 4)}
    own = {key: value for key, value in weights.items() if not key.startswith("history.")}
    base, naming = pretrained.trained_base(_read(BASE, folder)), pretrain.naming_of(recipe)
    found = pretrain.accuracy(base, _adapter(recipe, own), naming, Work())
    history = {key.removeprefix("history."): float(weights[key]) for key in weights.keys() - own}
    return {
        name: round(value, 4) for name, value in sorted((history | {"accuracy": found}).items())
    }


def _is_grid(recipe: Recipe) -> bool:
    return recipe.kind.startswith((RATES, START_RATES))


def _is_text(recipe: Recipe) -> bool:
    return recipe.kind.startswith(TEXT)


def _adapter(recipe: Recipe, weights: dict[str, Tensor]) -> Adapter:
    """Return an adapter as its kind is read."""
    if recipe.kind in SURVEY:
        return tuning_kinds.read(recipe.kind, weights)
    if recipe.kind == "mhr-mu" or recipe.kind.startswith("lora-"):
        return lora(weights)
    if pretrain.is_inventory(recipe.kind):
        return inventory.inventory(weights)
    return pretrain.mixture(recipe.kind, weights)


def _read(name: str, folder: Path) -> dict[str, Tensor]:
    there = (folder / f"{name}{checkpoints.SUFFIX}").exists()
    return pretrained.restored(name, folder if there else None)
