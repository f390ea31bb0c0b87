"""A policy that went on from another one, in a file of half the size: what each weight differs by, in a byte.

    w = base + steps * scale        steps: -127..127; scale: one a matrix, in half precision

Vectors are few, and keep their difference in half precision. What is scored is scored of the file as it ships.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ":scale"
LEVELS = 127
_LEAST = 6e-8
"""The least positive half: a matrix that did not change has a scale too."""


def packed(weights: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what differs, ready to be stored."""
    found = {}
    for name, weight in weights.items():
        gap = weight.detach() - base[name]
        if gap.dim() < 2:
            found[name] = gap.half()
            continue
        scale = (gap.abs().max() / LEVELS).clamp_min(_LEAST).half()
        found[name] = (gap / scale.float()).round().clamp(-LEVELS, LEVELS).to(torch.int8)
        found[name + SCALE] = scale
    return found


def added(base: Mapping[str, Tensor], file: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the policy that went on."""
    one = torch.tensor(1.0)
    return {
        name: weight + file[name].float() * file.get(name + SCALE, one).float()
        for name, weight in base.items()
    }
