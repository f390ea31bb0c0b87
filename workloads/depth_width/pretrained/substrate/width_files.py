"""Granular MLPs of a pretrained model on disk: order of units, forecasts and gates, and a card.

The units themselves are the model's. SmolLM2's file has 14 MB and is not shipped. Where a file lies,
and when it is fitted, is in `fitted_file.py`. Forecasts are in half precision: in eight bits, a scale
a row, the divergence of untuned modules rose from 0.30 to 0.48 nats (four windows of the fitting
split).
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.pretrained.substrate import (
    fitted_file,
    model_and_text,
    plans,
    unit_files,
    width_fit,
)
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import need_learners
from adabench.workloads.depth_width.pretrained.substrate.fitted_file import Progress
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.plans import RealWidths, scaled
from adabench.workloads.depth_width.pretrained.substrate.width_fit import (
    BATCH,
    OBSERVED,
    SETTLED,
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
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.shared.sources.torch_place import torch_device
from adabench.workloads.shared.training.int8_packing import HALVES

CODE = (width_fit,)
"""The code that fits: a file is known by it."""
FORECASTS = ("narrow", "wide", "constant")
SERVED = (0.6, 0.95)
"""Budgets, least and most, that gates are lent for."""


def train(
    plan: RealWidths, source: ModelAndText, progress: Progress, folder: Path
) -> dict[str, Any]:
    """Fit granular MLPs and write them into `folder`; return the card.

    Divergences are on windows of the fitting split that no step sees.
    """
    device = torch_device(source.device)
    with one_thread(), torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(plan.seed)
        weights, facts = _fitted(plan, source, progress)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.cpu() for key, value in weights.items()}
    checkpoints.write(weights, folder / f"{plan.name}{SUFFIX}", levels=HALVES)
    return checkpoints.describe(plan, folder, **facts)


def _fitted(
    plan: RealWidths, source: ModelAndText, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    model = model_and_text.fitting_backbone(source)
    sizes = [scaled(OBSERVED, plan.text), plan.steps * BATCH, scaled(SETTLED, plan.text)]
    rows = fitted_file.fitting_rows(source, plan.seed, sum(sizes))
    _, text, check = torch.split(rows, sizes)
    begun, seen, harms = _begun(source, plan.seed, plan.rank)
    modules = deepcopy(begun)
    facts: dict[str, Any] = {"harm": _means(harms)}
    if plan.kind == "static":
        modules.ungate()
    else:
        facts["price"] = round(width_fit.gates(plan, modules, seen, harms), 5)
    facts["divergence_before"] = _settled(plan, model, modules, check)[1]
    width_fit.tune(plan, model, modules, text, progress)
    modules.requires_grad_(False)
    weights = packed(modules)
    fill(modules, weights)
    leans, facts["divergence"] = _settled(plan, model, modules, check)
    weights = packed(modules)
    return weights, {"leans": leans, "held_out": facts}


@lru_cache(maxsize=1)
def _begun(
    source: ModelAndText, seed: int, rank: int
) -> tuple[RealModules, list[Rows], list[Tensor]]:
    """Return phase 1, kept for the next recipe of the same process: modules, rows and harms."""
    model = model_and_text.fitting_backbone(source)
    look = fitted_file.fitting_rows(source, seed, scaled(OBSERVED, source.share))
    modules = modules_of(model, rank)
    seen = width_fit.observe(model, look, seed)
    return modules, seen, width_fit.learners(model, modules, seen)


def _means(harms: list[Tensor]) -> list[float]:
    """Return the mean harm of h_0 .. h_N, summed over modules."""
    total = torch.stack([harm.mean(0) for harm in harms]).sum(0)
    return [round(float(one), 4) for one in total]


def _settled(
    plan: RealWidths, model: Decoder, modules: RealModules, check: Tensor
) -> tuple[dict[float, float], float]:
    """Lean gates to the plan's own share, in place; return the leans from there and the divergence.

    Twice: gates that lean see other states than those that they were settled on.
    """
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
def _modules(name: str, share: float | None, source: ModelAndText) -> RealModules:
    plan = _plans(source)[name]
    path = filed(plan, source)
    model, weights = model_and_text.backbone(source), checkpoints.read(path)
    shape = model.shape
    found = RealModules(shape.width, shape.hidden, plan.rank, shape.layers)
    if plan.kind == "static":
        found.ungate()
    fill(found, weights)
    if share is not None:
        card = checkpoints.card_of(path)
        found.lean(_lean({float(k): float(v) for k, v in card["leans"].items()}, share))
    found = unit_files.beside(found, source)
    found.arrange(model)
    found.made_by = partial(_modules, name, share, source)
    return found.eval().requires_grad_(False)


def _lean(leans: Mapping[float, float], share: float) -> float:
    """Return how far gates lean for a share; between two known ones it is interpolated.

    Raises:
        SelectionError: for a share that they are not lent for.
    """
    if not SERVED[0] <= share <= SERVED[1]:
        raise SelectionError(
            f"No gate is settled for budget={share:g}.",
            f"Ask for {SERVED[0]:g} to {SERVED[1]:g}: below, a pretrained model falls apart.",
        )
    known = sorted(leans)
    return float(np.interp(share, known, [leans[one] for one in known]))


def widened(base: str, source: ModelAndText) -> RealWidened | None:
    """Return the granular model of `acm-75` or `static-3`, fitted first if need be.

    None if nothing of that kind is ever fitted.

    Raises:
        SelectionError: for a budget that gates are not settled for.
        MissingAbility: for MLPs that cannot be cut into equal learners.
    """
    kind, _, number = base.rpartition("-")
    name = f"real-width-{number}" if kind == "static" else f"real-{kind}"
    if name not in _plans(source):
        return None
    need_learners(model_and_text.shape(source))
    share = None if kind == "static" else int(number) / 100
    if share is not None:
        _lean({0.0: 0.0}, share)
    filed(_plans(source)[name], source)  # noted each time that it is handed out
    return RealWidened(model_and_text.backbone(source), _modules(name, share, source))


def filed(plan: RealWidths, source: ModelAndText) -> Path:
    """Return a plan's file, fitted first if need be."""
    return fitted_file.fitted_file(plan, source, train, *CODE)


def _plans(source: ModelAndText) -> dict[str, RealWidths]:
    return plans.width_plans(model_and_text.shape(source), source.share)
