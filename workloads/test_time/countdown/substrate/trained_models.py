"""Policies of Countdown that are shipped or in the user's cache, behind engines, in single precision."""

from functools import lru_cache
from pathlib import Path

from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import checkpoints, int8_packing
from adabench.workloads.test_time.countdown.recipes import FOLDER, FOLLOWING, POLICY, recipes
from adabench.workloads.test_time.substrate.search_models import Models


def policy_name(seed: int, trainings: int) -> str:
    """Return the name of the training that a run seed takes."""
    return f"{POLICY}-s{seed % trainings}"


def models(seed: int, trainings: int) -> Models:
    """Return the engine of a run seed, and those of the other policies of its training.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    name = policy_name(seed, trainings)
    following = {}
    for how in FOLLOWING:
        own = f"{POLICY}-{how}-s{seed % trainings}"
        if checkpoints.is_there(own, FOLDER):
            following[how] = Models(engine(own), None, (own,), FOLDER)
    return Models(
        engine(name), None, (name,), FOLDER,
        successors=following, successor_recipes=f"countdown/{POLICY}-{{}}-s*",
    )  # fmt: skip


def engine(name: str, folder: Path | None = None) -> NativeEngine:
    """Return an engine over a checkpoint's policy."""
    return NativeEngine(restore(name, folder), name.rpartition("-s")[0])


@lru_cache(maxsize=16)
def restore(name: str, folder: Path | None = None) -> LanguageModel:
    """Return a checkpoint's policy, by default of where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    found = checkpoints.weights(name, folder or checkpoints.home(name, FOLDER), recipe.forecast_s)
    weights = int8_packing.unpacked(found)
    if recipe.start:  # what is written is by how much they differ from it
        there = folder is not None and (folder / f"{recipe.start}{checkpoints.SUFFIX}").exists()
        before = restore(recipe.start, folder if there else None).state_dict()
        weights = {key: before[key] + value for key, value in weights.items()}
    model = LanguageModel(recipe.shape)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)
