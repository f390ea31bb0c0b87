"""Eight-bit checkpoints: matrices as int8 with one scale a row, everything else in fp16.

Half the size of fp16. A row's largest weight is 127 steps, so a weight is off by 0.4 % of that at
most; cards of packed checkpoints are scored from the packed file.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

LEVELS = 127
_SUFFIX = ":scale"
_LEAST = 6e-8
"""The least positive fp16: a row of zeros has a scale too."""


def packed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return named weights for a file; a matrix `w` [n, m] gets a companion `w:scale` [n, 1]."""
    found = {}
    for key, value in weights.items():
        if value.dim() != 2 or not value.numel():
            found[key] = value.half()
            continue
        scale = (value.abs().amax(1, keepdim=True) / LEVELS).clamp_min(_LEAST).half()
        found[key + _SUFFIX] = scale
        found[key] = (value / scale.float()).round().clamp(-LEVELS, LEVELS).char()
    return {key: value.contiguous() for key, value in found.items()}


def unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a file in fp32; those of a file that was not packed as they are."""
    one = torch.ones(())
    return {
        key: value.float() * weights.get(key + _SUFFIX, one).float()
        for key, value in weights.items()
        if not key.endswith(_SUFFIX)
    }
