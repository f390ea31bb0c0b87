"""Dr.LLM's routers for SmolLM2 on disk: a file of weights, and a card with the static paths.

The file has 1.1 MB in half precision and is shipped; where it is not there, `adabench train
real-dr-llm` fits it once and keeps it in the user's cache folder, under a name that changes with
the code that fits it. A run never fits: it would take minutes, unasked.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.provenance.environment import source_digest
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import train_window_routers, unit_files
from adabench.workloads.depth_width.pretrained.substrate.path_recipes import (
    RealPathfinding,
    real_path_recipes,
)
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers
from adabench.workloads.depth_width.substrate.smollm2.llama_backbone import RealBackbone

FITTERS = (
    "path_routers",
    "path_search",
    "real_model",
    "real_path_fit",
    "real_path_recipes",
    "real_path_search",
    "real_paths",
)
"""The modules that decide what a fitted file holds."""


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
        drawn = torch.from_numpy(unit_files._drawn(plan.seed)[:, :-1].copy())
        taught = train_window_routers.train(plan, unit_files._quick(plan.seed), drawn, progress)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half() for key, value in taught.routers.state_dict().items()}
    save_file(weights, folder / f"{plan.name}.safetensors")
    statics = {str(length): list(path) for length, path in taught.statics.items()}
    card = {"recipe": plan.name, **asdict(plan), "static": statics, **taught.facts}
    (folder / f"{plan.name}.json").write_text(json.dumps(card) + "\n", encoding="utf-8")
    return card


def guided(name: str, folder: Path) -> RealGuided:
    """Return the whole model with its routers, in single precision.

    Raises:
        EnvironmentProblem: if they were not fitted yet, or never are.
    """
    return RealGuided(unit_files.backbone(), _routers(_filed(name, folder)))


@lru_cache(maxsize=1)
def _routers(path: Path) -> Routers:
    shape = unit_files.backbone().shape
    routers = Routers(shape.width, shape.layers)
    routers.load_state_dict(load_file(path))
    return routers.eval().requires_grad_(False)


def static_path(name: str, length: int, folder: Path) -> tuple[int, ...]:
    """Return the static path of a length, as it was found beside the routers.

    Raises:
        EnvironmentProblem: if it was not searched yet.
        SelectionError: for a length that was not.
    """
    card = json.loads(_filed(name, folder).with_suffix(".json").read_text(encoding="utf-8"))
    known = {int(key): tuple(path) for key, path in card["static"].items()}
    if length not in known:
        raise SelectionError(
            f"At scale real no static path of length={length} was searched.",
            f"Ask for {min(known)} to {max(known)}.",
        )
    return known[length]


def _filed(name: str, folder: Path) -> Path:
    plan = real_path_recipes().get(name)
    if plan is None:
        raise EnvironmentProblem(f"No routers called {name!r} were taught on SmolLM2.")
    return unit_files.found(name, plan.forecast_s, (folder, kept(plan)))


def kept(plan: RealPathfinding) -> Path:
    """Return where a fit is kept: by its code, its plan and its backbone."""
    here = Path(__file__).parent
    code = source_digest([here / f"{name}.py" for name in FITTERS])
    words = repr((code, plan, unit_files.backbone().shape))
    return default_folder() / "retrofits" / hashlib.sha256(words.encode()).hexdigest()[:16]
