"""A layer of experts that are held in few bits, and widened where they are multiplied.

    narrow = NarrowLayer(layer, bits=(8, 4, 8, ...))          bits of each expert: 8 or 4

A group of `GROUP` weights of a row has one scale, its largest magnitude over 127 or 7; weights are rounded to the nearest
step (round-to-nearest, no calibration). Numbers of four bits are held two a byte. What is widened for a product is
forgotten after it, so that what is held is what is counted.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.moe.substrate.expert_layer import ExpertLayer, Multiply
from adabench.workloads.moe.substrate.expert_sum import Pairs

GROUP = 32
STEPS = {8: 127, 4: 7}


class NarrowLayer(ExpertLayer):
    """The layer; its router is the one it was made of."""

    def __init__(self, layer: ExpertLayer, bits: Sequence[int]) -> None:
        nn.Module.__init__(self)
        self.router = layer.router
        self.bits = tuple(bits)
        for name, weights in (("inner", layer.inner), ("outer", layer.outer)):
            for expert, own in enumerate(self.bits):
                held, scale = narrowed(weights[expert], own)
                self.register_buffer(f"{name}_{expert}", held)
                self.register_buffer(f"{name}_scale_{expert}", scale)

    def outputs(self, x: Tensor, pairs: Pairs, multiply: Multiply) -> Tensor:
        """Return what each pair's expert makes of its row; experts without rows are not widened."""
        del multiply
        found = []
        for expert, rows in enumerate(torch.split(x[pairs.row], pairs.sizes)):
            if len(rows):
                inner = F.gelu(rows @ self._wide("inner", expert).T)
                found.append(inner @ self._wide("outer", expert).T)
        return torch.cat(found) if found else x.new_zeros(0, x.shape[1])

    def _wide(self, name: str, expert: int) -> Tensor:
        held, scale = self.get_buffer(f"{name}_{expert}"), self.get_buffer(f"{name}_scale_{expert}")
        return widened(held, scale, self.bits[expert])


def narrowed(weights: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return weights [m, k] as whole numbers, [m, k] or two a byte [m, k / 2], and scales [m, k / GROUP] in half precision."""
    groups = weights.detach().view(len(weights), -1, GROUP)
    scale = (groups.abs().amax(-1, keepdim=True) / STEPS[bits]).clamp_min(6e-8).half()
    steps = (groups / scale.float()).round().clamp(-STEPS[bits], STEPS[bits]).to(torch.int8)
    flat = steps.flatten(1)
    if bits == 4:
        low, high = (flat[:, ::2] + 8).to(torch.uint8), (flat[:, 1::2] + 8).to(torch.uint8)
        return low | (high << 4), scale[..., 0]
    return flat, scale[..., 0]


def widened(held: Tensor, scale: Tensor, bits: int) -> Tensor:
    """Return weights [m, k] in single precision."""
    if bits == 4:
        pairs = torch.stack((held & 15, held >> 4), dim=-1).flatten(1)
        steps = pairs.to(torch.float32) - 8
    else:
        steps = held.to(torch.float32)
    return (steps.view(len(held), -1, GROUP) * scale.float()[..., None]).flatten(1)
