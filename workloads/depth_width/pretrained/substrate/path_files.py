"""Dr.LLM's routers for SmolLM2 on disk: a file of weights, and a card with the static paths.

The file has 1.1 MB in half precision and is shipped; where it is not there, `adabench train
real-dr-llm` fits it once and keeps it in the user's cache folder, under a name that changes with
the code that fits it. A run never fits: it would take minutes, unasked.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import (
    train_window_routers,
    unit_files,
)
from adabench.workloads.depth_width.pretrained.substrate.plans import (
    RealPathfinding,
    real_path_recipes,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.int8_packing import HALVES
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers
from adabench.workloads.depth_width.substrate.smollm2.llama_backbone import RealBackbone
from adabench.workloads.shared.training.checkpoints import code_digest


@dataclass(frozen=True)
class RealGuided:
    """The whole model and its routers."""

    model: RealBackbone
    routers: Routers


def train(
    plan: RealPathfinding, progress: Callable[[int, int], None], folder: Path
) -> dict[str, Any]:
    """Search, teach and write routers into `folder`; return the card."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        drawn = torch.from_numpy(unit_files.fitting_windows(plan.seed)[:, :-1].copy())
        taught = train_window_routers.train(
            plan, unit_files.fitting_backbone(plan.seed), drawn, progress
        )
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write(taught.routers.state_dict(), folder / f"{plan.name}{SUFFIX}", levels=HALVES)
    statics = {str(length): list(path) for length, path in taught.statics.items()}
    return checkpoints.describe(plan, folder, static=statics, **taught.facts)


def guided(name: str, folder: Path) -> RealGuided:
    """Return the whole model with its routers, in single precision.

    Raises:
        EnvironmentProblem: if they were not fitted yet, or never are.
    """
    return RealGuided(unit_files.backbone(), _routers(filed(name, folder)))


@lru_cache(maxsize=1)
def _routers(path: Path) -> Routers:
    shape = unit_files.backbone().shape
    routers = Routers(shape.width, shape.layers)
    routers.load_state_dict(checkpoints.read(path))
    return routers.eval().requires_grad_(False)


def static_path(name: str, length: int, folder: Path) -> tuple[int, ...]:
    """Return the static path of a length, as it was found beside the routers.

    Raises:
        EnvironmentProblem: if it was not searched yet.
        SelectionError: for a length that was not.
    """
    card = checkpoints.card_of(filed(name, folder))
    known = {int(key): tuple(path) for key, path in card["static"].items()}
    if length not in known:
        raise SelectionError(
            f"No static path of SmolLM2 of length={length} was searched.",
            f"Ask for {min(known)} to {max(known)}.",
        )
    return known[length]


def filed(name: str, folder: Path) -> Path:
    """Return the file of routers that were taught.

    Raises:
        EnvironmentProblem: if they were not taught yet, or never are.
    """
    plan = real_path_recipes().get(name)
    if plan is None:
        raise EnvironmentProblem(f"No routers called {name!r} were taught on SmolLM2.")
    return unit_files.find(name, plan.forecast_s, (folder, shelf(plan)))


def shelf(plan: RealPathfinding) -> Path:
    """Return where a fit is kept: by its code, its plan and its backbone."""
    code = code_digest(train_window_routers)
    words = repr((code, plan, unit_files.backbone().shape))
    return default_folder() / "retrofits" / hashlib.sha256(words.encode()).hexdigest()[:16]
