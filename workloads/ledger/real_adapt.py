"""Low-rank changes to SmolLM2's matrices: how the units that stay make up for those that are replaced.

    W <- W + U' D       D: [r, in], U: [r, out], r = 4, for all four fused matrices of a layer

The paper's optional last stage, which here runs together with the others and for every retrofit alike,
routed or static. While training, the change is a second, thin product; afterwards it is added to the
weights, so that reading costs what it cost before. The whole model that retrofits are compared with
stays as it was: what is learned is to say what it says (`real_refine.py`), not to say it better.
"""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger.real_model import RealBackbone, RealLayer

RANK = 4
PLACES = ("qkv", "out", "gate_up", "down")


class Adapted(nn.Module):
    """A frozen linear map and a low-rank change of it, zero at first."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__()
        self.whole = whole
        scale = whole.in_features**-0.5
        self.narrow = nn.Parameter(torch.randn(RANK, whole.in_features) * scale)
        self.wide = nn.Parameter(torch.zeros(RANK, whole.out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Apply both to x [..., in]."""
        code = F.linear(x, self.narrow.to(x.dtype))
        output: Tensor = self.whole(x) + code @ self.wide.to(x.dtype)
        return output


def adapted(model: RealBackbone) -> RealBackbone:
    """Return a copy whose layers can be changed."""
    made = deepcopy(model)
    for index in range(made.shape.layers):
        for place in PLACES:
            setattr(made.layer(index), place, Adapted(getattr(made.layer(index), place)))
    return made


def changes(model: RealBackbone) -> list[nn.Parameter]:
    """Return what an adapted copy has to train."""
    return [
        weight
        for module in model.modules()
        if isinstance(module, Adapted)
        for weight in (module.narrow, module.wide)
    ]


def tensors(model: RealBackbone) -> dict[str, Tensor]:
    """Return the changes by name, `adapter.{place}.{narrow, wide}`, [layers r, in or out]."""
    return {
        f"adapter.{place}.{part}": torch.cat(
            [getattr(getattr(layer, place), part).data for layer in _layers(model)]
        )
        for place in PLACES
        for part in ("narrow", "wide")
    }


@torch.no_grad()
def fill(model: RealBackbone, weights: Mapping[str, Tensor]) -> None:
    """Write changes into an adapted copy."""
    for place in PLACES:
        for part in ("narrow", "wide"):
            rows = torch.split(weights[f"adapter.{place}.{part}"], RANK)
            for layer, row in zip(_layers(model), rows, strict=True):
                getattr(getattr(layer, place), part).copy_(row)


@torch.no_grad()
def merged(model: RealBackbone, weights: Mapping[str, Tensor]) -> RealBackbone:
    """Return a copy with the changes added to its weights; the embedding is shared."""
    made = deepcopy(model, {id(model.embed.weight): model.embed.weight})
    for place in PLACES:
        parts = (
            torch.split(weights[f"adapter.{place}.{part}"], RANK) for part in ("wide", "narrow")
        )
        for layer, wide, narrow in zip(_layers(made), *parts, strict=True):
            getattr(layer, place).weight.add_(wide.T @ narrow)
    return made


def _layers(model: RealBackbone) -> list[RealLayer]:
    return [model.layer(index) for index in range(model.shape.layers)]
