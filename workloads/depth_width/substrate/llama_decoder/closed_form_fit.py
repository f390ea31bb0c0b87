"""Forecasters and routers for a pretrained model in closed form, from one pass over unlabelled text.

Each unit f (an attention block or an MLP) gets a forecaster q of rank r and a router, as in
`routers_and_forecasters.py`, by least squares.

**Observed** (`observe`): at every unit, the normed rows x, the output f(x), and g, the gradient at that output of
sum_t log p(y_t), where each y_t is *drawn from the model itself*. No word of the text is used as a label.

**Forecasters.** Ridge regression of f on x, cut to rank r by the singular vectors of its prediction.

**Harm.** Taking q for f at one position changes the model's predictions by a divergence of about
(g . (q(x) - f(x)))^2 / 2 in expectation over the drawn words (the Fisher metric).

**Routers.** The logarithm of that harm, regressed on x, less a price: the unit runs where

    w . x + b + log E[harm] / E[exp(w . x + b)]  >  log price

The price is one number for all units, so the budget goes where it does the least harm. A static model has the
mean harm of a unit in the router's place. `skip_damage.py` then measures what skipping really costs and fits
routers again, and forecasters are fitted to these (`fit_again`), with `WEIGHT` more weight where rows are skipped.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder, soft

BATCH = 4
RIDGE, ROUTER_RIDGE = 1e-3, 3e-2
WEIGHT = 10.0
_FLOOR = 1e-6
"""Nats: a harm below this is noise."""


@dataclass(frozen=True)
class Seen:
    """What one pass saw at every unit; rows of all windows, one below the other."""

    rows: tuple[Tensor, ...]
    """[N, d] each, half precision."""
    outputs: tuple[Tensor, ...]
    slopes: tuple[Tensor, ...]


@dataclass(frozen=True)
class Forecast:
    """q(x) = (x A) B + c."""

    narrow: Tensor
    """[d, r]."""
    wide: Tensor
    """[r, d]."""
    constant: Tensor

    def of(self, x: Tensor) -> Tensor:
        """Forecast rows [N, d]."""
        return x @ self.narrow @ self.wide + self.constant


@dataclass(frozen=True)
class Router:
    """x -> estimated log harm of skipping, in log nats."""

    weight: Tensor
    bias: float

    def of(self, x: Tensor) -> Tensor:
        """Return the estimates of rows [N, d]."""
        return x @ self.weight + self.bias


@dataclass(frozen=True)
class Unit:
    """A unit's forecaster (None: it is skipped without one), router and mean harm."""

    forecast: Forecast | None
    router: Router
    mean_harm: float


def observe(model: Decoder, tokens: Tensor, seed: int) -> Seen:
    """Run windows [n, T] forwards and backwards; `model` may be in half precision."""
    count = 2 * model.shape.layers
    found: list[list[list[Tensor]]] = [[[] for _ in range(count)] for _ in range(3)]
    generator = torch.Generator(device=tokens.device).manual_seed(seed)
    for part in torch.split(tokens, BATCH):
        leaves: list[Tensor] = []

        def mix(unit: int, x: Tensor, output: object, leaves: list[Tensor] = leaves) -> Tensor:
            assert callable(output)
            y: Tensor = output()
            leaf = torch.zeros_like(y, requires_grad=True)
            leaves.append(leaf)
            for kind, what in enumerate((x, y)):
                found[kind][unit].append(what.detach().flatten(0, 1).bfloat16())
            return y + leaf

        states = soft(model, part, mix)
        chances = model.head(model.norm(states)).flatten(0, 1).float().log_softmax(-1)
        drawn = torch.multinomial(chances.detach().exp(), 1, generator=generator)
        torch.autograd.backward(chances.gather(1, drawn).sum())
        for unit, leaf in enumerate(leaves):
            assert leaf.grad is not None
            found[2][unit].append(leaf.grad.flatten(0, 1).bfloat16())
    rows, outputs, slopes = (tuple(_joined(kind)) for kind in found)
    return Seen(rows, outputs, slopes)


def _joined(kind: list[list[Tensor]]) -> Iterator[Tensor]:
    """Yield each unit's rows, freeing the pieces: all units together are gigabytes."""
    for parts in kind:
        yield torch.cat(parts)
        parts.clear()


def units(seen: Seen, rank: int, *, forecast: bool = True) -> list[Unit]:
    """Fit every unit."""
    return [_unit(seen, index, rank, forecast) for index in range(len(seen.rows))]


def price(found: list[Unit], seen: Seen, sparsity: float) -> float:
    """Return the log price at which routers skip a share of all unit executions."""
    every = [unit.router.of(x.float()) for unit, x in zip(found, seen.rows, strict=True)]
    flat = torch.cat(every)
    return float(flat.kthvalue(max(1, round(sparsity * len(flat)))).values)


def _unit(seen: Seen, index: int, rank: int, forecast: bool) -> Unit:
    x, y, g = (part[index].float() for part in (seen.rows, seen.outputs, seen.slopes))
    made = regress(x, y, rank) if forecast else None
    error = y if made is None else made.of(x) - y
    harm = 0.5 * (g * error).sum(-1).square()
    return Unit(made, router(x, harm), float(harm.mean()))


def regress(x: Tensor, y: Tensor, rank: int, weight: Tensor | None = None) -> Forecast:
    """Fit y [N, d] from x [N, d] with weights [N], cut to a rank."""
    w = torch.ones(len(x)) if weight is None else weight
    w = (w / w.sum())[:, None]
    centre, mean = (w * x).sum(0), (w * y).sum(0)
    x, y = x - centre, y - mean
    left = (w * x).T
    gram, cross = (left @ x).double(), (left @ y).double()
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    full = torch.linalg.solve(gram + ridge, cross)
    spread = full.T @ gram @ full
    turned = torch.linalg.eigh((spread + spread.T) / 2).eigenvectors[:, -rank:]
    narrow, wide = full @ turned, turned.T
    constant = mean.double() - centre.double() @ narrow @ wide
    return Forecast(narrow.float(), wide.float(), constant.float())


def router(x: Tensor, harm: Tensor, floor: float = _FLOOR, ridge: float = ROUTER_RIDGE) -> Router:
    """Regress log harm [N] on x [N, d]; the offset makes the estimates right in the mean."""
    target = harm.clamp_min(floor).log()
    centre, mean = x.mean(0), target.mean()
    x = x - centre
    gram = x.T @ x / len(x)
    gram.diagonal().add_(ridge * gram.diagonal().mean())
    weight = torch.linalg.solve(gram, x.T @ (target - mean) / len(x))
    said = x @ weight + mean
    whole = harm.clamp_min(0).mean().clamp_min(_FLOOR)
    offset = whole.log() - said.exp().mean().log()
    return Router(weight, float(mean - centre @ weight + offset))


def least_harmful(found: list[Unit], count: int) -> tuple[int, ...]:
    """Return the units whose loss for everyone does the least harm, ascending."""
    order = sorted(range(len(found)), key=lambda index: found[index].mean_harm)
    return tuple(sorted(order[:count]))


def evenly(units_in_all: int, count: int) -> tuple[int, ...]:
    """Return whole layers spread evenly over the inner ones: uniform thinning."""
    layers, gone = units_in_all // 2, round(count / 2)
    picked = {round((i + 0.5) * layers / gone - 0.5) for i in range(gone)} if gone else set()
    return tuple(unit for layer in sorted(picked) for unit in (2 * layer, 2 * layer + 1))


def last(units_in_all: int, count: int) -> tuple[int, ...]:
    """Return the last layers: truncated depth."""
    return tuple(range(units_in_all - 2 * round(count / 2), units_in_all))


@lru_cache(maxsize=1)
def observed(make: Callable[[Any], object], which: Hashable) -> object:
    """Return what is made of a model's and seed's text, kept for the next recipe of the same process."""
    return make(which)
