"""Granular MLPs of SmolLM2 on disk: order of units, forecasts and gates, and a card beside them.

The units themselves are the model's, which is never shipped. A file has 14 MB, so `adabench train`
fits it once and keeps it in the user's cache folder, under a name that changes with the code that
fits it. Forecasts are in half precision: in eight bits, a scale a row, the divergence of untuned
modules rose from 0.30 to 0.48 nats (four windows of the fitting split).
"""

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import SelectionError
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import (
    unit_files,
    width_fit,
)
from adabench.workloads.depth_width.pretrained.substrate.plans import (
    RealWidths,
    real_width_recipes,
)
from adabench.workloads.depth_width.pretrained.substrate.width_fit import (
    BATCH,
    OBSERVED,
    SETTLED,
    Progress,
    Rows,
)
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealModules,
    RealWidened,
    modules_of,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.int8_packing import HALVES
from adabench.workloads.shared.training.checkpoints import code_digest

FORECASTS = ("narrow", "wide", "constant")
SERVED = (0.6, 0.95)
"""Budgets, least and most, that gates are lent for."""


def train(plan: RealWidths, progress: Progress, folder: Path) -> dict[str, Any]:
    """Fit granular MLPs and write them into `folder`; return the card.

    Divergences are on windows of the fitting split that no step sees.
    """
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        weights, facts = _fitted(plan, progress)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write(weights, folder / f"{plan.name}{SUFFIX}", levels=HALVES)
    return checkpoints.describe(plan, folder, **facts)


def _fitted(plan: RealWidths, progress: Progress) -> tuple[dict[str, Tensor], dict[str, Any]]:
    model = unit_files.fitting_backbone(plan.seed)
    sizes = [OBSERVED, plan.steps * BATCH, SETTLED]
    drawn = torch.from_numpy(unit_files.fitting_windows(plan.seed)[: sum(sizes), :-1].copy())
    _, text, check = torch.split(drawn, sizes)
    begun, seen, harms = _begun(plan.seed, plan.rank)
    modules = deepcopy(begun)
    facts: dict[str, Any] = {"harm": _means(harms)}
    if plan.kind == "static":
        modules.ungate()
    else:
        facts["price"] = round(width_fit.gates(plan, modules, seen, harms), 5)
    facts["divergence_before"] = _settled(plan, modules, check)[1]
    width_fit.tune(plan, model, modules, text, progress)
    modules.requires_grad_(False)
    weights = packed(modules)
    fill(modules, weights)
    leans, facts["divergence"] = _settled(plan, modules, check)
    weights = packed(modules)
    return weights, {"leans": leans, "held_out": facts}


@lru_cache(maxsize=1)
def _begun(seed: int, rank: int) -> tuple[RealModules, list[Rows], list[Tensor]]:
    """Return phase 1, kept for the next recipe of the same process: modules, rows and harms."""
    model = unit_files.fitting_backbone(seed)
    look = torch.from_numpy(unit_files.fitting_windows(seed)[:OBSERVED, :-1].copy())
    modules = modules_of(model, rank)
    seen = width_fit.observe(model, look, seed)
    return modules, seen, width_fit.learners(model, modules, seen)


def _means(harms: list[Tensor]) -> list[float]:
    """Return the mean harm of h_0 .. h_N, summed over modules."""
    total = torch.stack([harm.mean(0) for harm in harms]).sum(0)
    return [round(float(one), 4) for one in total]


def _settled(
    plan: RealWidths, modules: RealModules, check: Tensor
) -> tuple[dict[float, float], float]:
    """Lean gates to the plan's own share, in place; return the leans from there and the divergence.

    Twice: gates that lean see other states than those that they were settled on.
    """
    model = unit_files.fitting_backbone(plan.seed)
    for _ in range(2):
        leans, apart = width_fit.settle(plan, model, modules, check)
        if not leans:
            return leans, round(apart, 4)
        modules.lean(leans[plan.target])
    leans, apart = width_fit.settle(plan, model, modules, check)
    own = leans[plan.target]
    return {share: round(lean - own, 4) for share, lean in leans.items()}, round(apart, 4)


def packed(modules: RealModules) -> dict[str, Tensor]:
    """Return what was fitted as a file holds it."""
    found: dict[str, Tensor] = {}
    for index in range(len(modules.layers)):
        module = modules.at(index)
        for name in FORECASTS:
            found[f"{name}.{index}"] = module.get_parameter(name).data.half()
        found[f"order.{index}"] = module.order.short()
        for key, value in module.gate.state_dict().items():
            found[f"gate.{index}.{key}"] = value.half()
    return {key: value.contiguous() for key, value in found.items()}


@torch.no_grad()
def fill(modules: RealModules, weights: Mapping[str, Tensor]) -> None:
    """Write a file's weights into modules; units are laid out by whoever has the model."""
    for key, value in weights.items():
        name, index, *rest = key.split(".", 2)
        module = modules.at(int(index))
        if name == "gate":
            module.gate.get_parameter(rest[0]).copy_(value)
        elif name == "order":
            module.order.copy_(value)
        else:
            module.get_parameter(name).copy_(value)


@lru_cache(maxsize=2)
def _modules(name: str, share: float | None, folder: Path) -> RealModules:
    plan, path = filed(name, folder)
    model, weights = unit_files.backbone(), checkpoints.read(path)
    shape = model.shape
    found = RealModules(shape.width, shape.hidden, plan.rank, shape.layers)
    if plan.kind == "static":
        found.ungate()
    fill(found, weights)
    found.arrange(model)
    if share is not None:
        card = checkpoints.card_of(path)
        found.lean(_lean({float(k): float(v) for k, v in card["leans"].items()}, share))
    found.made_by = partial(_modules, name, share, folder)
    return found.eval().requires_grad_(False)


def _lean(leans: Mapping[float, float], share: float) -> float:
    """Return how far gates lean for a share; between two known ones it is interpolated.

    Raises:
        SelectionError: for a share that they are not lent for.
    """
    if not SERVED[0] <= share <= SERVED[1]:
        raise SelectionError(
            f"No gate of SmolLM2 is settled for budget={share:g}.",
            f"Ask for {SERVED[0]:g} to {SERVED[1]:g}: below, a pretrained model falls apart.",
        )
    known = sorted(leans)
    return float(np.interp(share, known, [leans[one] for one in known]))


def widened(base: str, folder: Path) -> RealWidened | None:
    """Return the granular model of `acm-75` or `static-3`.

    None if nothing of that kind was ever fitted.

    Raises:
        SelectionError: for a budget that gates are not settled for.
        EnvironmentProblem: if it was not fitted yet.
    """
    kind, _, number = base.rpartition("-")
    name = f"real-width-{number}" if kind == "static" else f"real-{kind}"
    if name not in real_width_recipes():
        return None
    share = None if kind == "static" else int(number) / 100
    if share is not None:
        _lean({0.0: 0.0}, share)
    return RealWidened(unit_files.backbone(), _modules(name, share, folder))


def filed(name: str, folder: Path) -> tuple[RealWidths, Path]:
    """Return a plan and its file."""
    plan = real_width_recipes()[name]
    return plan, unit_files.find(name, plan.forecast_s, (folder, shelf(plan)))


def shelf(plan: RealWidths) -> Path:
    """Return where a fit is kept: by its code, its plan and its backbone."""
    code = code_digest(width_fit)
    words = repr((code, plan, unit_files.backbone().shape))
    return default_folder() / "retrofits" / hashlib.sha256(words.encode()).hexdigest()[:16]
