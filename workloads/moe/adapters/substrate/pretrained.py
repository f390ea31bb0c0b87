"""The base, and adapters trained on the 48 tasks: shipped, or in the user's cache.

The weights of an adapter are stored beside its history (`history.NAME`), what was measured while it was
trained: those are numbers of a training, not of a run.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, MissingAbility
from adabench.workloads.moe.adapters.recipes import TRAININGS, recipes
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.few_shot import predict
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import WORDS, draw_plain
from adabench.workloads.moe.adapters.substrate.text_base import text_base
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training import checkpoints, weight_packing

FOLDER = Path(__file__).parents[1] / "checkpoints"
BASE = "base"
STATES = "text-states-s0"
STEPS = 450
"""Of pre-training, by default: a budget at which not all adapters have learned all tasks."""
HISTORY = "history."
PLAIN, PLAIN_SEED = 512, 1_000_305
"""Plain sequences that a base is asked, apart from those of its training."""
KNOWS = 0.9
"""Of their answers, what a trained base has right at the least."""


def recipe_name(kind: str, naming: str = "named", budget: str = "steps", steps: int = STEPS) -> str:
    """Return the name of a kind's recipe under conditions, without its seed."""
    parts = [kind, "hidden" if naming == "hidden" else ""]
    parts.append("seconds" if budget == "seconds" else "" if steps == STEPS else str(steps))
    return "-".join(part for part in parts if part)


@lru_cache(maxsize=1)
def base() -> Base:
    """Return the frozen base.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    return trained_base(restored(BASE))


@lru_cache(maxsize=1)
def smollm2_base() -> Base:
    """Return the upper layers of SmolLM2 on stored states of texts.

    Raises:
        MissingExtra: without transformers or the weights.
        EnvironmentProblem: if the states were not computed yet.
    """
    stored = restored(STATES)
    return text_base(smollm2.load()[0], stored, int(stored["trained_on"]))


def trained_base(weights: dict[str, Tensor]) -> Base:
    """Return the base of given weights, once it has shown that it knows what it was taught.

    Raises:
        EnvironmentProblem: if it does not: beside random features adapters say nothing of tuning.
    """
    found = Base(weights)
    right = plain_accuracy(found)
    if right < KNOWS:
        raise EnvironmentProblem(
            f"The base was not trained: it answers {right:.0%} of plain sequences, and an adapter "
            "beside random features says nothing of tuning.",
            "Make it anew, in about 20 s: adabench train base.",
        )
    return found


def plain_accuracy(base: Base) -> float:
    """Return the share of right answers on plain sequences that a base was not trained on."""
    batch = draw_plain(np.random.Generator(np.random.PCG64(PLAIN_SEED)), PLAIN)
    said = predict(base, NOTHING, batch.tokens, batch.tasks, Work())[:, WORDS + 1 :]
    return float((said.numpy() == batch.answers).mean())


def adapter(name: str, seed: int) -> dict[str, Tensor]:
    """Return the weights of the adapter of that name whose training a run seed takes.

    Raises:
        MissingAbility: if it was not trained yet: the run skips what needs it.
        SelectionError: if no recipe has that name.
    """
    full = of_seed(name, seed)
    recipe = checkpoints.find_recipe(full, recipes())
    if not checkpoints.is_there(full, FOLDER):
        raise MissingAbility(
            f"The adapter {full} is not here, and a run trains nothing.",
            f"Make it first, in about {recipe.forecast_s} s: adabench train '{name}-s[0-4]'.",
        )
    found = restored(full)
    checkpoints.note(full, FOLDER)
    return {key: value for key, value in found.items() if not key.startswith(HISTORY)}


def of_seed(name: str, seed: int) -> str:
    """Return the full name of the training that a run seed takes, of those that are there."""
    there = [k for k in range(TRAININGS) if checkpoints.is_there(f"{name}-s{k}", FOLDER)]
    return f"{name}-s{there[seed % len(there)] if there else 0}"


def history(full: str) -> dict[str, float]:
    """Return what was measured while an adapter was trained; nothing for one that was not."""
    if not full:
        return {}
    found = restored(full).items()
    return {
        key.removeprefix(HISTORY): float(value) for key, value in found if key.startswith(HISTORY)
    }


def forget() -> None:
    """Read files anew: they were written."""
    restored.cache_clear()
    smollm2_base.cache_clear()
    base.cache_clear()


@lru_cache(maxsize=64)
def restored(full: str, folder: Path | None = None) -> dict[str, Tensor]:
    """Return what a file holds, in single precision, from a folder, or from where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
        SelectionError: if no recipe has that name.
    """
    recipe = checkpoints.find_recipe(full, recipes())
    place = folder or checkpoints.home(full, FOLDER)
    return weight_packing.unpacked(checkpoints.weights(full, place, recipe.forecast_s))
