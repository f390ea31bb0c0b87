"""Weights in one byte: whole numbers and one scale a matrix, for files that ship.

A weight `w` [..., n, m] becomes `w` in int8 and `w:scale` [..., 1, 1] in half precision. With fewer levels
than a byte has, a file compresses better where it is packed again (a wheel). What is scored of a
checkpoint is scored of the file as it ships.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ":scale"
_LEAST = 6e-8
"""The least positive half: a row of zeros has a scale too."""


def packed(weights: Mapping[str, Tensor], levels: int) -> dict[str, Tensor]:
    """Return weights for a file: matrices in whole numbers of `levels` steps either way.

    With no levels nothing is packed, and all is in half precision.
    """
    found = {}
    for name, value in weights.items():
        if value.dim() < 2 or not levels:
            found[name] = (value.half() if value.dim() else value.float()).contiguous()
            continue
        scale = (value.abs().amax((-2, -1), keepdim=True) / levels).clamp_min(_LEAST).half()
        steps = (value / scale.float()).round().clamp(-levels, levels)
        found[name], found[name + SCALE] = steps.to(torch.int8).contiguous(), scale.contiguous()
    return found


def unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a file in single precision."""
    return {
        name: value.float() * weights[name + SCALE].float()
        if name + SCALE in weights
        else value.float()
        for name, value in weights.items()
        if not name.endswith(SCALE)
    }
