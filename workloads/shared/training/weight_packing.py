"""Weights in few bits: whole numbers and one scale a matrix, for files that ship.

A weight `w` [..., n, m] becomes `w`, a stream of bits, and `w:scale` [..., 1, 1] in half precision. A number of
`levels` steps either way takes as many bits as 2 levels has: 7 take 4, 15 take 5, 31 take 6. `:forms` has a row
(levels, n, m) for each such weight, by name. What is scored of a checkpoint is scored of the file as it ships.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

SCALE, FORMS = ":scale", ":forms"
_LEAST = 6e-8
"""The least positive half: a row of zeros has a scale too."""


def packed(weights: Mapping[str, Tensor], levels: int | Callable[[str], int]) -> dict[str, Tensor]:
    """Return weights for a file: matrices in whole numbers of `levels` steps either way, of all or by name.

    With no levels nothing is packed, and all is in half precision.
    """
    found, forms = {}, []
    for name, value in sorted(weights.items()):
        steps_of = levels(name) if callable(levels) else levels
        if value.dim() < 2 or not steps_of:
            found[name] = (value.half() if value.dim() else value.float()).contiguous()
            continue
        scale = (value.abs().amax((-2, -1), keepdim=True) / steps_of).clamp_min(_LEAST).half()
        steps = (value / scale.float()).round().clamp(-steps_of, steps_of)
        found[name], found[name + SCALE] = _stream(steps, steps_of), scale.contiguous()
        forms.append([steps_of, *value.shape[-2:]])
    return found | ({FORMS: torch.tensor(forms, dtype=torch.int16)} if forms else {})


def unpacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a file in single precision."""
    names = sorted(name for name in weights if name + SCALE in weights)
    forms = weights[FORMS].int().tolist() if names else []
    found = {
        name: value.float()
        for name, value in weights.items()
        if name not in names and not name.endswith((SCALE, FORMS))
    }
    for name, (levels, *shape) in zip(names, forms, strict=True):
        scale = weights[name + SCALE].float()
        found[name] = _steps(weights[name], levels, (*scale.shape[:-2], *shape)) * scale
    return found


def _bits(levels: int) -> int:
    return (2 * levels).bit_length()


def _stream(steps: Tensor, levels: int) -> Tensor:
    """Return whole numbers as a stream of bits, the lowest of each number first."""
    numbers = (steps + levels).flatten().to(torch.uint8).numpy()
    bits = np.unpackbits(numbers[:, None], axis=1, bitorder="little")[:, : _bits(levels)]
    return torch.from_numpy(np.packbits(bits, bitorder="little"))


def _steps(stream: Tensor, levels: int, shape: tuple[int, ...]) -> Tensor:
    """Return the whole numbers of a stream."""
    count, width = torch.Size(shape).numel(), _bits(levels)
    bits = np.unpackbits(stream.to(torch.uint8).numpy(), bitorder="little")[: count * width]
    numbers = np.packbits(bits.reshape(count, width), axis=1, bitorder="little")
    return torch.from_numpy(numbers[:, 0]).float().view(shape) - levels
