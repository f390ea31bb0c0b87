"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file, a digest of the sources it was made with, the offsets, and the
worst-case losses that the shipped fp16 file was measured to have, with fresh adversaries.
"""

import ast
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.active_search import training
from adabench.workloads.active_search.families import CLASSES
from adabench.workloads.active_search.network import Learned, Network
from adabench.workloads.active_search.recipes import Recipe, recipes

FOLDER = Path(__file__).with_name("checkpoints")
HELD_OUT_SEED = 4000
SOURCES = ("adversary.py", "bandit.py", "difficulty.py", "network.py", "training.py")
Progress = Callable[[int, int], None]


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    known = recipes()
    if name not in known:
        raise SelectionError(f"There is no recipe called {name!r}.", nearest(name, known))
    return known[name]


def train(
    name: str, progress: Progress = lambda done, steps: None, *, folder: Path = FOLDER
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card."""
    return follow(recipe(name), progress, folder)


def follow(plan: Recipe, progress: Progress, folder: Path) -> dict[str, Any]:
    """Train what a plan says, on one thread: sums of several threads are not reproducible."""
    folder.mkdir(parents=True, exist_ok=True)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, plan.steps)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found, offsets = training.school(CLASSES, plan.seed, plan.shared, plan.own, plan.rate, tick)
        weights = {
            f"{who}.{key}": value.half().contiguous()
            for who, network in found.items()
            for key, value in network.state_dict().items()
        }
        save_file(weights, folder / f"{plan.name}.safetensors")
        restore.cache_clear()
        card = asdict(plan) | {
            "source": source_digest(),
            "offsets": [round(float(offset), 4) for offset in offsets],
            "held_out": held_out(plan, folder),
        }
    finally:
        torch.set_num_threads(threads)
    (folder / f"{plan.name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


@lru_cache(maxsize=16)
def restore(name: str, folder: Path = FOLDER) -> dict[str, Learned]:
    """Return a checkpoint's policies by name, in fp32.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise EnvironmentProblem(
            f"The checkpoint {name} is not in {folder.name}/.", f"`adabench train {name}` makes it."
        )
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(path).items():
        who, _, weight = key.partition(".")
        parts.setdefault(who, {})[weight] = value.float()
    policies = {}
    for who, weights in parts.items():
        network = Network()
        network.load_state_dict(weights)
        policies[who] = Learned(network.requires_grad_(False))
    return policies


def trained(who: str) -> tuple[Learned, ...]:
    """Return the policy of that name of each training seed that is there.

    Raises:
        EnvironmentProblem: if none was trained yet.
    """
    there = [name for name in recipes() if (FOLDER / f"{name}.safetensors").exists()]
    return tuple(restore(name)[who] for name in there or ["policies-s0"])


def held_out(plan: Recipe, folder: Path) -> dict[str, float]:
    """Return worst-case losses of the shipped file by class: specialist, robust, prior."""
    policies, found = restore(plan.name, folder), {}
    for k, hard in enumerate(CLASSES):
        for who in (f"specialist-{k}", "robust", "prior"):
            loss = training.measured(policies[who].network, float(hard), HELD_OUT_SEED + plan.seed)
            found[f"{who.partition('-')[0]}_r{hard:.0f}"] = round(loss, 4)
    return found


def source_digest() -> str:
    """Return a digest of the code that a training depends on; comments do not count."""
    digest = hashlib.sha256()
    for name in SOURCES:
        tree = ast.parse((Path(__file__).parent / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body: Any = getattr(node, "body", [])
            if isinstance(body, list):
                body[:] = [part for part in body if not _is_text(part)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
