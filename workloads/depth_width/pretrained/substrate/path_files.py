"""Dr.LLM's routers for a pretrained model on disk: weights, and a card with the static paths.

SmolLM2's have 1.1 MB in half precision and are shipped. Where a file lies, and when it is fitted, is
in `fitted_file.py`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.pretrained.substrate import (
    fitted_file,
    model_and_text,
    plans,
    train_window_routers,
)
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import (
    need_length,
    need_paths,
)
from adabench.workloads.depth_width.pretrained.substrate.fitted_file import Progress
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.plans import RealPathfinding
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers
from adabench.workloads.shared.sources.torch_place import torch_device
from adabench.workloads.shared.training.int8_packing import HALVES

CODE = (train_window_routers,)
"""The code that fits: a file is known by it."""


@dataclass(frozen=True)
class RealGuided:
    """The whole model and its routers."""

    model: Decoder
    routers: Routers


def train(
    plan: RealPathfinding, source: ModelAndText, progress: Progress, folder: Path
) -> dict[str, Any]:
    """Search, teach and write routers into `folder`; return the card."""
    device = torch_device(source.device)
    with one_thread(), torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(plan.seed)
        model = model_and_text.fitting_backbone(source)
        rows = fitted_file.fitting_rows(source, plan.seed, plan.windows)
        taught = train_window_routers.train(plan, model, rows, progress)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.cpu() for key, value in taught.routers.state_dict().items()}
    checkpoints.write(weights, folder / f"{plan.name}{SUFFIX}", levels=HALVES)
    statics = {str(length): list(path) for length, path in taught.statics.items()}
    return checkpoints.describe(plan, folder, static=statics, **taught.facts)


def guided(name: str, source: ModelAndText) -> RealGuided:
    """Return the whole model with its routers, taught first if need be.

    Raises:
        SelectionError: if no routers of that name are taught, or none on this text.
    """
    need_paths(model_and_text.shape(source))
    model = model_and_text.backbone(source)
    routers = _routers(filed(name, source), model.shape.width, model.shape.layers)
    return RealGuided(model, routers.to(model.embed.weight.device))


@lru_cache(maxsize=1)
def _routers(path: Path, width: int, layers: int) -> Routers:
    routers = Routers(width, layers)
    routers.load_state_dict(checkpoints.read(path))
    return routers.eval().requires_grad_(False)


def static_path(name: str, length: int, source: ModelAndText) -> tuple[int, ...]:
    """Return the static path of a length, as it was found beside the routers.

    Raises:
        MissingAbility: for a length that was not searched.
    """
    need_length(model_and_text.shape(source), length)
    card = checkpoints.card_of(filed(name, source))
    return tuple(card["static"][str(length)])


def filed(name: str, source: ModelAndText) -> Path:
    """Return the file of routers, taught first if need be.

    Raises:
        SelectionError: if no routers of that name are taught.
    """
    known = plans.path_plans(model_and_text.shape(source), source.share)
    if name not in known:
        raise SelectionError(
            f"No routers called {name!r} are taught.", f"Known: {', '.join(known)}."
        )
    return fitted_file.fitted_file(known[name], source, train, *CODE)
