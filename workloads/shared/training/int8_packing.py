"""Eight-bit checkpoints: matrices as int8 with one scale a row, everything else in fp16.

A row's largest weight is `levels` steps, 127 of them unless a recipe asks for fewer, so at 127 a
weight is off by 0.4 % of the largest at most. Cards of packed checkpoints are scored from the
packed file.

**References.** A model that was trained on from another one, or beside it, is packed with that one
as its *reference*: the integers of a matrix are stored less those that the reference would have on
the same scale, modulo 256. Nothing is lost by it, and the small differences compress well.

**Pairs.** Where 7 levels do, two weights share a byte (`paired`).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

LEVELS = 127
HALVES = 0
"""As `levels`: nothing is packed, everything is in fp16."""
PAIRED_LEVELS = 7
"""The most that fit into half a byte."""
_SUFFIX, _PAIRS = ":scale", ":pairs"
_LEAST = 6e-8
"""The least positive fp16: a row of zeros has a scale too."""
_BYTE, _HALF = 256, 16

Weights = Mapping[str, Tensor]


def packed(
    weights: Weights, levels: int = LEVELS, *, reference: Weights | None = None
) -> dict[str, Tensor]:
    """Return named weights for a file; a matrix `w` [n, m] gets a companion `w:scale` [n, 1].

    A matrix of one row, such as a router that gives one logit, stays in fp16: there is nothing to
    be saved. Whole numbers stay as they are.
    """
    found = {}
    for key, value in weights.items():
        if not value.is_floating_point():
            found[key] = value
            continue
        if levels == HALVES or value.dim() != 2 or not value.numel() or len(value) == 1:
            found[key] = value.half()
            continue
        scale = (value.abs().amax(1, keepdim=True) / levels).clamp_min(_LEAST).half()
        steps = (value / scale.float()).round().clamp(-levels, levels)
        found[key + _SUFFIX] = scale
        found[key] = _bytes(steps - _expected(key, value, scale, reference))
    return {key: value.contiguous() for key, value in found.items()}


def paired(weights: Weights) -> dict[str, Tensor]:
    """Return packed weights of at most 7 levels with two in a byte.

    A matrix `w` [n, m] of an even width becomes `w:pairs` [n, m / 2], whose right half is in the upper four bits.
    """
    found = {}
    for key, value in weights.items():
        if value.dtype == torch.int8 and value.shape[1] % 2 == 0:
            left, right = (value.int() + _HALF // 2).chunk(2, 1)
            found[key + _PAIRS] = (left + _HALF * right).to(torch.uint8)
        else:
            found[key] = value
    return found


def _separate(weights: Weights) -> dict[str, Tensor]:
    """Return weights with one in a byte."""
    found = {}
    for key, value in weights.items():
        if key.endswith(_PAIRS):
            halves = torch.cat((value % _HALF, value.div(_HALF, rounding_mode="floor")), 1)
            found[key.removesuffix(_PAIRS)] = halves.float() - _HALF // 2
        else:
            found[key] = value
    return found


def unpacked(weights: Weights, *, reference: Weights | None = None) -> dict[str, Tensor]:
    """Return the weights of a file in fp32; those of a file that was not packed as they are."""
    found, weights = {}, _separate(weights)
    for key, value in weights.items():
        if key.endswith(_SUFFIX):
            continue
        scale = weights.get(key + _SUFFIX)
        if scale is None:
            found[key] = value.float()
            continue
        steps = _bytes(value.float() + _expected(key, value, scale, reference))
        found[key] = steps.float() * scale.float()
    return found


def _expected(key: str, value: Tensor, scale: Tensor, reference: Weights | None) -> Tensor:
    """Return the integers that the reference would have on this scale; 0 where it has no such."""
    known = None if reference is None else reference.get(key)
    if known is None or known.shape != value.shape:
        return torch.zeros(())
    return (known / scale.float()).round().clamp(-LEVELS, LEVELS)


def _bytes(steps: Tensor) -> Tensor:
    """Return whole numbers modulo 256, as int8."""
    return ((steps.int() + _BYTE // 2) % _BYTE - _BYTE // 2).to(torch.int8)
