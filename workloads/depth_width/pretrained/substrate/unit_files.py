"""Routers, forecasters and exits on disk: the units that have parts, and a card beside them.

Forecasters are in eight bits, a scale a row, and routers in half precision (`int8_packing.py`). Routers
are set to their share, and divergences noted, with what the file holds. Where a file lies, and when
it is fitted, is in `fitted_file.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.pretrained.substrate import (
    early_exits,
    fitted_file,
    model_and_text,
    plans,
    refine,
    skip_damage,
)
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import need_exits
from adabench.workloads.depth_width.pretrained.substrate.fitted_file import Progress
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.plans import RealRetrofit, scaled
from adabench.workloads.depth_width.pretrained.substrate.refine import RealParts
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts
from adabench.workloads.shared.sources.torch_place import torch_device

M = TypeVar("M", bound=nn.Module)
CODE = (early_exits, skip_damage)
"""The code that fits: a file is known by it."""
_OBSERVED, _JUDGED = 32, 48
"""Windows that the closed form looks at, and of one judgement."""
_CHECKED = 24
"""Windows that divergences are noted on, and nothing else."""


@dataclass(frozen=True)
class _Observed:
    """What recipes of one seed are fitted to."""

    seen: closed_form_fit.Seen
    first: refine.Text
    second: refine.Text
    third: Tensor
    """Windows [n, T], as are those that shares are set on."""
    settled: Tensor
    check: refine.Text


def train(
    plan: RealRetrofit, source: ModelAndText, progress: Progress, folder: Path
) -> dict[str, Any]:
    """Fit a retrofit and write it into `folder`; return its card."""
    device = torch_device(source.device)
    with one_thread(), torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(plan.seed)
        weights, facts = (_lenses if plan.kind == "exits" else _parts)(plan, source, progress)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.cpu() for key, value in weights.items()}
    checkpoints.write(weights, folder / f"{plan.name}{SUFFIX}")
    return checkpoints.describe(plan, folder, **facts)


def _parts(
    plan: RealRetrofit, source: ModelAndText, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit routers and forecasters; divergences are on windows of the fitting split that nothing
    else sees.
    """
    model = model_and_text.fitting_backbone(source)
    text = closed_form_fit.observed(_observe, (source, plan.seed))
    assert isinstance(text, _Observed)
    given, rounds = skip_damage.judged(plan, model, refine.start(plan, text.seen), text.first)
    given, rounds = skip_damage.judged(plan, model, given, text.second, rounds)
    if plan.kind == "greedy":
        third = refine.read(model, text.third)
        given, rounds = skip_damage.judged(plan, model, given, third, rounds)
    few = scaled(skip_damage.FEW, plan.text)
    given = skip_damage.worth_asking(plan, model, given, text.settled[:few])
    facts = {"divergence_judged": _divergence(model, given, text.check)}
    refine.fit_again(plan, model, given, text.second.windows)
    refine.refine(plan, model, given, refine.both(text.first, text.second), progress)
    _fill(given.parts, checkpoints.as_filed(_tensors(plan, given)))
    given = refine.settle(plan, model, given, text.settled)
    facts |= {"divergence": _divergence(model, given, text.check)}
    card = {"gone": list(given.gone), "shifts": given.shifts, "held_out": facts}
    return _tensors(plan, given), card


def _lenses(
    plan: RealRetrofit, source: ModelAndText, progress: Progress
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit the lenses of exits, each with its divergence on windows that no step sees."""
    model = model_and_text.fitting_backbone(source)
    looked, batch = scaled(early_exits.OBSERVED, plan.text), closed_form_fit.BATCH
    sizes = [looked, plan.steps * batch, batch]
    fitting = fitted_file.fitting_rows(source, plan.seed, sum(sizes))
    seen, steps, check = torch.split(fitting, sizes)
    lenses = early_exits.train(plan, model, seen, steps, progress)
    weights = lenses.state_dict()
    lenses.load_state_dict(checkpoints.as_filed(weights))
    apart = [round(one, 4) for one in early_exits.divergences(model, lenses, check)]
    return weights, {"held_out": dict(zip(map(str, plan.after), apart, strict=True))}


def _divergence(model: Decoder, given: RealParts, check: refine.Text) -> float:
    return round(refine.divergence(model, given, check), 4)


def _observe(which: tuple[ModelAndText, int]) -> _Observed:
    source, seed = which
    model, share = model_and_text.fitting_backbone(source), source.share
    counts = (_OBSERVED, _JUDGED, _JUDGED, _JUDGED, refine.SETTLED, _CHECKED)
    sizes = [scaled(count, share) for count in counts]
    fitting = fitted_file.fitting_rows(source, seed, sum(sizes))
    seen, *split, third, settled, check = torch.split(fitting, sizes)
    first, second, checked = (refine.read(model, part) for part in (*split, check))
    observed = closed_form_fit.observe(model, seen, seed)
    return _Observed(observed, first, second, third, settled, checked)


def _tensors(plan: RealRetrofit, given: RealParts) -> dict[str, Tensor]:
    parts = given.parts
    found: dict[str, Tensor] = {}
    for index in given.asked:
        for name, modules in (
            ("router", parts.routers),
            ("narrow", parts.narrow),
            ("wide", parts.wide),
        ):
            if not len(modules) or (name == "router" and plan.kind == "static"):
                continue
            for key, value in modules[index].state_dict().items():
                lean = _lean(value) if name == "router" else value
                found[f"{name}.{index}.{key}"] = lean
    return found


def _lean(value: Tensor) -> Tensor:
    """Return a router's weight without the forecast's half if that is nought."""
    half = value.shape[-1] // 2
    nought = value.shape[-1] > 1 and not value[..., half:].any()
    return value[..., :half] if nought else value


@torch.no_grad()
def _fill(parts: Parts, weights: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Write a file's weights into parts; return the units that have any."""
    places = {"router": parts.routers, "narrow": parts.narrow, "wide": parts.wide}
    asked = set()
    for key, value in weights.items():
        name, index, which = key.split(".")
        if name not in places:
            continue
        weight = places[name][int(index)].get_parameter(which)
        weight.zero_()[..., : value.shape[-1]].copy_(value)
        asked.add(int(index))
    return tuple(sorted(asked))


def restore(name: str, source: ModelAndText) -> RealParts:
    """Return a retrofit's parts in single precision, fitted first if need be.

    Raises:
        SelectionError: if there is no retrofit of that name, or none on this text.
    """
    plan = unit_plan(name, source)
    path = filed(plan, source)
    return _read(plan, source, checkpoints.read(path), checkpoints.card_of(path))


def exits(source: ModelAndText) -> early_exits.Lenses:
    """Return the lenses of exits, fitted first if need be, on the model's device."""
    need_exits(model_and_text.shape(source))
    plan = unit_plan("real-exits", source)
    lenses = early_exits.Lenses(plan.after, model_and_text.shape(source).width, plan.rank)
    lenses.load_state_dict(checkpoints.read(filed(plan, source)))
    return beside(lenses, source).eval().requires_grad_(False)


def beside(parts: M, source: ModelAndText) -> M:
    """Return parts on the device, and in the numbers, of the model that they are read with."""
    weight = model_and_text.backbone(source).embed.weight
    return parts.to(weight.device, weight.dtype)


def unit_plan(name: str, source: ModelAndText) -> RealRetrofit:
    """Return the plan of a retrofit such as `real-informed` or `real-static-late-15`.

    Raises:
        SelectionError: if nothing of that name could be fitted.
    """
    shape = model_and_text.shape(source)
    known = plans.unit_plans(shape, source.share)
    if name in known:
        return known[name]
    _, _, rest = name.partition("real-static-")
    order, _, percent = rest.rpartition("-")
    if order not in plans.ORDERS or not percent.isdigit():
        raise SelectionError(f"Nothing called {name!r} is fitted.", f"Known: {', '.join(known)}.")
    return plans.static_plan(order, int(percent), shape, source.share)


def filed(plan: RealRetrofit, source: ModelAndText) -> Path:
    """Return the file of a retrofit, fitted first if need be."""
    return fitted_file.fitted_file(plan, source, train, *CODE)


def _read(
    plan: RealRetrofit,
    source: ModelAndText,
    weights: Mapping[str, Tensor],
    card: Mapping[str, Any],
) -> RealParts:
    shape = model_and_text.shape(source)
    parts = refine.empty(plan, shape.width, 2 * shape.layers)
    asked = _fill(parts, weights)
    shifts = {float(share): float(shift) for share, shift in card["shifts"].items()}
    return RealParts(parts.eval(), asked, tuple(card["gone"]), shifts)
